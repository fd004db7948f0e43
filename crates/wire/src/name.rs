//! Domain names in flat wire form, borrowed.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::NameBuf;

/// The longest name in wire form, its root octet included ([RFC 1035 §2.3.4]).
///
/// [RFC 1035 §2.3.4]: https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4
pub const MAX_NAME: usize = 255;

/// The longest label.
pub const MAX_LABEL: usize = 63;

/// The most labels a name can have, the root not counted.
pub(crate) const MAX_LABELS: usize = 127;

/// A domain name in flat wire form: labels with their lengths, the root octet last, no compression.
///
/// Two names are equal, and hash the same, when they differ only in the case of ASCII letters
/// ([RFC 4343]); they order canonically ([RFC 4034 §6.1]). [`as_octets`](Self::as_octets) keeps the case as it was.
///
/// ```
/// use zonekit_wire::Name;
///
/// let name = Name::from_octets(b"\x03www\x07Example\x03org\x00")?;
/// assert_eq!(name.to_string(), "www.Example.org.");
/// assert_eq!(name, Name::from_octets(b"\x03WWW\x07example\x03org\x00")?);
/// assert!(name.is_at_or_below(name.ancestor(2)));
/// # Ok::<(), zonekit_wire::NameError>(())
/// ```
///
/// [RFC 4034 §6.1]: https://www.rfc-editor.org/rfc/rfc4034#section-6.1
/// [RFC 4343]: https://www.rfc-editor.org/rfc/rfc4343
#[derive(Clone, Copy)]
pub struct Name<'a>(&'a [u8]);

impl<'a> Name<'a> {
    /// The root: no labels, one octet.
    pub const ROOT: Name<'static> = Name(&[0]);

    /// Takes octets that are one flat name and nothing behind it.
    pub fn from_octets(octets: &'a [u8]) -> Result<Self, NameError> {
        match Self::split_from(octets)? {
            (name, []) => Ok(name),
            _ => Err(NameError::TrailingOctets),
        }
    }

    /// Takes the flat name at the front of `octets` and returns what lies behind it too.
    pub fn split_from(octets: &'a [u8]) -> Result<(Self, &'a [u8]), NameError> {
        let mut end = 0;
        loop {
            match octets.get(end) {
                None => return Err(NameError::Truncated),
                Some(0) => break,
                Some(&length @ 1..=63) => end += 1 + usize::from(length),
                Some(&octet) => return Err(NameError::LabelType(octet)),
            }
            if end >= MAX_NAME {
                return Err(NameError::TooLong);
            }
        }
        let (name, rest) = octets
            .split_at_checked(end + 1)
            .ok_or(NameError::Truncated)?;
        Ok((Self(name), rest))
    }

    /// Octets that are known to be one flat name.
    pub(crate) fn from_checked(octets: &'a [u8]) -> Self {
        debug_assert!(Self::from_octets(octets).is_ok(), "not a name: {octets:?}");
        Self(octets)
    }

