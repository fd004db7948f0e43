//! Tokens of a master file entry ([RFC 1035 §5.1](https://www.rfc-editor.org/rfc/rfc1035#section-5.1)).

use std::ops::Range;

use super::error::TextErrorKind;

/// A word or a quoted string, escapes still in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'t> {
    /// Without the quotes.
    pub(crate) text: &'t [u8],
    pub(crate) quoted: bool,
}

/// The tokens of one entry. Parentheses make line ends blanks; comments go.
#[derive(Clone, Debug)]
pub(crate) struct Tokens<'t> {
    entry: &'t [u8],
    at: usize,
    depth: u32,
    /// Where the last token is, for the error message.
    last: Range<usize>,
}

/// A place among tokens, to come back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    at: usize,
    depth: u32,
}

impl<'t> Tokens<'t> {
    pub(crate) fn new(entry: &'t [u8]) -> Self {
        Self {
            entry,
            at: 0,
            depth: 0,
            last: 0..0,
        }
    }

    /// Where the last token is.
    pub(crate) fn last(&self) -> Range<usize> {
        self.last.clone()
    }

    /// Makes another token the last.
    pub(crate) fn point_at(&mut self, token: Range<usize>) {
        self.last = token;
    }

    /// How far it has come.
    #[inline]
    pub(crate) fn place(&self) -> Place {
        let (at, depth) = (self.at, self.depth);
        Place { at, depth }
    }

    /// Starts again from where it once was.
    pub(crate) fn go_back_to(&mut self, place: Place) {
        (self.at, self.depth) = (place.at, place.depth);
    }

