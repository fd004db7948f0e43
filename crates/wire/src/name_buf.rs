//! Domain names, owned.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::name::{MAX_LABEL, MAX_NAME};
use crate::{Name, NameError};

/// An owned [`Name`]: compares, orders, hashes and prints as the name does.
///
/// ```
/// use zonekit_wire::NameBuf;
///
/// let name: NameBuf = "www.example.org".parse()?; // always absolute, final dot or not
/// assert_eq!(name.as_name().as_octets(), b"\x03www\x07example\x03org\x00");
/// # Ok::<(), zonekit_wire::NameError>(())
/// ```
#[derive(Clone, Default)]
pub struct NameBuf {
    octets: Vec<u8>, // empty stands for the root, so that a new one costs no allocation
}

impl NameBuf {
    /// The root.
    pub const fn new() -> Self {
        Self { octets: Vec::new() }
    }

    /// The name, to read.
    pub fn as_name(&self) -> Name<'_> {
        match self.octets.as_slice() {
            [] => Name::ROOT,
            octets => Name::from_checked(octets),
        }
    }

    /// Makes this the root again and keeps the memory.
    pub fn clear(&mut self) {
        self.octets.clear();
    }

    /// Makes this a copy of `name`, in the memory it has.
    pub fn assign(&mut self, name: Name<'_>) {
        self.octets.clear();
        self.octets.extend_from_slice(name.as_octets());
    }

    /// Makes this the name that `text` says; without a final dot it is relative to `origin`, and `@` is the origin.
    ///
    /// `text` is octets because master files may hold any; `\.` and `\065` are understood.
    ///
    /// # Errors
    ///
    /// When it is not a name; this is then the root.
    pub fn assign_text(&mut self, text: &[u8], origin: Name<'_>) -> Result<(), NameError> {
        self.octets.clear();
        let result = match text {
            b"@" => {
                self.octets.extend_from_slice(origin.as_octets());
                Ok(())
            }
            b"." => Ok(()),
            _ => push_text(&mut self.octets, text, origin),
        };
        if result.is_err() {
            self.octets.clear();
        }
        result
    }

    /// Reads a name that is relative to `origin` unless it ends in a dot; `@` is the origin itself.
    pub fn parse_relative(text: &str, origin: Name<'_>) -> Result<Self, NameError> {
        let mut name = Self::new();
        name.assign_text(text.as_bytes(), origin)?;
        Ok(name)
    }

    /// The same name in lower case.
    pub fn to_lowercase(&self) -> Self {
        let octets = self.octets.to_ascii_lowercase(); // lengths are below the letters
        Self { octets }
    }

    /// Puts one more label in front.
    ///
    /// # Errors
    ///
    /// When the label is empty or too long, or the name would become too long; the name is then as before.
    pub fn prepend_label(&mut self, label: &[u8]) -> Result<(), NameError> {
        match label.len() {
            0 => return Err(NameError::EmptyLabel),
            1..=MAX_LABEL => {}
            _ => return Err(NameError::LabelTooLong),
        }
        if self.as_name().as_octets().len() + 1 + label.len() > MAX_NAME {
            return Err(NameError::TooLong);
        }
        if self.octets.is_empty() {
            self.octets.push(0);
        }
        let front = std::iter::once(label.len() as u8).chain(label.iter().copied());
        self.octets.splice(0..0, front);
        Ok(())
    }

    /// The memory itself, for those who fill it with one flat name.
    pub(crate) fn octets_mut(&mut self) -> &mut Vec<u8> {
        &mut self.octets
    }
}

impl From<Name<'_>> for NameBuf {
    fn from(name: Name<'_>) -> Self {
        let octets = name.as_octets().to_vec();
        Self { octets }
    }
}

impl FromStr for NameBuf {
    type Err = NameError;

    /// Reads an absolute name; the final dot may be left out.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let mut name = Self::new();
        if text != "." {
            name.octets.reserve_exact((text.len() + 2).min(MAX_NAME)); // that of one without escapes or final dot
            push_text(&mut name.octets, text.as_bytes(), Name::ROOT)?;
        }
        Ok(name)
    }
}

impl TryFrom<&str> for NameBuf {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        text.parse()
    }
}

impl PartialEq for NameBuf {
    fn eq(&self, other: &Self) -> bool {
        self.as_name() == other.as_name()
    }
}

impl Eq for NameBuf {}

impl PartialEq<Name<'_>> for NameBuf {
    fn eq(&self, other: &Name<'_>) -> bool {
        self.as_name() == *other
    }
}

impl PartialEq<NameBuf> for Name<'_> {
    fn eq(&self, other: &NameBuf) -> bool {
        *self == other.as_name()
    }
}

impl PartialOrd for NameBuf {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for NameBuf {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_name().cmp(&other.as_name())
    }
}

impl Hash for NameBuf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_name().hash(state);
    }
}

impl fmt::Display for NameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_name().fmt(f)
    }
}

impl fmt::Debug for NameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_name().fmt(f)
    }
}

/// Appends the flat form of `text`, completed by `origin` where there is no final dot.
fn push_text(out: &mut Vec<u8>, text: &[u8], origin: Name<'_>) -> Result<(), NameError> {
    let mut rest = text;
    let mut label = out.len(); // where the length of the label at hand stands
    out.push(0);
    loop {
        match rest {
            [] => break,
            [b'.', behind @ ..] => {
                close_label(out, label)?;
                rest = behind;
                label = out.len();
                out.push(0);
                match out.len() {
                    ..=MAX_NAME if rest.is_empty() => return Ok(()), // the octet just pushed is the root
                    ..=MAX_NAME => continue,
                    _ => return Err(NameError::TooLong),
                }
            }
            [
                b'\\',
                a @ b'0'..=b'9',
                b @ b'0'..=b'9',
                c @ b'0'..=b'9',
                behind @ ..,
            ] => {
                rest = behind;
                let value = [a, b, c]
                    .iter()
                    .fold(0, |sum, &digit| sum * 10 + u32::from(digit - b'0'));
                out.push(u8::try_from(value).map_err(|_| NameError::Escape)?);
            }
            [b'\\', b'0'..=b'9', ..] | [b'\\'] => return Err(NameError::Escape),
            [b'\\', octet, behind @ ..] => {
                rest = behind;
                out.push(*octet);
            }
            _ => {
                // As they stand, up to what may have a meaning; no name takes more at once.
                let mut plain = rest.iter().take(MAX_NAME);
                let end = plain.position(|octet| matches!(octet, b'.' | b'\\'));
                let (run, behind) = rest.split_at(end.unwrap_or(rest.len().min(MAX_NAME)));
                out.extend_from_slice(run);
                rest = behind;
            }
        }
        if out.len() > MAX_NAME {
            // Which of the two limits it breaks first, the label says.
            return Err(if MAX_NAME - label > MAX_LABEL {
                NameError::LabelTooLong
            } else {
                NameError::TooLong
            });
        }
    }
    close_label(out, label)?;
    out.extend_from_slice(origin.as_octets());
    if out.len() > MAX_NAME {
        Err(NameError::TooLong)
    } else {
        Ok(())
    }
}

/// Writes the length of the label that began at `label` and ends here.
fn close_label(out: &mut [u8], label: usize) -> Result<(), NameError> {
    let length = out.len() - label - 1;
    match (length, out.get_mut(label)) {
        (0, _) => Err(NameError::EmptyLabel),
        (1..=MAX_LABEL, Some(octet)) => {
            *octet = length as u8;
            Ok(())
        }
        _ => Err(NameError::LabelTooLong),
    }
}
