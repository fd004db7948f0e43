//! The numbers of the DNS that have names: types, classes, opcodes, response codes.

use std::fmt;
use std::str::FromStr;

/// Makes a newtype's constants, its mnemonics and the ways between them from one list.
macro_rules! mnemonics {
    ($type:ident, $number:ty, $generic:literal, $($constant:ident = $value:literal $text:literal),+ $(,)?) => {
        #[allow(missing_docs)] // the registry says what each is
        impl $type {
            $(pub const $constant: Self = Self($value);)+
        }

        impl $type {
            /// The registered name, if there is one.
            pub fn mnemonic(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)+
                    _ => None,
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.mnemonic() {
                    Some(text) => f.pad(text),
                    None => write!(f, concat!($generic, "{}"), self.0),
                }
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $type {
            type Err = UnknownMnemonic;

            /// Reads the registered name or the generic form with a number, in any case.
            fn from_str(text: &str) -> Result<Self, UnknownMnemonic> {
                const KNOWN: &[(&str, $number)] = &[$(($text, $value)),+];
                if let Some((_, value)) = KNOWN.iter().find(|(known, _)| known.eq_ignore_ascii_case(text)) {
                    return Ok(Self(*value));
                }
                let (prefix, digits) = text.split_at_checked($generic.len()).ok_or(UnknownMnemonic)?;
                if !prefix.eq_ignore_ascii_case($generic) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
                    return Err(UnknownMnemonic);
                }
                digits.parse().map(Self).map_err(|_| UnknownMnemonic)
            }
        }
    };
}

/// The type of a resource record, or of a question ([IANA registry]).
///
/// Types without a mnemonic read and print as `TYPE65280` ([RFC 3597 §5]).
///
/// ```
/// use zonekit_wire::Rtype;
///
/// assert_eq!("aaaa".parse(), Ok(Rtype::AAAA));
/// assert_eq!(Rtype(65_280).to_string(), "TYPE65280");
/// assert_eq!("TYPE28".parse(), Ok(Rtype::AAAA));
/// assert!(Rtype::AXFR.is_meta()); // asked for, never stored
/// ```
///
/// [IANA registry]: https://www.iana.org/assignments/dns-parameters/dns-parameters.xhtml#dns-parameters-4
/// [RFC 3597 §5]: https://www.rfc-editor.org/rfc/rfc3597#section-5
#[derive(Clone, Copy, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Rtype(pub u16);

mnemonics! { Rtype, u16, "TYPE",
    A = 1 "A", NS = 2 "NS", MD = 3 "MD", MF = 4 "MF", CNAME = 5 "CNAME", SOA = 6 "SOA", MB = 7 "MB", MG = 8 "MG",
    MR = 9 "MR", NULL = 10 "NULL", WKS = 11 "WKS", PTR = 12 "PTR", HINFO = 13 "HINFO", MINFO = 14 "MINFO",
    MX = 15 "MX", TXT = 16 "TXT", RP = 17 "RP", AFSDB = 18 "AFSDB", X25 = 19 "X25", ISDN = 20 "ISDN", RT = 21 "RT",
    NSAP = 22 "NSAP", NSAP_PTR = 23 "NSAP-PTR", SIG = 24 "SIG", KEY = 25 "KEY", PX = 26 "PX", GPOS = 27 "GPOS",
    AAAA = 28 "AAAA", LOC = 29 "LOC", NXT = 30 "NXT", EID = 31 "EID", NIMLOC = 32 "NIMLOC", SRV = 33 "SRV",
    ATMA = 34 "ATMA", NAPTR = 35 "NAPTR", KX = 36 "KX", CERT = 37 "CERT", A6 = 38 "A6", DNAME = 39 "DNAME",
    SINK = 40 "SINK", OPT = 41 "OPT", APL = 42 "APL", DS = 43 "DS", SSHFP = 44 "SSHFP", IPSECKEY = 45 "IPSECKEY",
    RRSIG = 46 "RRSIG", NSEC = 47 "NSEC", DNSKEY = 48 "DNSKEY", DHCID = 49 "DHCID", NSEC3 = 50 "NSEC3",
    NSEC3PARAM = 51 "NSEC3PARAM", TLSA = 52 "TLSA", SMIMEA = 53 "SMIMEA", HIP = 55 "HIP", NINFO = 56 "NINFO",
    RKEY = 57 "RKEY", TALINK = 58 "TALINK", CDS = 59 "CDS", CDNSKEY = 60 "CDNSKEY", OPENPGPKEY = 61 "OPENPGPKEY",
    CSYNC = 62 "CSYNC", ZONEMD = 63 "ZONEMD", SVCB = 64 "SVCB", HTTPS = 65 "HTTPS", DSYNC = 66 "DSYNC",
    HHIT = 67 "HHIT", BRID = 68 "BRID", SPF = 99 "SPF", UINFO = 100 "UINFO", UID = 101 "UID", GID = 102 "GID",
    UNSPEC = 103 "UNSPEC", NID = 104 "NID", L32 = 105 "L32", L64 = 106 "L64", LP = 107 "LP", EUI48 = 108 "EUI48",
    EUI64 = 109 "EUI64", NXNAME = 128 "NXNAME", TKEY = 249 "TKEY", TSIG = 250 "TSIG", IXFR = 251 "IXFR",
    AXFR = 252 "AXFR", MAILB = 253 "MAILB", MAILA = 254 "MAILA", ANY = 255 "ANY", URI = 256 "URI", CAA = 257 "CAA",
    AVC = 258 "AVC", DOA = 259 "DOA", AMTRELAY = 260 "AMTRELAY", RESINFO = 261 "RESINFO", WALLET = 262 "WALLET",
    CLA = 263 "CLA", IPN = 264 "IPN", TA = 32768 "TA", DLV = 32769 "DLV",
}

