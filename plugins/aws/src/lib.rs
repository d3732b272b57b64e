//! The Konductor plugin for aws.
