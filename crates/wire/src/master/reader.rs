//! Reading master files.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::entry::{Context, Entry};
use super::error::{MasterError, MasterErrorKind};
use crate::{Name, NameBuf, Record};

/// The most octets that one entry may have, comments and line ends included.
pub const MAX_ENTRY: usize = 1 << 20;

/// The most files that may be open at once because one includes the other.
pub const MAX_INCLUDES: usize = 16;

/// Goes through a master file, record by record.
///
/// An error concerns one entry: the next call goes on behind it, so that all errors of a file can be shown at once.
///
/// ```
/// use zonekit_wire::{Name, NameBuf, master::Reader};
///
/// let origin: NameBuf = "example.org".parse()?;
/// let mut reader = Reader::new(&b"$TTL 1h\nwww A 192.0.2.300\n    AAAA 2001:db8::1\n"[..], origin.as_name());
/// let (mut good, mut bad) = (Vec::new(), Vec::new());
/// loop {
///     match reader.next_record() {
///         Ok(Some(record)) => good.push(record.to_string()),
///         Ok(None) => break,
///         Err(error) => bad.push(error.to_string()),
///     }
/// }
/// assert_eq!(bad, ["line 2, column 7, at \"192.0.2.300\": not a valid address"]);
/// assert_eq!(good, ["www.example.org. 3600 IN AAAA 2001:db8::1"]);
/// # Ok::<(), zonekit_wire::NameError>(())
/// ```
pub struct Reader<R> {
    input: R,
    place: Place,
    /// Files being included, the innermost last.
    included: Vec<Included>,
    entry: Vec<u8>,
    context: Context,
}

impl Reader<BufReader<File>> {
    /// Opens a file; its names are relative to `origin` until it says otherwise, its includes to where it lies.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub fn open(path: impl AsRef<Path>, origin: Name<'_>) -> Result<Self, MasterError> {
        let path = path.as_ref();
        match open(path) {
            Ok((input, place)) => Ok(Self {
                place,
                ..Self::new(input, origin)
            }),
            Err(error) => Err(MasterError {
                file: Some(path.to_owned()),
                line: 0,
                column: 0,
                token: String::new(),
                kind: MasterErrorKind::Io(error),
            }),
        }
    }
}

impl<R: BufRead> Reader<R> {
    /// Reads text that is not a file, so that it cannot include any.
    pub fn new(input: R, origin: Name<'_>) -> Self {
        Self {
            input,
            place: Place::default(),
            included: Vec::new(),
            entry: Vec::new(),
            context: Context::new(origin),
        }
    }

    /// The next record, to be used before the one after it is asked for; `None` at the end.
    ///
    /// # Errors
    ///
    /// When an entry is wrong or a file cannot be read.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, MasterError> {
        loop {
            let entry = if self.context.is_generating() {
                self.context.generate()
            } else if self.fill()? {
                self.context.read(&self.entry)
            } else {
                return Ok(None);
            };
            match entry {
                Ok(Entry::Nothing) => {}
                Ok(Entry::Record) => {
                    let Context {
                        owner,
                        rtype,
                        class,
                        ttl,
                        rdata,
                        ..
                    } = &self.context;
                    let (rtype, class, ttl) = (*rtype, *class, *ttl);
                    return Ok(Some(Record {
                        owner: Name::from_checked(owner),
                        rtype,
                        class,
                        ttl,
                        rdata,
                    }));
                }
                Ok(Entry::Include { file, origin, at }) => self.include(&file, origin, at)?,
                Err((kind, at)) => return Err(self.error(kind, at)),
            }
        }
    }

    /// What names are relative to at this place.
    pub fn origin(&self) -> Name<'_> {
        self.context.origin.as_name()
    }

    /// Reads the next entry; `false` at the end of the last file.
    fn fill(&mut self) -> Result<bool, MasterError> {
        loop {
            let result = match self.included.last_mut() {
                Some(included) => fill(&mut included.input, &mut included.place, &mut self.entry),
                None => fill(&mut self.input, &mut self.place, &mut self.entry),
            };
            if let Err(kind) = result {
                return Err(self.error(kind, 0..0));
            }
            if !self.entry.is_empty() {
                return Ok(true);
            }
            let Some(included) = self.included.pop() else {
                return Ok(false);
            };
            self.context.origin = included.origin;
            self.context.owner = included.owner;
        }
    }

    #[cold]
    fn include(
        &mut self,
        file: &Path,
        origin: Option<NameBuf>,
        at: Range<usize>,
    ) -> Result<(), MasterError> {
        if self.included.len() >= MAX_INCLUDES {
            return Err(self.error(MasterErrorKind::IncludeDepth, at));
        }
        let Some(including) = &self.here().file else {
            return Err(self.error(MasterErrorKind::NoDirectory, at));
        };
        let path = including.parent().unwrap_or(Path::new("")).join(file);
        let (input, place) =
            open(&path).map_err(|error| self.error(MasterErrorKind::Io(error), at))?;
        let inside = origin.unwrap_or_else(|| self.context.origin.clone());
        let origin = std::mem::replace(&mut self.context.origin, inside);
        let owner = self.context.owner.clone();
        self.included.push(Included {
            input,
            place,
            origin,
            owner,
        });
        Ok(())
    }

    fn here(&self) -> &Place {
        self.included
            .last()
            .map_or(&self.place, |included| &included.place)
    }

    #[cold]
    fn error(&self, kind: MasterErrorKind, at: Range<usize>) -> MasterError {
        let Place {
            file, entry_line, ..
        } = self.here();
        let before = self.entry.get(..at.start).unwrap_or(&self.entry);
        let line_start = before
            .iter()
            .rposition(|&octet| octet == b'\n')
            .map_or(0, |end| end + 1);
        MasterError {
            file: file.clone(),
            line: entry_line + before.iter().filter(|&&octet| octet == b'\n').count() as u64,
            column: before.len() - line_start + 1,
            token: String::from_utf8_lossy(self.entry.get(at).unwrap_or_default()).into_owned(),
            kind,
        }
    }
}

