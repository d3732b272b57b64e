//! The Konductor plugin for azure.
