//! A moment, as a number: formatting it is left to the edge.

use std::{fmt, str::FromStr};

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

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Moments past the year 9999 have no RFC 3339 form; they show as its last millisecond.
        let moment = i64::try_from(self.0)
            .ok()
            .and_then(|milliseconds| jiff::Timestamp::from_millisecond(milliseconds).ok())
            .unwrap_or(jiff::Timestamp::MAX);
        write!(f, "{moment:.3}")
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
    use super::*;

    #[test]
    fn every_moment_has_three_decimals_and_a_z() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp(1_500).to_string(), "1970-01-01T00:00:01.500Z");
        assert!(Timestamp(u64::MAX).to_string().starts_with("9999-12-3"));
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
