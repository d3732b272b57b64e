//! Tests that cross crates: the built binary, the real sandbox, real emulators.
