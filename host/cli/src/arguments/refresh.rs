//! What is read from the cloud before a plan is made.

use std::time::Duration;

use clap::{Args, ValueEnum};
use konductor_engine::Reading;

/// Which objects are read first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Refresh {
    /// All that are recorded.
    #[default]
    All,
    /// Those that were not read for a while, see --refresh-age, and those that the plan would touch.
    Changed,
    /// None: plan from what is recorded.
    None,
}

/// Which objects are read first, and what a while is.
#[derive(Debug, Clone, Default, Args)]
pub struct RefreshChoice {
    /// What is read from the cloud before the plan is made.
    #[arg(long, value_enum, default_value_t = Refresh::All, value_name = "WHAT")]
    refresh: Refresh,
    /// How long what was read holds with --refresh=changed: 90s, 15m, 1h, 2d.
    #[arg(long, default_value = "1h", value_name = "TIME", value_parser = age)]
    refresh_age: Age,
    /// The same as --refresh=none.
    #[arg(long, conflicts_with = "refresh")]
    no_refresh: bool,
}

/// A time that something holds for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Age(Duration);

impl Default for Age {
    fn default() -> Self {
        Self(Duration::from_secs(3_600))
    }
}

impl RefreshChoice {
    /// Returns what is to be read.
    pub fn reading(&self) -> Reading {
        match self.refresh {
            _ if self.no_refresh => Reading::Nothing,
            Refresh::All => Reading::All,
            Refresh::None => Reading::Nothing,
            Refresh::Changed => Reading::OlderThan(self.refresh_age.0),
        }
    }
}

fn age(text: &str) -> Result<Age, String> {
    duration(text).map(Age)
}

/// Reads a time as people write it.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let expected = || format!("`{text}` is not a time: expected for example 90s, 15m, 1h or 2d");
    // A day is 24 hours here; jiff leaves that to calendars.
    if let Some(days) = text.strip_suffix('d') {
        let days: u64 = days.trim().parse().map_err(|_| expected())?;
        return Ok(Duration::from_secs(days.saturating_mul(86_400)));
    }
    let signed: jiff::SignedDuration = text.parse().map_err(|_| expected())?;
    Duration::try_from(signed).map_err(|_| expected())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        choice: RefreshChoice,
    }

    fn reading(words: &[&str]) -> Result<Reading, clap::Error> {
        Line::try_parse_from(std::iter::once("konductor").chain(words.iter().copied()))
            .map(|line| line.choice.reading())
    }

    #[test]
    fn what_is_read_can_be_chosen_and_the_old_option_still_holds() {
        let hours = |hours: u64| Reading::OlderThan(Duration::from_secs(hours * 3_600));
        assert_eq!(reading(&[]).unwrap(), Reading::All);
        assert_eq!(reading(&["--no-refresh"]).unwrap(), Reading::Nothing);
        assert_eq!(reading(&["--refresh=none"]).unwrap(), Reading::Nothing);
        assert_eq!(reading(&["--refresh", "changed"]).unwrap(), hours(1));
        assert_eq!(
            reading(&["--refresh=changed", "--refresh-age=2d"]).unwrap(),
            hours(48)
        );
        let minutes = reading(&["--refresh=changed", "--refresh-age", "90m"]).unwrap();
        assert_eq!(minutes, Reading::OlderThan(Duration::from_secs(5_400)));
    }

    #[test]
    fn a_time_that_is_none_and_two_choices_at_once_are_refused() {
        for words in [
            &["--refresh-age=soon"][..],
            &["--refresh-age=-1h"],
            &["--refresh=some"],
            &["--refresh=all", "--no-refresh"],
        ] {
            assert!(reading(words).is_err(), "{words:?}");
        }
    }
}
