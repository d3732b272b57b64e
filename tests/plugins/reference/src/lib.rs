//! A tiny provider for benchmarks and engine tests.
