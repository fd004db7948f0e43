//! One entry of a master file, and what the entries before it leave behind.

use std::ops::Range;
use std::path::PathBuf;

use super::error::MasterErrorKind;
use super::generate::{Generate, expand, range, unquote};
use crate::text::scan::{Token, Tokens, unescape};
use crate::text::{read_fields, take};
use crate::{Class, Name, NameBuf, Rtype, Soa};

/// What an entry turned out to be.
pub(super) enum Entry {
    /// Blank, a comment, or a directive that has been obeyed.
    Nothing,
    /// A record; its parts are in the [`Context`].
    Record,
    /// `$INCLUDE` of a file, whose name is at `at`, perhaps with an origin.
    Include {
        file: PathBuf,
        origin: Option<NameBuf>,
        at: Range<usize>,
    },
}

/// What an entry means depends on those before it.
pub(super) struct Context {
    pub(super) origin: NameBuf,
    /// Flat; empty before the first.
    pub(super) owner: Vec<u8>,
    pub(super) rtype: Rtype,
    pub(super) class: Class,
    pub(super) ttl: u32,
    pub(super) rdata: Vec<u8>,
    /// What `$TTL` says.
    default_ttl: Option<u32>,
    /// What the last line that had a TTL says.
    last_ttl: Option<u32>,
    /// The `$GENERATE` that is being obeyed.
    generate: Option<Generate>,
}

impl Context {
    pub(super) fn new(origin: Name<'_>) -> Self {
        Self {
            origin: origin.to_buf(),
            owner: Vec::new(),
            rtype: Rtype::default(),
            class: Class::IN,
            ttl: 0,
            rdata: Vec::new(),
            default_ttl: None,
            last_ttl: None,
            generate: None,
        }
    }

    /// Reads an entry. An error comes with the place of the offending token.
    pub(super) fn read(&mut self, entry: &[u8]) -> Result<Entry, (MasterErrorKind, Range<usize>)> {
        let mut tokens = Tokens::new(entry);
        let begins_blank = matches!(entry.first(), Some(b' ' | b'\t'));
        self.read_tokens(begins_blank, &mut tokens)
            .map_err(|kind| (kind, tokens.last()))
    }

    fn read_tokens(
        &mut self,
        begins_blank: bool,
        tokens: &mut Tokens<'_>,
    ) -> Result<Entry, MasterErrorKind> {
        let Some(mut text) = tokens.next_word()? else {
            return Ok(Entry::Nothing);
        };
        if !begins_blank {
            if text.starts_with(b"$") {
                return self.obey(text, tokens);
            }
            self.owner.clear();
            if let Err(error) = take::name(text, self.origin.as_name(), &mut self.owner) {
                self.owner.clear();
                return Err(MasterErrorKind::Name(error));
            }
            text = tokens.expect("type")?;
        } else if self.owner.is_empty() {
            return Err(MasterErrorKind::NoOwner);
        }
        let ttl = self.read_ttl_class_type(text, tokens)?;
        self.rdata.clear();
        read_fields(self.rtype, tokens, self.origin.as_name(), &mut self.rdata)?;
        self.complete(ttl)
    }

    /// Makes a record of what has been read, whose line may have said a TTL.
    fn complete(&mut self, ttl: Option<u32>) -> Result<Entry, MasterErrorKind> {
        let known = ttl.or(self.default_ttl).or(self.last_ttl);
        self.ttl = match known {
            Some(ttl) => ttl,
            None if self.rtype == Rtype::SOA => {
                Soa::read(&self.rdata)
                    .map_err(|_| MasterErrorKind::NoTtl)?
                    .minimum
            }
            None => return Err(MasterErrorKind::NoTtl),
        };
        if ttl.is_some() || known.is_none() {
            self.last_ttl = Some(self.ttl);
        }
        Ok(Entry::Record)
    }