    /// The wire form, case as received: 1 to 255 octets, the last of them 0.
    pub fn as_octets(self) -> &'a [u8] {
        self.0
    }

    /// The labels, leftmost first, without the root.
    pub fn labels(self) -> Labels<'a> {
        Labels(self.0)
    }

    /// How many labels, the root not counted: 0 for the root, at most 127.
    pub fn label_count(self) -> usize {
        self.labels().count()
    }

    /// Whether this is the root.
    pub fn is_root(self) -> bool {
        self.0.len() == 1
    }

    /// Whether the leftmost label is `*` ([RFC 4592 §2.1.1](https://www.rfc-editor.org/rfc/rfc4592#section-2.1.1)).
    pub fn is_wildcard(self) -> bool {
        self.0.starts_with(b"\x01*")
    }

    /// The name without its leftmost label; `None` of the root.
    pub fn parent(self) -> Option<Self> {
        match self.0 {
            [length @ 1..=63, rest @ ..] => rest.get(usize::from(*length)..).map(Self),
            _ => None,
        }
    }

    /// The name of the rightmost `labels` labels: 0 gives the root; as many as there are, or more, the name itself.
    pub fn ancestor(self, labels: usize) -> Self {
        let mut name = self;
        for _ in labels..self.label_count() {
            name = name.parent().unwrap_or(Name::ROOT);
        }
        name
    }

    /// Whether this name is `other` or ends in it, case aside.
    pub fn is_at_or_below(self, other: Name<'_>) -> bool {
        let surplus = self.0.len().checked_sub(other.0.len());
        let Some((front, end)) = surplus.and_then(|surplus| self.0.split_at_checked(surplus))
        else {
            return false;
        };
        if Self(end) != other {
            return false; // most names that are elsewhere end otherwise
        }
        let mut at = 0;
        while let Some(&length) = front.get(at) {
            at += 1 + usize::from(length);
        }
        at == front.len() // or the cut falls inside a label
    }

    /// An owned copy.
    pub fn to_buf(self) -> NameBuf {
        NameBuf::from(self)
    }

    /// Appends the sort key: octets whose plain order is the canonical order of names ([RFC 4034 §6.1]).
    ///
    /// Labels stand from the root down, in lower case, 0x00 as 01 01 and 0x01 as 01 02, each closed by 00. So the
    /// key of an ancestor is a prefix of the keys of all names below it, and the root's is empty.
    ///
    /// [RFC 4034 §6.1]: https://www.rfc-editor.org/rfc/rfc4034#section-6.1
    pub fn write_sort_key(self, out: &mut Vec<u8>) {
        let mut starts = LabelStarts::new();
        for label in starts
            .of(self)
            .iter()
            .rev()
            .map(|&start| self.label_at(start))
        {
            let from = out.len();
            out.extend_from_slice(label);
            if let Some(copy) = out.get_mut(from..) {
                copy.make_ascii_lowercase();
            }
            if label.iter().any(|&octet| octet <= 1) {
                out.truncate(from);
                for &octet in label {
                    match octet {
                        0 | 1 => out.extend([1, octet + 1]),
                        _ => out.push(octet.to_ascii_lowercase()),
                    }
                }
            }
            out.push(0);
        }
    }

    /// Makes `out` the name, in lower case, whose sort key `key` is.
    ///
    /// # Errors
    ///
    /// When no name has this sort key.
    pub fn from_sort_key(key: &[u8], out: &mut NameBuf) -> Result<(), NameError> {
        let mut flat = [0; MAX_NAME];
        let mut start = MAX_NAME - 1; // the root octet is there already
        let mut rest = key;
        while !rest.is_empty() {
            let mut label = [0; MAX_LABEL];
            let mut length = 0;
            loop {
                let octet = match rest {
                    [0, behind @ ..] => {
                        rest = behind;
                        break;
                    }
                    [1, octet @ 1..=2, behind @ ..] => {
                        rest = behind;
                        octet - 1
                    }
                    [1 | b'A'..=b'Z', ..] | [] => return Err(NameError::SortKey),
                    [octet, behind @ ..] => {
                        rest = behind;
                        *octet
                    }
                };
                *label.get_mut(length).ok_or(NameError::LabelTooLong)? = octet;
                length += 1;
            }
            if length == 0 {
                return Err(NameError::EmptyLabel);
            }
            start = start.checked_sub(length + 1).ok_or(NameError::TooLong)?;
            if let (Some((size, body)), Some(label)) = (
                flat.get_mut(start..).and_then(<[u8]>::split_first_mut),
                label.get(..length),
            ) {
                *size = length as u8;
                if let Some(body) = body.get_mut(..length) {
                    body.copy_from_slice(label);
                }
            }
        }
        out.assign(Name(flat.get(start..).unwrap_or(&[0])));
        Ok(())
    }

    /// The label whose length octet is at `start`.
    fn label_at(self, start: u8) -> &'a [u8] {
        match self.0.get(usize::from(start)..) {
            Some([length, rest @ ..]) => rest.get(..usize::from(*length)).unwrap_or_default(),
            _ => &[],
        }
    }
}

