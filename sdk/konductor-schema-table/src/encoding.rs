//! Numbers and texts as bytes. Whole numbers take seven bits a byte, the last one with its high bit clear.

/// Reads one thing after another; none at the end or where there is no such thing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'b> {
    bytes: &'b [u8],
}

impl<'b> Cursor<'b> {
    /// Starts at an offset.
    pub(crate) fn at(bytes: &'b [u8], offset: usize) -> Self {
        Self {
            bytes: bytes.get(offset..).unwrap_or_default(),
        }
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            let shifted = bits << shift;
            // Bits that fall out at the top were never written.
            if shifted >> shift != bits {
                return None;
            }
            number |= shifted;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    pub(crate) fn size(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    /// Reads a number that may be missing.
    pub(crate) fn optional(&mut self) -> Option<Option<u64>> {
        Some(match self.byte()? {
            0 => None,
            _ => Some(self.number()?),
        })
    }

    /// Reads a number with a sign that may be missing.
    pub(crate) fn optional_signed(&mut self) -> Option<Option<i64>> {
        Some(self.optional()?.map(|folded| {
            let half = i64::try_from(folded >> 1).unwrap_or(i64::MAX);
            if folded & 1 == 0 { half } else { -half - 1 }
        }))
    }

    /// Reads a text with its length before it.
    pub(crate) fn text(&mut self) -> Option<&'b str> {
        let length = self.size()?;
        let (text, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        std::str::from_utf8(text).ok()
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        let (number, rest) = self.bytes.split_first_chunk::<4>()?;
        self.bytes = rest;
        Some(u32::from_le_bytes(*number))
    }
}

pub(crate) fn put_number(to: &mut Vec<u8>, mut number: u64) {
    loop {
        let bits = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            to.push(bits);
            return;
        }
        to.push(bits | 0x80);
    }
}

pub(crate) fn put_size(to: &mut Vec<u8>, size: usize) {
    put_number(to, size as u64);
}

pub(crate) fn put_optional(to: &mut Vec<u8>, number: Option<u64>) {
    match number {
        None => to.push(0),
        Some(number) => {
            to.push(1);
            put_number(to, number);
        }
    }
}

pub(crate) fn put_optional_signed(to: &mut Vec<u8>, number: Option<i64>) {
    put_optional(
        to,
        number.map(|number| {
            let half = number.unsigned_abs();
            if number < 0 {
                ((half - 1) << 1) | 1
            } else {
                half << 1
            }
        }),
    );
}

pub(crate) fn put_text(to: &mut Vec<u8>, text: &str) {
    put_size(to, text.len());
    to.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_again(number: u64, signed: Option<i64>, length: Option<u64>, text: String) {
            let mut bytes = Vec::new();
            put_number(&mut bytes, number);
            put_optional_signed(&mut bytes, signed);
            put_optional(&mut bytes, length);
            put_text(&mut bytes, &text);
            let mut cursor = Cursor::at(&bytes, 0);
            prop_assert_eq!(cursor.number(), Some(number));
            prop_assert_eq!(cursor.optional_signed(), Some(signed));
            prop_assert_eq!(cursor.optional(), Some(length));
            prop_assert_eq!(cursor.text(), Some(text.as_str()));
            prop_assert_eq!(cursor.byte(), None);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>, offset in 0_usize..64) {
            let mut cursor = Cursor::at(&bytes, offset);
            let _ = (cursor.number(), cursor.optional_signed(), cursor.text(), cursor.u32());
        }
    }
}
