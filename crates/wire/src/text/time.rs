//! Times of signatures: `YYYYMMDDHHmmSS` ([RFC 4034 §3.2](https://www.rfc-editor.org/rfc/rfc4034#section-3.2)).

use super::{put, take};

const DAY: u32 = 86_400;

/// Appends seconds since 1970, taken as a time before 2106.
pub(crate) fn put(seconds: u32, out: &mut Vec<u8>) {
    let (year, month, day) = date(seconds / DAY);
    let left = seconds % DAY;
    put::padded(year * 10_000 + month * 100 + day, 8, out);
    put::padded(
        left / 3600 * 10_000 + left / 60 % 60 * 100 + left % 60,
        6,
        out,
    );
}

/// Seconds since 1970, as a number of up to ten digits or as a date of fourteen.
pub(crate) fn parse(text: &[u8]) -> Option<u32> {
    match text.len() {
        14 => parse_date(text),
        _ => take::decimal(text),
    }
}

/// Seconds since 1970, as a date of fourteen digits.
///
/// Years after 2105 fold into 32 bits, as serial arithmetic wants them.
pub(crate) fn parse_date(text: &[u8]) -> Option<u32> {
    if text.len() != 14 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let all = text
        .iter()
        .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    let (date, time) = (all / 1_000_000, all % 1_000_000);
    let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
    let (hour, minute, second) = (time / 10_000, time / 100 % 100, time % 100);
    if year < 1970 || !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_since_1970(year, month, day);
    Some((days * u64::from(DAY) + hour * 3600 + minute * 60 + second) as u32)
}

/// Year, month and day of a day since 1970 (after Howard Hinnant's `civil_from_days`: years begin in March).
fn date(days: u32) -> (u32, u32, u32) {
    let days = days + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year_of_era + era * 400 + u32::from(month <= 2), month, day)
}

fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn days_in(year: u64, month: u64) -> u64 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_until_2106_reads_back() {
        for seconds in (0..=u32::MAX).step_by(86_399) {
            let mut text = Vec::new();
            put(seconds, &mut text);
            assert_eq!(parse(&text), Some(seconds));
        }
    }

    #[test]
    fn dates_that_are_none_are_refused() {
        assert_eq!(parse(b"20201019180000"), Some(1_603_130_400));
        assert_eq!(parse(b"21060207062816"), Some(0), "folds");
        for text in [
            "20210229000000",
            "20211301000000",
            "20211200000000",
            "2021120100000",
            "4294967296",
            "",
            "1d",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
