//! What one field of RDATA is, and how far it reaches.

use crate::{Name, NameError};

use super::{bitmap, odd, svcb};

/// One field of an RR type's RDATA.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Field {
    /// The RFC's word for it.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// What a field holds: its wire form and its presentation form.
///
/// Kinds whose line says "to the end" take all that is left of the RDATA, so they stand last.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// An octet, in decimal.
    U8,
    /// Two octets, in decimal.
    U16,
    /// Four octets, in decimal.
    U32,
    /// Seconds in four octets, in decimal; text may use units (`1h30m`).
    Seconds,
    /// Four octets, dotted decimal.
    Ipv4,
    /// Sixteen octets, as RFC 5952 writes them.
    Ipv6,
    /// A domain name.
    Name(NameRules),
    /// Domain names to the end, perhaps none.
    Names,
    /// An RR type in two octets, by mnemonic.
    Rtype,
    /// A DNSSEC algorithm in one octet, in decimal; text may use the mnemonic.
    Algorithm,
    /// A DNSSEC algorithm in one octet, by mnemonic (CERT).
    CertAlgorithm,
    /// A certificate type in two octets, by mnemonic (CERT).
    CertType,
    /// A scheme in one octet, by mnemonic (DSYNC).
    Scheme,
    /// Seconds since 1970 in four octets, as `YYYYMMDDHHmmSS`; text may use the number.
    Timestamp,
    /// Seconds since 1970 in four octets, always as `YYYYMMDDHHmmSS` (SIG).
    Date,
    /// Two octets, in decimal, that must be zero (RKEY).
    Zero,
    /// One length octet and as many octets, quoted.
    String,
    /// A [`String`](Self::String) of at least four digits (X25).
    Digits,
    /// A [`String`](Self::String) that may be missing at the end (ISDN).
    OptionalString,
    /// One or more [`String`](Self::String)s to the end.
    Strings,
    /// A CAA property tag: one length octet and letters and digits, unquoted.
    Tag,
    /// Octets to the end, as one string, which text may leave unquoted (CAA).
    Text,
    /// Octets to the end, as one quoted string (URI).
    QuotedText,
    /// At least one octet to the end, in hexadecimal.
    Hex,
    /// Octets to the end, perhaps none, in hexadecimal.
    OptionalHex,
    /// At least one octet to the end, in hexadecimal behind `0x` (NSAP).
    PrefixedHex,
    /// At least one octet to the end, in base64.
    Base64,
    /// Octets to the end, perhaps none, in base64.
    OptionalBase64,
    /// [`Base64`](Self::Base64), or nothing where the flags at the front of the RDATA say that there is no key (KEY:
    /// [RFC 2535 §3.1.2](https://www.rfc-editor.org/rfc/rfc2535#section-3.1.2)).
    Key,
    /// Octets to the end, perhaps none, in base64, nothing as `-` (DOA).
    DashBase64,
    /// The digest of a DS: [`Hex`](Self::Hex) of the length that the octet before says, where that is known.
    DsDigest,
    /// The fingerprint of an SSHFP, likewise; one of an unknown type may be empty.
    Fingerprint,
    /// The digest of a ZONEMD, likewise; at least 12 octets.
    ZoneDigest,
    /// One length octet and as many octets, in hexadecimal, none as `-`.
    Salt,
    /// One length octet and as many octets but one at least, in base32hex; of the length that the algorithm at the front of
    /// the RDATA says, where that is known (NSEC3).
    Hash,
    /// Types that exist (NSEC), to the end.
    Bitmap,
    /// Types that exist, to the end, perhaps none.
    OptionalBitmap,
    /// Types below 128 that exist, to the end, perhaps none (NXT).
    NxtBitmap,
    /// Six octets, in hexadecimal, joined by `-`.
    Eui48,
    /// Eight octets, in hexadecimal, joined by `-`.
    Eui64,
    /// Eight octets, as four groups of hexadecimal joined by `:` (NID, L64).
    Locator64,
    /// Parameters of a service binding ([RFC 9460 §2.1](https://www.rfc-editor.org/rfc/rfc9460#section-2.1)), to the end.
    SvcParams,
    /// Address prefixes ([RFC 3123](https://www.rfc-editor.org/rfc/rfc3123)), to the end, perhaps none.
    Prefixes,
    /// A place on earth ([RFC 1876](https://www.rfc-editor.org/rfc/rfc1876)), all of the RDATA.
    Location,
    /// Gateway type, algorithm and gateway of an IPSECKEY.
    Gateway,
    /// Discovery bit, relay type and relay of an AMTRELAY.
    Relay,
    /// Algorithm, tag and key of a HIP, with their lengths.
    HostIdentity,
    /// Prefix length, address suffix and prefix name of an A6, all of the RDATA.
    A6,
    /// Protocol and ports of a WKS, to the end.
    Services,
    /// An ATM address: digits behind `+` or hexadecimal, to the end.
    AtmAddress,
    /// Octets to the end with no presentation form but that of unknown types.
    Opaque,
}