    /// The next token; `None` at the end of the entry.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Token<'t>>, TextErrorKind> {
        if !self.skip_blanks()? {
            return Ok(None);
        }
        let start = self.at;
        let rest = self.entry.get(start..).unwrap_or_default();
        if let [b'"', rest @ ..] = rest {
            let text = self.quoted(rest)?;
            return Ok(Some(Token { text, quoted: true }));
        }
        let text = self.word(rest)?;
        Ok(Some(Token {
            text,
            quoted: false,
        }))
    }

    /// The next word, where `key="a quoted value"` is one, its quotes still in it.
    pub(crate) fn next_pair(&mut self) -> Result<Option<&'t [u8]>, TextErrorKind> {
        let Some(text) = self.next_word()? else {
            return Ok(None);
        };
        let start = self.last.start;
        let key_ends = text.iter().position(|&octet| octet == b'=');
        let behind = self.entry.get(self.at..).unwrap_or_default();
        let ([b'"', rest @ ..], Some(key)) = (behind, key_ends) else {
            return Ok(Some(text));
        };
        if key + 1 < text.len() {
            return Ok(Some(text)); // the value is there already, and what is quoted is not part of it
        }
        self.quoted(rest)?;
        self.last.start = start;
        Ok(self.entry.get(start..self.at))
    }

    /// The next token, which must be there: a word or a quoted string.
    #[inline]
    pub(crate) fn expect_string(
        &mut self,
        field: &'static str,
    ) -> Result<Token<'t>, TextErrorKind> {
        self.next()?.ok_or(TextErrorKind::Missing { field })
    }

    /// The next word, which must be there.
    #[inline]
    pub(crate) fn expect(&mut self, field: &'static str) -> Result<&'t [u8], TextErrorKind> {
        self.next_word()?.ok_or(TextErrorKind::Missing { field })
    }

    /// The next word; `None` at the end of the entry. Only character-strings may be quoted, so a quoted one is refused.
    #[inline]
    pub(crate) fn next_word(&mut self) -> Result<Option<&'t [u8]>, TextErrorKind> {
        match self.next()? {
            Some(Token { quoted: true, .. }) => Err(TextErrorKind::Quoted),
            Some(Token { text, .. }) => Ok(Some(text)),
            None => Ok(None),
        }
    }

    /// Takes the token `\#`, which begins RDATA in the form for unknown types, if it is the next.
    #[inline]
    pub(crate) fn take_unknown_mark(&mut self) -> Result<bool, TextErrorKind> {
        if !self.skip_blanks()? {
            return Ok(false);
        }
        match self.entry.get(self.at..) {
            Some([b'\\', b'#', behind @ ..])
                if behind.first().is_none_or(|&octet| !is_plain(octet)) =>
            {
                self.last = self.at..self.at + 2;
                self.at += 2;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Says whether the entry is at its end.
    pub(crate) fn finish(&mut self) -> Result<(), TextErrorKind> {
        match self.next()? {
            None => Ok(()),
            Some(_) => Err(TextErrorKind::Surplus),
        }
    }

    /// Goes to the next token; `false` at the end of the entry.
    #[inline]
    fn skip_blanks(&mut self) -> Result<bool, TextErrorKind> {
        loop {
            let rest = self.entry.get(self.at..).unwrap_or_default();
            let first = rest.first().copied();
            match first {
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b'\n') if self.depth > 0 => self.at += 1,
                Some(b'(') => {
                    self.depth += 1;
                    self.at += 1;
                }
                Some(b')') if self.depth > 0 => {
                    self.depth -= 1;
                    self.at += 1;
                }
                Some(b')') => {
                    return Err(self.refuse(self.at..self.at + 1, TextErrorKind::Parentheses));
                }
                Some(b';') => {
                    self.at += rest
                        .iter()
                        .position(|&octet| octet == b'\n')
                        .unwrap_or(rest.len())
                }
                Some(b'\n') | None if self.depth > 0 => {
                    return Err(self.refuse(self.at..self.at, TextErrorKind::Parentheses));
                }
                Some(b'\n') | None => {
                    self.last = self.at..self.at;
                    return Ok(false);
                }
                Some(_) => return Ok(true),
            }
        }
    }

    /// The word at the front of `rest`, which is the entry from `self.at` on.
    #[inline]
    fn word(&mut self, rest: &'t [u8]) -> Result<&'t [u8], TextErrorKind> {
        let mut length = 0;
        loop {
            let behind = rest.get(length..).unwrap_or_default();
            length += behind
                .iter()
                .position(|&octet| !is_plain(octet))
                .unwrap_or(behind.len());
            match rest.get(length..) {
                Some([b'\\', b'\n', ..] | [b'\\']) => {
                    return Err(self.refuse(self.at..self.at + length + 1, TextErrorKind::Escape));
                }
                Some([b'\\', ..]) => length += 2,
                _ => break,
            }
        }
        self.last = self.at..self.at + length;
        self.at += length;
        Ok(rest.get(..length).unwrap_or_default())
    }

    /// The quoted string whose opening quote is at `self.at` and whose text begins `rest`.
    fn quoted(&mut self, rest: &'t [u8]) -> Result<&'t [u8], TextErrorKind> {
        let mut length = 0;
        loop {
            let behind = rest.get(length..).unwrap_or_default();
            let end = behind
                .iter()
                .position(|&octet| matches!(octet, b'"' | b'\\' | b'\n'));
            length += end.unwrap_or(behind.len());
            match rest.get(length..) {
                Some([b'"', ..]) => break,
                Some([b'\\', octet, ..]) if *octet != b'\n' => length += 2,
                _ => return Err(self.refuse(self.at..self.at + 1 + length, TextErrorKind::Quote)),
            }
        }
        self.last = self.at..self.at + length + 2;
        self.at = self.last.end;
        Ok(rest.get(..length).unwrap_or_default())
    }

    #[cold]
    fn refuse(&mut self, at: Range<usize>, kind: TextErrorKind) -> TextErrorKind {
        self.last = at;
        kind
    }
}

/// Whether an octet can neither end nor change a word.
#[inline]
fn is_plain(octet: u8) -> bool {
    const PLAIN: [bool; 256] = {
        let mut plain = [true; 256];
        let mut rest: &[u8] = b" \t\r\n\"();\\";
        while let [octet, behind @ ..] = rest {
            #[allow(clippy::indexing_slicing)] // while compiling
            {
                plain[*octet as usize] = false;
            }
            rest = behind;
        }
        plain
    };
    PLAIN.get(usize::from(octet)).is_some_and(|&plain| plain)
}

/// Appends what `text` says, its escapes undone.
pub(crate) fn unescape(text: &[u8], out: &mut Vec<u8>) -> Result<(), TextErrorKind> {
    let mut rest = text;
    loop {
        let plain = rest
            .iter()
            .position(|&octet| octet == b'\\')
            .unwrap_or(rest.len());
        let (octets, behind) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
        out.extend_from_slice(octets);
        if behind.is_empty() {
            return Ok(());
        }
        let (octet, behind) = escape(behind).ok_or(TextErrorKind::Escape)?;
        out.push(octet);
        rest = behind;
    }
}

/// The octet that the escape at the front stands for, and what lies behind it.
pub(crate) fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    match text {
        [
            b'\\',
            a @ b'0'..=b'9',
            b @ b'0'..=b'9',
            c @ b'0'..=b'9',
            behind @ ..,
        ] => {
            let value = [a, b, c]
                .iter()
                .fold(0, |sum, &digit| sum * 10 + u32::from(digit - b'0'));
            Some((value.try_into().ok()?, behind))
        }
        [b'\\', b'0'..=b'9', ..] => None,
        [b'\\', octet, behind @ ..] => Some((*octet, behind)),
        _ => None,
    }
}
