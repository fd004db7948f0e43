//! Parameters of service bindings, SVCB and HTTPS ([RFC 9460]).
//!
//! [RFC 9460]: https://www.rfc-editor.org/rfc/rfc9460

use super::field::Misfit;

pub(crate) const MANDATORY: u16 = 0;
pub(crate) const ALPN: u16 = 1;
pub(crate) const NO_DEFAULT_ALPN: u16 = 2;
pub(crate) const PORT: u16 = 3;
pub(crate) const IPV4HINT: u16 = 4;
pub(crate) const ECH: u16 = 5;
pub(crate) const IPV6HINT: u16 = 6;
pub(crate) const DOHPATH: u16 = 7;

/// Checks parameters: keys ascending, values as their keys want them, mandatory ones there.
pub(super) fn check(octets: &[u8]) -> Result<(), Misfit> {
    let mut last: Option<u16> = None;
    let mut mandatory: &[u8] = &[];
    let mut alpn = false;
    let mut rest = octets;
    while !rest.is_empty() {
        let at = octets.len() - rest.len();
        let (key, value, behind) = split(rest).ok_or(Misfit::Short)?;
        if last >= Some(key) {
            return Err(Misfit::Value(at));
        }
        if !is_valid(key, value) {
            return Err(Misfit::Value(at + 4));
        }
        match key {
            MANDATORY => mandatory = value,
            ALPN => alpn = true,
            NO_DEFAULT_ALPN if !alpn => return Err(Misfit::Value(at)),
            _ => {}
        }
        (last, rest) = (Some(key), behind);
    }
    // Both lists ascend, as was checked above: the search for a key goes on where that for the one before ended.
    let mut there = params(octets).map(|(key, _)| key);
    let (keys, _) = mandatory.as_chunks::<2>();
    let all_there = keys
        .iter()
        .all(|key| there.any(|other| other == u16::from_be_bytes(*key)));
    if all_there {
        Ok(())
    } else {
        Err(Misfit::Value(4))
    }
}

/// The parameters, key and value.
pub(crate) fn params(octets: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = octets;
    std::iter::from_fn(move || {
        let (key, value, behind) = split(rest)?;
        rest = behind;
        Some((key, value))
    })
}

/// The first parameter and what lies behind it.
fn split(octets: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (head, rest) = octets.split_first_chunk::<4>()?;
    let [k1, k2, l1, l2] = *head;
    let (value, behind) = rest.split_at_checked(u16::from_be_bytes([l1, l2]).into())?;
    Some((u16::from_be_bytes([k1, k2]), value, behind))
}

/// Whether the value is one that the key may have.
fn is_valid(key: u16, value: &[u8]) -> bool {
    match key {
        MANDATORY => {
            let (keys, rest) = value.as_chunks::<2>();
            // A list of itself makes no sense ([RFC 9460 §8](https://www.rfc-editor.org/rfc/rfc9460#section-8)).
            rest.is_empty()
                && !keys.is_empty()
                && keys.is_sorted_by(|a, b| a < b)
                && keys.first() != Some(&[0, 0])
        }
        ALPN => {
            let mut rest = value;
            while let [length @ 1..=255, behind @ ..] = rest {
                match behind.get(usize::from(*length)..) {
                    Some(behind) => rest = behind,
                    None => return false,
                }
            }
            rest.is_empty() && !value.is_empty()
        }
        NO_DEFAULT_ALPN => value.is_empty(),
        PORT => value.len() == 2,
        IPV4HINT => !value.is_empty() && value.len().is_multiple_of(4),
        IPV6HINT => !value.is_empty() && value.len().is_multiple_of(16),
        ECH => !value.is_empty(),
        // A URI template with the variable `dns`, in UTF-8 (RFC 9461 §5).
        DOHPATH => std::str::from_utf8(value).is_ok_and(|path| path.contains("{?dns}")),
        _ => true,
    }
}
