//! What may be done with a property.

use std::ops::BitOr;

/// What may be done with a property; any of them together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flags(u32);

impl Flags {
    /// Nothing particular: it may be given and changed, and is given back.
    pub const NONE: Self = Self(0);
    /// It must be given.
    pub const REQUIRED: Self = Self(1);
    /// Only the cloud sets it.
    pub const READ_ONLY: Self = Self(1 << 1);
    /// The cloud never gives it back.
    pub const WRITE_ONLY: Self = Self(1 << 2);
    /// It can be given when the object is made and never be changed.
    pub const CREATE_ONLY: Self = Self(1 << 3);
    /// It is part of what names the object.
    pub const IDENTIFIER: Self = Self(1 << 4);
    /// It must never be shown.
    pub const SENSITIVE: Self = Self(1 << 5);
    /// The order of its elements means nothing.
    pub const UNORDERED: Self = Self(1 << 6);
    /// It should not be used any more.
    pub const DEPRECATED: Self = Self(1 << 7);

    /// Returns the flags with these bits; bits that no flag has are kept.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Returns the bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Tells whether all of some flags are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