/// How a name in RDATA is treated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NameRules {
    /// May be compressed in a message that is read ([RFC 3597 §4](https://www.rfc-editor.org/rfc/rfc3597#section-4)).
    pub read_packed: bool,
    /// May be compressed in a message that is written: types of RFC 1035 only.
    pub write_packed: bool,
    /// Is in lower case in canonical form (RFC 4034 §6.2 as
    /// [RFC 6840 §5.1](https://www.rfc-editor.org/rfc/rfc6840#section-5.1) corrects it).
    pub lower_case: bool,
}

impl Kind {
    /// The octets it takes, where these are always as many and may have any value.
    pub(super) const fn size(self) -> Option<usize> {
        match self {
            Self::U8 | Self::Algorithm | Self::CertAlgorithm | Self::Scheme => Some(1),
            Self::U16 | Self::Rtype | Self::CertType => Some(2),
            Self::U32 | Self::Seconds | Self::Timestamp | Self::Date | Self::Ipv4 => Some(4),
            Self::Eui48 => Some(6),
            Self::Eui64 | Self::Locator64 => Some(8),
            Self::Ipv6 => Some(16),
            _ => None,
        }
    }

    /// The fewest octets, where any value to the end will do.
    pub(super) const fn tail(self) -> Option<usize> {
        match self {
            Self::Opaque
            | Self::Text
            | Self::QuotedText
            | Self::OptionalHex
            | Self::OptionalBase64
            | Self::DashBase64 => Some(0),
            Self::Hex | Self::PrefixedHex | Self::Base64 => Some(1),
            _ => None,
        }
    }