/// Where in a file the reader is.
#[derive(Default)]
struct Place {
    file: Option<PathBuf>,
    /// Lines read.
    lines: u64,
    /// The first line of the entry at hand.
    entry_line: u64,
}

/// A file that is being included, and what is to be restored behind it.
struct Included {
    input: BufReader<File>,
    place: Place,
    origin: NameBuf,
    owner: Vec<u8>,
}

fn open(path: &Path) -> io::Result<(BufReader<File>, Place)> {
    let input = BufReader::with_capacity(1 << 16, File::open(path)?);
    Ok((
        input,
        Place {
            file: Some(path.to_owned()),
            ..Place::default()
        },
    ))
}

/// Makes `entry` the next entry of `input`: a line, or as many as parentheses hold together. At the end it is empty.
fn fill(
    input: &mut impl BufRead,
    place: &mut Place,
    entry: &mut Vec<u8>,
) -> Result<(), MasterErrorKind> {
    entry.clear();
    place.entry_line = place.lines + 1;
    read_line(input, place, entry)?;
    if !entry.contains(&b'(') {
        return Ok(());
    }
    let mut depth = 0;
    let mut line = 0;
    loop {
        depth = depth_after(depth, entry.get(line..).unwrap_or_default());
        line = entry.len();
        if depth == 0 {
            return Ok(());
        }
        read_line(input, place, entry)?;
        if entry.len() == line {
            return Ok(()); // the end of the file; who reads the entry finds it incomplete
        }
    }
}

/// Appends a line with its end.
fn read_line(
    input: &mut impl BufRead,
    place: &mut Place,
    entry: &mut Vec<u8>,
) -> Result<(), MasterErrorKind> {
    let room = MAX_ENTRY - entry.len();
    let length = input
        .take(room as u64)
        .read_until(b'\n', entry)
        .map_err(MasterErrorKind::Io)?;
    if length == room && !entry.ends_with(b"\n") {
        skip_line(input).map_err(MasterErrorKind::Io)?;
        place.lines += 1;
        return Err(MasterErrorKind::EntryTooLong);
    }
    place.lines += u64::from(length > 0);
    Ok(())
}

/// Goes to the next line without keeping anything.
#[cold]
fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let octets = input.fill_buf()?;
        let end = octets.iter().position(|&octet| octet == b'\n');
        let length = end.map_or(octets.len(), |end| end + 1);
        input.consume(length);
        if end.is_some() || length == 0 {
            return Ok(());
        }
    }
}

/// How many parentheses are open behind a line, if so many are before it.
fn depth_after(mut depth: u32, line: &[u8]) -> u32 {
    let mut quoted = false;
    let mut octets = line.iter();
    while let Some(octet) = octets.next() {
        match octet {
            b'\\' => drop(octets.next()),
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b';' => break,
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    depth
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A master file that is made as it is read, of so many lines.
    struct Endless {
        line: Vec<u8>,
        at: usize,
        lines: u64,
    }

    impl Read for Endless {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let mut done = 0;
            while self.lines > 0 && done < out.len() {
                let rest = self.line.get(self.at..).unwrap_or_default();
                let length = rest.len().min(out.len() - done);
                out[done..done + length].copy_from_slice(&rest[..length]);
                (self.at, done) = (self.at + length, done + length);
                if self.at == self.line.len() {
                    (self.at, self.lines) = (0, self.lines - 1);
                }
            }
            Ok(done)
        }
    }

    #[test]
    fn memory_does_not_grow_with_the_file() {
        let held = |lines: u64| {
            let line = format!(
                "host.example. 1 TXT ( {} ) ; of many\n",
                "\"some text\" ".repeat(60)
            );
            let (line, at) = (line.into_bytes(), 0);
            let octets = line.len() as u64 * lines;
            let input = BufReader::new(Endless { line, at, lines });
            let mut reader = Reader::new(input, Name::ROOT);
            let mut records = 0;
            while reader.next_record().unwrap().is_some() {
                records += 1;
            }
            assert_eq!(records, lines);
            let context = &reader.context;
            let kept =
                reader.entry.capacity() + context.rdata.capacity() + context.owner.capacity();
            (octets, kept)
        };
        let (few, first) = held(10);
        let (many, last) = held(8_000);
        assert!(few < 9_000 && many > 6_000_000);
        assert_eq!(first, last);
        assert!(last < 4096, "{last}");
    }
}
