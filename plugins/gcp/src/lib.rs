//! The Konductor plugin for gcp.
