//! How many requests a cloud lets through.

/// A limit that an operator knows: so many requests a second, and so many more at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests a second; at least one.
    pub requests_per_second: u32,
    /// How many may go at once before the rate counts; at least one.
    pub burst: u32,
}