impl PartialEq<Name<'_>> for Name<'_> {
    fn eq(&self, other: &Name<'_>) -> bool {
        if self.0.len() != other.0.len() || have_other_ends(self.0, other.0) {
            return false;
        }
        // Lengths are at most 63, below every letter: folding the case of the whole form leaves them alone. Most names
        // that are equal are so octet for octet, which is told many octets at a time.
        self.0 == other.0 || self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for Name<'_> {}

/// Whether the last eight octets tell two names apart, whatever the case of their letters: so they do nearly always.
#[inline]
fn have_other_ends(a: &[u8], b: &[u8]) -> bool {
    const CASE: u64 = 0x2020_2020_2020_2020;
    match (a.last_chunk(), b.last_chunk()) {
        (Some(a), Some(b)) => (u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b)) & !CASE != 0,
        _ => false,
    }
}

impl PartialOrd for Name<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let (mut ours, mut theirs) = (LabelStarts::new(), LabelStarts::new());
        let ours = ours
            .of(*self)
            .iter()
            .rev()
            .map(|&start| self.label_at(start));
        let theirs = theirs
            .of(*other)
            .iter()
            .rev()
            .map(|&start| other.label_at(start));
        ours.map(LowerCase).cmp(theirs.map(LowerCase))
    }
}

impl Hash for Name<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut lower = [0; MAX_NAME];
        if let Some(lower) = lower.get_mut(..self.0.len()) {
            lower.copy_from_slice(self.0);
            lower.make_ascii_lowercase();
            state.write(lower);
        }
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str(".");
        }
        self.labels().try_for_each(|label| {
            write_label(label, f)?;
            f.write_str(".")
        })
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The labels of a [`Name`], leftmost first, without the root.
#[derive(Clone, Debug)]
pub struct Labels<'a>(&'a [u8]);

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        match self.0 {
            [length @ 1..=63, rest @ ..] => {
                let (label, behind) = rest.split_at_checked(usize::from(*length))?;
                self.0 = behind;
                Some(label)
            }
            _ => None,
        }
    }
}

/// Why octets or text are not a domain name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The octets end before the root.
    #[error("name ends before its root")]
    Truncated,
    /// More than 255 octets.
    #[error("name is longer than 255 octets")]
    TooLong,
    /// A label of more than 63 octets.
    #[error("label is longer than 63 octets")]
    LabelTooLong,
    /// Two dots in a row, or one at the front.
    #[error("name has an empty label")]
    EmptyLabel,
    /// A length octet above 63: a compression pointer where none may be, or a label type that nobody uses.
    #[error("{0:#04x} is not the length of a label")]
    LabelType(u8),
    /// Octets behind the root.
    #[error("octets behind the end of the name")]
    TrailingOctets,
    /// Octets that no name has as its sort key.
    #[error("not the sort key of a name")]
    SortKey,
    /// A backslash with neither a character nor three digits up to 255 behind it.
    #[error("bad escape in name")]
    Escape,
}

/// Where the labels of a name start: memory for a walk from the root down.
struct LabelStarts([u8; MAX_LABELS]);

impl LabelStarts {
    fn new() -> Self {
        Self([0; MAX_LABELS])
    }

    fn of(&mut self, name: Name<'_>) -> &[u8] {
        let mut count = 0;
        let mut at = 0;
        while let (Some(&length @ 1..), Some(start)) = (name.0.get(at), self.0.get_mut(count)) {
            *start = at as u8; // a name is at most 255 octets
            count += 1;
            at += 1 + usize::from(length);
        }
        self.0.get(..count).unwrap_or_default()
    }
}

/// A label that orders without case.
struct LowerCase<'a>(&'a [u8]);

impl PartialEq for LowerCase<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for LowerCase<'_> {}

impl PartialOrd for LowerCase<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for LowerCase<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let ours = self.0.iter().map(u8::to_ascii_lowercase);
        ours.cmp(other.0.iter().map(u8::to_ascii_lowercase))
    }
}

/// Writes one label in presentation form, with the escapes that BIND uses.
fn write_label(label: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut rest = label;
    while !rest.is_empty() {
        let plain = rest
            .iter()
            .position(|&octet| !is_plain(octet))
            .unwrap_or(rest.len());
        let (text, behind) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
        f.write_str(std::str::from_utf8(text).unwrap_or_default())?; // plain octets are ASCII
        rest = behind;
        if let [octet, behind @ ..] = rest {
            match octet {
                b'!'..=b'~' => write!(f, "\\{}", char::from(*octet))?,
                _ => write!(f, "\\{octet:03}")?,
            }
            rest = behind;
        }
    }
    Ok(())
}

/// Whether an octet of a label stands for itself in presentation form.
fn is_plain(octet: u8) -> bool {
    matches!(octet, b'!'..=b'~')
        && !matches!(
            octet,
            b'"' | b'$' | b'(' | b')' | b'.' | b';' | b'@' | b'\\'
        )
}