    /// Reads TTL and class, in either order, each of which may be missing, and the type.
    #[inline]
    fn read_ttl_class_type<'t>(
        &mut self,
        first: &'t [u8],
        tokens: &mut Tokens<'t>,
    ) -> Result<Option<u32>, MasterErrorKind> {
        let mut text = first;
        let (mut ttl, mut class) = (None, None);
        loop {
            if ttl.is_none() && text.first().is_some_and(u8::is_ascii_digit) {
                ttl = Some(read_ttl(text)?);
            } else if class.is_none()
                && let Some(found) =
                    take::class(text).filter(|found| !matches!(*found, Class::ANY | Class::NONE))
            {
                class = Some(found);
                self.class = found;
            } else {
                self.rtype = take::rtype(text)
                    .filter(|rtype| !rtype.is_meta())
                    .ok_or(MasterErrorKind::Type)?;
                return Ok(ttl);
            }
            text = tokens.expect("type")?;
        }
    }

    #[cold]
    fn obey(
        &mut self,
        directive: &[u8],
        tokens: &mut Tokens<'_>,
    ) -> Result<Entry, MasterErrorKind> {
        let mut entry = Entry::Nothing;
        if directive.eq_ignore_ascii_case(b"$TTL") {
            self.default_ttl = Some(read_ttl(tokens.expect("TTL")?)?);
        } else if directive.eq_ignore_ascii_case(b"$ORIGIN") {
            self.origin = self.name(tokens.expect("origin")?)?;
        } else if directive.eq_ignore_ascii_case(b"$INCLUDE") {
            let mut file = Vec::new();
            unescape(tokens.expect_string("file name")?.text, &mut file)?;
            let at = tokens.last();
            let origin = match tokens.next_word()? {
                Some(text) => Some(self.name(text)?),
                None => None,
            };
            entry = Entry::Include {
                file: String::from_utf8_lossy(&file).into_owned().into(),
                origin,
                at,
            };
        } else if directive.eq_ignore_ascii_case(b"$GENERATE") {
            let numbers = range(tokens.expect("range")?)?;
            let owner = (tokens.expect("owner")?.to_vec(), tokens.last());
            let first = tokens.expect("type")?;
            let ttl = self.read_ttl_class_type(first, tokens)?;
            let Token { text, quoted } = tokens.expect_string("RDATA")?;
            let rdata = if quoted { unquote(text) } else { text.to_vec() };
            let rdata = (rdata, tokens.last());
            tokens.finish()?;
            self.generate = Some(Generate {
                numbers,
                ttl,
                owner,
                rdata,
            });
            return Ok(Entry::Nothing);
        } else {
            return Err(MasterErrorKind::Directive);
        }
        tokens.finish()?;
        Ok(entry)
    }

    /// Reads the next record of a `$GENERATE`; `Nothing` without one or behind its last. An error ends it.
    #[cold]
    pub(super) fn generate(&mut self) -> Result<Entry, (MasterErrorKind, Range<usize>)> {
        let Some(mut generate) = self.generate.take() else {
            return Ok(Entry::Nothing);
        };
        let Some(number) = generate.numbers.next() else {
            return Ok(Entry::Nothing);
        };
        let at = |place: &Range<usize>| {
            let place = place.clone();
            move |kind| (kind, place)
        };
        let (owner, place) = &generate.owner;
        let mut text = Vec::new();
        expand(owner, number, &mut text).map_err(at(place))?;
        self.owner.clear();
        if let Err(error) = take::name(&text, self.origin.as_name(), &mut self.owner) {
            self.owner.clear();
            return Err((MasterErrorKind::Name(error), place.clone()));
        }
        let (rdata, place) = &generate.rdata;
        text.clear();
        expand(rdata, number, &mut text).map_err(at(place))?;
        self.rdata.clear();
        let origin = self.origin.as_name();
        read_fields(self.rtype, &mut Tokens::new(&text), origin, &mut self.rdata)
            .map_err(|kind| (kind.into(), place.clone()))?;
        let entry = self.complete(generate.ttl).map_err(at(place))?;
        self.generate = Some(generate);
        Ok(entry)
    }

    /// Whether there may be more records of a `$GENERATE`.
    #[inline]
    pub(super) fn is_generating(&self) -> bool {
        self.generate.is_some()
    }

    fn name(&self, text: &[u8]) -> Result<NameBuf, MasterErrorKind> {
        let mut octets = Vec::new();
        take::name(text, self.origin.as_name(), &mut octets).map_err(MasterErrorKind::Name)?;
        Ok(Name::from_checked(&octets).to_buf())
    }
}

/// A TTL ([RFC 2181 §8](https://www.rfc-editor.org/rfc/rfc2181#section-8)).
#[inline]
fn read_ttl(text: &[u8]) -> Result<u32, MasterErrorKind> {
    take::seconds(text)
        .filter(|ttl| ttl >> 31 == 0)
        .ok_or(MasterErrorKind::Ttl)
}
