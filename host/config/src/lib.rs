//! Layered configuration with a source place for every value.