impl Rtype {
    /// Whether the type stands for something other than data, so that no zone can hold it
    /// ([RFC 6895 §3.1](https://www.rfc-editor.org/rfc/rfc6895#section-3.1)): 0, OPT and 128 to 255.
    pub fn is_meta(self) -> bool {
        matches!(self.0, 0 | 41 | 128..=255)
    }
}

/// The class of a record ([RFC 1035 §3.2.4](https://www.rfc-editor.org/rfc/rfc1035#section-3.2.4)).
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Class(pub u16);

mnemonics! { Class, u16, "CLASS",
    IN = 1 "IN", CH = 3 "CH", HS = 4 "HS", NONE = 254 "NONE", ANY = 255 "ANY",
}

/// What a message is for: four bits of its header
/// ([RFC 6895 §2.2](https://www.rfc-editor.org/rfc/rfc6895#section-2.2)).
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct Opcode(pub u8);

mnemonics! { Opcode, u8, "OPCODE",
    QUERY = 0 "QUERY", IQUERY = 1 "IQUERY", STATUS = 2 "STATUS", NOTIFY = 4 "NOTIFY", UPDATE = 5 "UPDATE",
    DSO = 6 "DSO",
}

/// How a request went: four bits of the header, twelve with EDNS, sixteen in TSIG
/// ([RFC 6895 §2.3](https://www.rfc-editor.org/rfc/rfc6895#section-2.3)).
///
/// Number 16 is BADVERS in EDNS and BADSIG in TSIG; it prints as BADVERS, and who reads a TSIG record knows better.
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct Rcode(pub u16);

mnemonics! { Rcode, u16, "RCODE",
    NOERROR = 0 "NOERROR", FORMERR = 1 "FORMERR", SERVFAIL = 2 "SERVFAIL", NXDOMAIN = 3 "NXDOMAIN",
    NOTIMP = 4 "NOTIMP", REFUSED = 5 "REFUSED", YXDOMAIN = 6 "YXDOMAIN", YXRRSET = 7 "YXRRSET",
    NXRRSET = 8 "NXRRSET", NOTAUTH = 9 "NOTAUTH", NOTZONE = 10 "NOTZONE", DSOTYPENI = 11 "DSOTYPENI",
    BADVERS = 16 "BADVERS", BADKEY = 17 "BADKEY", BADTIME = 18 "BADTIME", BADMODE = 19 "BADMODE",
    BADNAME = 20 "BADNAME", BADALG = 21 "BADALG", BADTRUNC = 22 "BADTRUNC", BADCOOKIE = 23 "BADCOOKIE",
}

impl Rcode {
    /// A signature that does not verify ([RFC 8945 §3](https://www.rfc-editor.org/rfc/rfc8945#section-3)).
    pub const BADSIG: Self = Self(16);
}

/// Text that names no type, class, opcode or response code.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("neither a known mnemonic nor a number in generic form")]
pub struct UnknownMnemonic;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_reads_back_from_what_it_prints() {
        for number in 0..=u16::MAX {
            assert_eq!(Rtype(number).to_string().parse(), Ok(Rtype(number)));
        }
    }

    #[test]
    fn mnemonics_read_in_any_case_and_beside_the_generic_form() {
        assert_eq!("nsec3param".parse(), Ok(Rtype::NSEC3PARAM));
        assert_eq!("type46".parse(), Ok(Rtype::RRSIG));
        assert_eq!("NSAP-PTR".parse(), Ok(Rtype::NSAP_PTR));
        assert_eq!("CLASS1".parse(), Ok(Class::IN));
        assert_eq!("BADTRUNC".parse(), Ok(Rcode(22)));
        for text in [
            "",
            "TYPE",
            "TYPE65536",
            "TYPE+1",
            "TYPE-1",
            "TYPE 1",
            "WHATEVER",
            "CLASS1",
        ] {
            assert_eq!(text.parse::<Rtype>(), Err(UnknownMnemonic), "{text}");
        }
    }

    #[test]
    fn types_that_no_zone_holds_are_meta() {
        let check = |types: &[Rtype], meta| {
            types
                .iter()
                .for_each(|t| assert_eq!(t.is_meta(), meta, "{t}"))
        };
        check(
            &[
                Rtype(0),
                Rtype::OPT,
                Rtype::NXNAME,
                Rtype::TSIG,
                Rtype::AXFR,
                Rtype::ANY,
            ],
            true,
        );
        check(
            &[Rtype::A, Rtype::SOA, Rtype::CAA, Rtype::DLV, Rtype(65280)],
            false,
        );
    }
}
