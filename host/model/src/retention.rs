//! How long something is kept.

use std::fmt;
use std::str::FromStr;

/// The days of a year; one more than most have, so that nothing goes too early.
const YEAR: u32 = 366;

/// How long something is kept at least: `90d`, `12w`, `7y`. They are ordered by their lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Retention {
    days: u32,
}

impl Retention {
    /// Returns how many days that is.
    pub fn days(self) -> u32 {
        self.days
    }
}

impl FromStr for Retention {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no time to keep something: expected days, weeks or years such as `90d`, `12w`, `7y`"
            )
        };
        let (number, days) = [("d", 1), ("w", 7), ("y", YEAR)]
            .into_iter()
            .find_map(|(unit, days)| Some((text.strip_suffix(unit)?, days)))
            .ok_or_else(wrong)?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let number: u32 = number.parse().ok().filter(|_| is_number).ok_or_else(wrong)?;
        // A thousand years are enough, and fit into every calendar.
        let days = number
            .checked_mul(days)
            .filter(|days| (1..=1_000 * YEAR).contains(days));
        Ok(Self {
            days: days.ok_or_else(wrong)?,
        })
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.days % YEAR, self.days % 7) {
            (0, _) => write!(f, "{}y", self.days / YEAR),
            (_, 0) => write!(f, "{}w", self.days / 7),
            _ => write!(f, "{}d", self.days),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_weeks_and_years_are_read_and_nothing_else() {
        let days = |text: &str| text.parse::<Retention>().map(Retention::days);
        assert_eq!(days("90d"), Ok(90));
        assert_eq!(days("2w"), Ok(14));
        assert_eq!(days("7y"), Ok(7 * 366));
        for wrong in [
            "",
            "7",
            "y",
            "0d",
            "-1d",
            "+1d",
            "1.5y",
            "7 y",
            "7m",
            "1001y",
            "99999999999y",
        ] {
            assert!(days(wrong).is_err(), "{wrong}");
        }
        assert!("1y".parse::<Retention>() > "365d".parse::<Retention>());
        for text in ["90d", "2w", "7y"] {
            assert_eq!(
                text.parse::<Retention>().map(|found| found.to_string()),
                Ok(text.to_owned())
            );
        }
    }
}