    /// How many of the octets in `rest` the field takes; `before` are those of the RDATA in front of it.
    #[inline]
    pub(super) fn measure(self, before: &[u8], rest: &[u8]) -> Result<usize, Misfit> {
        if let Some(size) = self.size() {
            return fits(size, rest);
        }
        match self {
            Self::Name(_) => name_length(rest),
            Self::Base64 | Self::Hex | Self::PrefixedHex => to_the_end(1, rest),
            Self::OptionalBase64
            | Self::OptionalHex
            | Self::DashBase64
            | Self::Text
            | Self::QuotedText
            | Self::Opaque => Ok(rest.len()),
            Self::Bitmap => bitmap::check(rest).and_then(|()| to_the_end(1, rest)),
            Self::OptionalBitmap => bitmap::check(rest).map(|()| rest.len()),
            Self::NxtBitmap => bitmap::check_nxt(rest).map(|()| rest.len()),
            Self::String | Self::Salt => string_length(rest),
            Self::OptionalString if rest.is_empty() => Ok(0),
            Self::OptionalString => string_length(rest),
            Self::Strings => all_strings(rest),
            Self::Hash => match (before.first(), string_length(rest)?) {
                (_, 1) => Err(Misfit::Value(0)),
                (Some(1), length) if length != 21 => Err(Misfit::Value(0)), // SHA-1 (RFC 5155 §11)
                (_, length) => Ok(length),
            },
            Self::Zero => match rest {
                [0, 0, ..] => Ok(2),
                [_, _, ..] => Err(Misfit::Value(0)),
                _ => Err(Misfit::Short),
            },
            Self::Key => match before.first() {
                Some(0xC0..) if rest.is_empty() => Ok(0),
                Some(0xC0..) => Err(Misfit::Value(0)),
                _ => to_the_end(1, rest),
            },
            Self::DsDigest => digest(
                rest,
                1,
                match before.last() {
                    Some(1) => Some(20),
                    Some(2) => Some(32),
                    Some(4) => Some(48),
                    _ => None,
                },
            ),
            Self::Fingerprint => digest(
                rest,
                0,
                match before.last() {
                    Some(1) => Some(20),
                    Some(2) => Some(32),
                    _ => None,
                },
            ),
            Self::ZoneDigest => digest(
                rest,
                12,
                match before.last() {
                    Some(1) => Some(48),
                    Some(2) => Some(64),
                    _ => None,
                },
            ),
            Self::SvcParams => svcb::check(rest).map(|()| rest.len()),
            Self::Names => all_names(rest),
            Self::Tag => odd::tag(rest),
            Self::Digits => odd::digits(rest),
            Self::Prefixes => odd::prefixes(rest),
            Self::Location => odd::location(rest),
            Self::Gateway => odd::gateway(rest),
            Self::Relay => odd::relay(rest),
            Self::HostIdentity => odd::host_identity(rest),
            Self::A6 => odd::a6(rest),
            Self::Services => odd::services(rest),
            Self::AtmAddress => odd::atm_address(rest),
            _ => Ok(rest.len()), // the rest have a size
        }
    }
}

/// Why a field does not fit the octets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Misfit {
    /// They end too early.
    Short,
    /// The value is not allowed; so many octets behind the start of the field.
    Value(usize),
    /// Not a name.
    Name(NameError),
}

/// `size`, if `rest` has as many octets.
#[inline]
pub(super) fn fits(size: usize, rest: &[u8]) -> Result<usize, Misfit> {
    if rest.len() < size {
        Err(Misfit::Short)
    } else {
        Ok(size)
    }
}

/// All of `rest`, if that is at least `least` octets.
#[inline]
fn to_the_end(least: usize, rest: &[u8]) -> Result<usize, Misfit> {
    if rest.len() < least {
        Err(Misfit::Short)
    } else {
        Ok(rest.len())
    }
}

/// The octets of the flat name at the front of `rest`.
#[inline]
pub(super) fn name_length(rest: &[u8]) -> Result<usize, Misfit> {
    match Name::split_from(rest) {
        Ok((name, _)) => Ok(name.as_octets().len()),
        Err(NameError::Truncated) => Err(Misfit::Short),
        Err(error) => Err(Misfit::Name(error)),
    }
}

/// The octets of the character-string at the front of `rest`, its length octet included.
#[inline]
pub(super) fn string_length(rest: &[u8]) -> Result<usize, Misfit> {
    match rest {
        [length, ..] => fits(1 + usize::from(*length), rest),
        [] => Err(Misfit::Short),
    }
}

fn all_strings(rest: &[u8]) -> Result<usize, Misfit> {
    let mut left = rest;
    while let [length, behind @ ..] = left {
        left = behind.get(usize::from(*length)..).ok_or(Misfit::Short)?;
    }
    to_the_end(1, rest)
}

fn all_names(rest: &[u8]) -> Result<usize, Misfit> {
    let mut left = rest;
    while !left.is_empty() {
        left = left.get(name_length(left)?..).unwrap_or_default();
    }
    Ok(rest.len())
}

/// All of `rest`, if it is as long as a digest of a known algorithm is, at least `least` octets of another.
fn digest(rest: &[u8], least: usize, exactly: Option<usize>) -> Result<usize, Misfit> {
    match exactly {
        Some(exactly) => fits(exactly, rest), // what is left over, the caller refuses
        None => to_the_end(least, rest),
    }
}
