//! Points in a stack's history, as people write them.

use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};
use konductor_state::StackLog;

use crate::error::CommandError;

/// How points are written, for help texts.
pub const FORMS: &str = "\
A point is the number of a run, as `konductor history` shows it: the state that the run left. Or a time,
`2026-11-21T10:00:00Z`, `2026-11-21 10:00` or `2026-11-21` (of this machine's time zone); a span back from now, `2h` or
`3 days`; an entry of the log, `entry:42`; `now`.";

/// A point in a stack's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Point {
    /// What a run left.
    Run(u64),
    /// What there was at a time.
    Time(Timestamp),
    /// What there was after an entry.
    Entry(u64),
    /// What there is.
    Now,
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "now" {
            return Ok(Self::Now);
        }
        if let Some(serial) = text.strip_prefix("entry:") {
            return serial.parse().map(Self::Entry).map_err(|_| {
                format!(
                    "`entry:` takes the number of an entry, as `konductor log show` shows it, not `{serial}`"
                )
            });
        }
        if let Ok(number) = text.parse() {
            return Ok(Self::Run(number));
        }
        if let Ok(time) = text.parse() {
            return Ok(Self::Time(time));
        }
        let civil = text
            .parse::<DateTime>()
            .or_else(|_| text.parse::<Date>().map(|date| date.at(0, 0, 0, 0)));
        if let Ok(civil) = civil {
            return match civil.to_zoned(TimeZone::system()) {
                Ok(zoned) => Ok(Self::Time(zoned.timestamp())),
                Err(error) => Err(format!("there is no time {text} in this time zone: {error}")),
            };
        }
        // A span says itself whether it is past; all of them are here.
        if let Ok(span) = text.parse::<Span>()
            && let Ok(then) = Zoned::now().checked_sub(span.abs())
        {
            return Ok(Self::Time(then.timestamp()));
        }
        Err(
            "expected a run's number, a time such as 2026-11-21T10:00:00Z, a span such as 2h, `entry:NUMBER` or `now`"
                .to_owned(),
        )
    }
}

impl Point {
    /// Returns the last entry of the state that this means.
    ///
    /// # Errors
    /// When there is no such run or entry.
    pub async fn serial(&self, log: &StackLog) -> Result<u64, CommandError> {
        let (last, _) = log.head().await?;
        match self {
            Self::Now => Ok(last),
            Self::Time(time) => Ok(log.serial_at(*time).await?),
            Self::Entry(serial) if *serial <= last => Ok(*serial),
            Self::Entry(serial) => Err(CommandError::message(format!(
                "there is no entry {serial}: the log ends with entry {last}"
            ))),
            // Before the first run there was nothing.
            Self::Run(0) => Ok(0),
            Self::Run(number) => {
                let runs = log.runs().await?;
                match runs.iter().find(|run| run.number == *number) {
                    Some(run) => Ok(run.last),
                    None => Err(CommandError::message(format!(
                        "there is no run {number}: the log has {}",
                        runs.len()
                    ))
                    .help("`konductor history --all` lists the runs")),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_everything_else_is_said_to_be_none() {
        assert_eq!("7".parse(), Ok(Point::Run(7)));
        assert_eq!("entry:42".parse(), Ok(Point::Entry(42)));
        assert_eq!("now".parse(), Ok(Point::Now));
        let time: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        assert_eq!("2026-11-21T10:00:00Z".parse(), Ok(Point::Time(time)));
        assert_eq!("2026-11-21T12:00:00+02:00".parse(), Ok(Point::Time(time)));
        for local in ["2026-11-21", "2026-11-21 10:00", "2026-11-21T10:00:00"] {
            assert!(matches!(local.parse(), Ok(Point::Time(_))), "{local}");
        }
        for span in ["2h", "3 days", "1h 30m", "2h ago"] {
            let Ok(Point::Time(then)) = span.parse() else {
                panic!("{span}");
            };
            assert!(then < Timestamp::now(), "{span} is in the past");
        }
        for wrong in ["", "yesterday", "entry:x", "-3x", "2026-13-01"] {
            assert!(wrong.parse::<Point>().is_err(), "{wrong}");
        }
    }
}
