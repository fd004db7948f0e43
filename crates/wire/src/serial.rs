//! Serial numbers of zones.

use std::cmp::Ordering;
use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

/// A zone's serial number, which wraps around ([RFC 1982]).
///
/// It has no `Ord`, because the order of serials is not transitive, and of two that are 2³¹ apart neither is newer.
///
/// ```
/// use zonekit_wire::Serial;
///
/// assert!(Serial(1).is_newer_than(Serial(u32::MAX)));
/// assert_eq!(Serial(0).compare(Serial(1 << 31)), None);
/// ```
///
/// [RFC 1982]: https://www.rfc-editor.org/rfc/rfc1982
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Serial(pub u32);

impl Serial {
    /// Whether this serial comes after `other` ([RFC 1982 §3.2](https://www.rfc-editor.org/rfc/rfc1982#section-3.2)).
    pub fn is_newer_than(self, other: Self) -> bool {
        self.compare(other) == Some(Ordering::Greater)
    }

    /// How the two are ordered; `None` for serials exactly 2³¹ apart, which the RFC leaves open.
    pub fn compare(self, other: Self) -> Option<Ordering> {
        const HALF: u32 = 1 << 31;
        match self.0.wrapping_sub(other.0) {
            0 => Some(Ordering::Equal),
            HALF => None,
            ahead if ahead < HALF => Some(Ordering::Greater),
            _ => Some(Ordering::Less),
        }
    }

    /// The serial `n` steps on. Only up to 2³¹ − 1 steps give a newer one
    /// ([RFC 1982 §3.1](https://www.rfc-editor.org/rfc/rfc1982#section-3.1)).
    #[must_use]
    #[expect(
        clippy::should_implement_trait,
        reason = "the RFC's word, and not every sum is a newer serial"
    )]
    pub fn add(self, n: u32) -> Self {
        Self(self.0.wrapping_add(n))
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Serial {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_wraps_and_is_open_at_half_the_circle() {
        let check = |a: u32, b: u32, order| {
            assert_eq!(Serial(a).compare(Serial(b)), order, "{a} {b}");
            assert_eq!(
                Serial(b).compare(Serial(a)),
                order.map(Ordering::reverse),
                "{b} {a}"
            );
        };
        check(5, 5, Some(Ordering::Equal));
        check(0, 1, Some(Ordering::Less));
        check(u32::MAX, 0, Some(Ordering::Less));
        check(1 << 31, (1 << 31) - 1, Some(Ordering::Greater));
        check(0, (1 << 31) - 1, Some(Ordering::Less));
        check(0, 1 << 31, None);
        check(7, 7 + (1 << 31), None);
        check(0xffff_fff0, 0x7fff_ffef, Some(Ordering::Less));
    }

    #[test]
    fn adding_less_than_half_the_circle_gives_a_newer_serial() {
        for start in [0, 1, 1 << 31, u32::MAX] {
            for n in [1, 100, (1 << 31) - 1] {
                assert!(
                    Serial(start).add(n).is_newer_than(Serial(start)),
                    "{start} + {n}"
                );
            }
        }
        assert_eq!(Serial(u32::MAX).add(1), Serial(0));
    }
}
