//! The Konductor plugin for compliance.
