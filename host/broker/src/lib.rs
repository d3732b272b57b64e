//! The only way a plugin's request leaves the machine: egress rules, signing, throttling, retry and audit.
