//! A moment, as a number: formatting it is left to the edge.

use std::{
    fmt,
    str::FromStr,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

/// Milliseconds since the beginning of 1970, UTC.
///
/// Displayed as RFC 3339 with milliseconds and a final `Z`, the one form that every known client reads.
///
/// ```
/// # use zonekit_model::Timestamp;
/// assert_eq!(Timestamp(1_691_144_492_250).to_string(), "2023-08-04T10:21:32.250Z");
/// ```
#[derive(
    Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The last moment that is shown as itself.
    const LAST: u64 = 253_402_300_799_999;

    /// The moment that many whole seconds after the beginning of 1970.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// Whole seconds since the beginning of 1970.
    pub const fn as_seconds(self) -> u64 {
        self.0 / 1_000
    }

    /// Milliseconds from `earlier` to this moment; 0 if it is not earlier.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// What the clock on the wall shows, to the millisecond; before 1970 it is the beginning of 1970.
impl From<SystemTime> for Timestamp {
    fn from(at: SystemTime) -> Self {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Moments past the year 9999 have no RFC 3339 form; they show as its last millisecond.
        let moment = self.0.min(Self::LAST);
        let (days, of_day) = (moment / 86_400_000, moment % 86_400_000);
        let (year, month, day) = date_of(days);
        let (seconds, milliseconds) = (of_day / 1_000, of_day % 1_000);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        // By hand, since every zone of a list has half a dozen of these.
        for (end, mut number) in [
            (3, year),
            (6, month),
            (9, day),
            (12, seconds / 3_600),
            (15, seconds / 60 % 60),
            (18, seconds % 60),
            (22, milliseconds),
        ] {
            let digits = text.iter_mut().take(end + 1).rev();
            for digit in digits.take_while(|digit| digit.is_ascii_digit()) {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        f.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

/// The day of the calendar that many days after the first of 1970: years begin with March, so that a leap day is the last.
fn date_of(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468; // since the first of March in the year 0
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    match month {
        0..10 => (400 * era + year, month + 3, day),
        _ => (400 * era + year + 1, month - 9, day),
    }
}

/// A text is no moment of RFC 3339 from 1970 on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a moment looks like 2023-08-04T10:21:32.250Z")]
pub struct TimestampError;

impl FromStr for Timestamp {
    type Err = TimestampError;

    /// Reads RFC 3339; what is finer than a millisecond is left out.
    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let moment: jiff::Timestamp = text.parse().map_err(|_| TimestampError)?;
        let milliseconds = moment.as_millisecond();
        u64::try_from(milliseconds)
            .map(Self)
            .map_err(|_| TimestampError)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_moment_on_the_wall_is_one_in_milliseconds() {
        let check = |at: SystemTime, expected: u64| assert_eq!(Timestamp::from(at).0, expected);
        let second = Duration::from_secs(1);
        check(UNIX_EPOCH + second * 3 / 2, 1_500);
        check(UNIX_EPOCH - second, 0);
    }

    #[test]
    fn every_moment_has_three_decimals_and_a_z() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp(1_500).to_string(), "1970-01-01T00:00:01.500Z");
        let last = "9999-12-31T23:59:59.999Z";
        assert_eq!(Timestamp(Timestamp::LAST).to_string(), last);
        assert_eq!(Timestamp(u64::MAX).to_string(), last);
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        // Up to where the other's calendar ends, in steps that fall on every day of the year.
        for day in (0..Timestamp::LAST / 86_400_000 - 1).step_by(97) {
            let at = day * 86_400_000 + day * 7_919 % 86_400_000;
            let known = jiff::Timestamp::from_millisecond(at as i64).unwrap();
            assert_eq!(Timestamp(at).to_string(), format!("{known:.3}"));
        }
    }

    #[test]
    fn moments_read_back_to_the_millisecond() {
        let check = |text: &str| text.parse::<Timestamp>();
        assert_eq!(check("1970-01-01T00:00:01.500Z"), Ok(Timestamp(1_500)));
        assert_eq!(
            check("1970-01-01T01:00:01.500999+01:00"),
            Ok(Timestamp(1_500))
        );
        for text in ["", "1970-01-01", "1969-12-31T23:59:59Z", "yesterday"] {
            assert_eq!(check(text), Err(TimestampError), "{text}");
        }
    }

    #[test]
    fn seconds_and_distances_saturate() {
        assert_eq!(Timestamp::from_seconds(u64::MAX), Timestamp(u64::MAX));
        assert_eq!(Timestamp(5).since(Timestamp(9)), 0);
        assert_eq!(Timestamp(1_999).as_seconds(), 1);
    }
}
