//! The one table of RR types: which fields each has.
//!
//! Adding a type is a row here, its mnemonic among the [`Rtype`] constants, and a line in the tests' corpus.

use Kind::{
    A6, Algorithm, AtmAddress, Base64, Bitmap, CertAlgorithm, CertType, DashBase64, Date, Digits,
    DsDigest, Eui48, Eui64, Fingerprint, Gateway, Hash, Hex, HostIdentity, Ipv4, Ipv6, Key,
    Location, Locator64, Names, NxtBitmap, Opaque, OptionalBase64, OptionalBitmap, OptionalString,
    PrefixedHex, Prefixes, QuotedText, Relay, Salt, Scheme, Seconds, Services, String, Strings,
    SvcParams, Tag, Text, Timestamp, U8, U16, U32, Zero, ZoneDigest,
};

use super::field::{Field, Kind, NameRules};
use crate::Rtype;

/// What the table says of one type.
pub(super) struct Row {
    pub(super) rtype: u16,
    pub(super) fields: &'static [Field],
    pub(super) shape: Shape,
    /// Octets of the fields in front that have a fixed size and any value.
    pub(super) prefix: usize,
    /// The fields behind these.
    pub(super) behind_prefix: &'static [Field],
    /// Whether a name may stand in it.
    pub(super) has_names: bool,
    /// Whether a name in it may be compressed in a message that is read.
    pub(super) read_packed: bool,
    /// The fields up to and with the last name that may be compressed in a message that is written.
    pub(super) written_packed: &'static [Field],
    /// Whether a name in it is in lower case in canonical form.
    pub(super) lower_case: bool,
}

/// What can be said of the length alone, so that most RDATA is judged by one comparison.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// Exactly so many octets, of any value.
    Exactly(usize),
    /// At least so many octets, of any value.
    AtLeast(usize),
    /// One name, which may be compressed in a message that is read, and perhaps in one that is written.
    PackedName { written: bool },
    /// The fields have to be looked at.
    Fields,
}

/// The row of a type; unknown types share one.
#[inline]
pub(super) fn row(rtype: Rtype) -> &'static Row {
    match INDEX.get(usize::from(rtype.0)) {
        Some(&at) => ROWS.get(usize::from(at)).unwrap_or(&UNKNOWN),
        None => match rtype.0 {
            TA => &TRUST_ANCHOR,
            DLV => &LOOKASIDE,
            _ => &UNKNOWN,
        },
    }
}

/// Names of RFC 1035: compressed by everyone.
const OLD: Kind = Kind::Name(NameRules {
    read_packed: true,
    write_packed: true,
    lower_case: true,
});
/// Names of types that were once compressed: understood, not written so.
const LATE: Kind = Kind::Name(NameRules {
    read_packed: true,
    write_packed: false,
    lower_case: true,
});
/// Names never compressed, yet in lower case in canonical form.
const LOWER: Kind = Kind::Name(NameRules {
    read_packed: false,
    write_packed: false,
    lower_case: true,
});
/// Names never compressed and never changed.
const PLAIN: Kind = Kind::Name(NameRules {
    read_packed: false,
    write_packed: false,
    lower_case: false,
});

const TA: u16 = 32768;
const DLV: u16 = 32769;

static UNKNOWN: Row = row_of(0, &[f("data", Opaque)]);
static TRUST_ANCHOR: Row = row_of(TA, DS);
static LOOKASIDE: Row = row_of(DLV, DS);

const NAME: &[Field] = &[f("name", OLD)];
const TXT: &[Field] = &[f("text", Strings)];
const KEY: &[Field] = &[
    f("flags", U16),
    f("protocol", U8),
    f("algorithm", Algorithm),
    f("public key", Key),
];
const DNSKEY: &[Field] = &[
    f("flags", U16),
    f("protocol", U8),
    f("algorithm", Algorithm),
    f("public key", Base64),
];
const DS: &[Field] = &[
    f("key tag", U16),
    f("algorithm", Algorithm),
    f("digest type", U8),
    f("digest", DsDigest),
];
const TLSA: &[Field] = &[
    f("certificate usage", U8),
    f("selector", U8),
    f("matching type", U8),
    f("certificate association data", Hex),
];
const SVCB: &[Field] = &[
    f("priority", U16),
    f("target", PLAIN),
    f("parameters", SvcParams),
];

static ROWS: [Row; 84] = [
    row_of(1, &[f("address", Ipv4)]), // A
    row_of(2, NAME),                  // NS
    row_of(3, NAME),                  // MD
    row_of(4, NAME),                  // MF
    row_of(5, NAME),                  // CNAME
    row_of(
        6,
        &[
            f("MNAME", OLD),
            f("RNAME", OLD),
            f("serial", U32),
            f("refresh", Seconds),
            f("retry", Seconds),
            f("expire", Seconds),
            f("minimum", Seconds),
        ],
    ), // SOA
    row_of(7, NAME),                  // MB
    row_of(8, NAME),                  // MG
    row_of(9, NAME),                  // MR
    row_of(10, &[f("data", Opaque)]), // NULL
    row_of(11, &[f("address", Ipv4), f("services", Services)]), // WKS
    row_of(12, NAME),                 // PTR
    row_of(13, &[f("CPU", String), f("OS", String)]), // HINFO
    row_of(14, &[f("RMAILBX", OLD), f("EMAILBX", OLD)]), // MINFO
    row_of(15, &[f("preference", U16), f("exchange", OLD)]), // MX
    row_of(16, TXT),                  // TXT
    row_of(17, &[f("mailbox", LATE), f("text domain", LATE)]), // RP
    row_of(18, &[f("subtype", U16), f("hostname", LATE)]), // AFSDB
    row_of(19, &[f("PSDN address", Digits)]), // X25
    row_of(
        20,
        &[f("ISDN address", String), f("subaddress", OptionalString)],
    ), // ISDN
    row_of(21, &[f("preference", U16), f("intermediate host", LATE)]), // RT
    row_of(22, &[f("NSAP", PrefixedHex)]), // NSAP
    row_of(23, &[f("owner", PLAIN)]), // NSAP-PTR
    row_of(
        24,
        &[
            f("type covered", Kind::Rtype),
            f("algorithm", Algorithm),
            f("labels", U8),
            f("original TTL", U32),
            f("expiration", Date),
            f("inception", Date),
            f("key tag", U16),
            f("signer", LATE),
            f("signature", Base64),
        ],
    ), // SIG
    row_of(25, KEY),                  // KEY
    row_of(
        26,
        &[f("preference", U16), f("MAP822", LATE), f("MAPX400", LATE)],
    ), // PX
    row_of(
        27,
        &[
            f("longitude", String),
            f("latitude", String),
            f("altitude", String),
        ],
    ), // GPOS
    row_of(28, &[f("address", Ipv6)]), // AAAA
    row_of(29, &[f("location", Location)]), // LOC
    row_of(30, &[f("next domain", LATE), f("types", NxtBitmap)]), // NXT
    row_of(31, &[f("endpoint", Hex)]), // EID
    row_of(32, &[f("locator", Hex)]), // NIMLOC
    row_of(
        33,
        &[
            f("priority", U16),
            f("weight", U16),
            f("port", U16),
            f("target", LATE),
        ],
    ), // SRV
    row_of(34, &[f("address", AtmAddress)]), // ATMA
    row_of(
        35,
        &[
            f("order", U16),
            f("preference", U16),
            f("flags", String),
            f("services", String),
            f("regexp", String),
            f("replacement", LATE),
        ],
    ), // NAPTR
    row_of(36, &[f("preference", U16), f("exchanger", LOWER)]), // KX
    row_of(
        37,
        &[
            f("type", CertType),
            f("key tag", U16),
            f("algorithm", CertAlgorithm),
            f("certificate", Base64),
        ],
    ), // CERT
    row_of(38, &[f("address", A6)]),  // A6
    row_of(39, &[f("target", LOWER)]), // DNAME
    row_of(
        40,
        &[
            f("meaning", U8),
            f("coding", U8),
            f("subcoding", U8),
            f("data", OptionalBase64),
        ],
    ), // SINK
    row_of(42, &[f("prefixes", Prefixes)]), // APL
    row_of(43, DS),                   // DS
    row_of(
        44,
        &[
            f("algorithm", U8),
            f("fingerprint type", U8),
            f("fingerprint", Fingerprint),
        ],
    ), // SSHFP
    row_of(
        45,
        &[
            f("precedence", U8),
            f("gateway", Gateway),
            f("public key", OptionalBase64),
        ],
    ), // IPSECKEY
    row_of(
        46,
        &[
            f("type covered", Kind::Rtype),
            f("algorithm", Algorithm),
            f("labels", U8),
            f("original TTL", U32),
            f("expiration", Timestamp),
            f("inception", Timestamp),
            f("key tag", U16),
            f("signer", LOWER),
            f("signature", Base64),
        ],
    ), // RRSIG
    row_of(47, &[f("next domain", PLAIN), f("types", Bitmap)]), // NSEC
    row_of(48, DNSKEY),               // DNSKEY
    row_of(49, &[f("identity", Base64)]), // DHCID
    row_of(
        50,
        &[
            f("algorithm", U8),
            f("flags", U8),
            f("iterations", U16),
            f("salt", Salt),
            f("next hashed owner", Hash),
            f("types", OptionalBitmap),
        ],
    ), // NSEC3
    row_of(
        51,
        &[
            f("algorithm", U8),
            f("flags", U8),
            f("iterations", U16),
            f("salt", Salt),
        ],
    ), // NSEC3PARAM
    row_of(52, TLSA),                 // TLSA
    row_of(53, TLSA),                 // SMIMEA
    row_of(
        55,
        &[
            f("host identity", HostIdentity),
            f("rendezvous servers", Names),
        ],
    ), // HIP
    row_of(56, TXT),                  // NINFO
    row_of(
        57,
        &[
            f("flags", Zero),
            f("protocol", U8),
            f("algorithm", Algorithm),
            f("public key", Base64),
        ],
    ), // RKEY
    row_of(58, &[f("start", PLAIN), f("end", PLAIN)]), // TALINK
    row_of(59, DS),                   // CDS
    row_of(60, DNSKEY),               // CDNSKEY
    row_of(61, &[f("key", Base64)]),  // OPENPGPKEY
    row_of(
        62,
        &[
            f("SOA serial", U32),
            f("flags", U16),
            f("types", OptionalBitmap),
        ],
    ), // CSYNC
    row_of(
        63,
        &[
            f("serial", U32),
            f("scheme", U8),
            f("hash algorithm", U8),
            f("digest", ZoneDigest),
        ],
    ), // ZONEMD
    row_of(64, SVCB),                 // SVCB
    row_of(65, SVCB),                 // HTTPS
    row_of(
        66,
        &[
            f("type", Kind::Rtype),
            f("scheme", Scheme),
            f("port", U16),
            f("target", PLAIN),
        ],
    ), // DSYNC
    row_of(67, &[f("data", Base64)]), // HHIT
    row_of(68, &[f("data", Base64)]), // BRID
    row_of(99, TXT),                  // SPF
    row_of(100, &[f("data", Opaque)]), // UINFO
    row_of(101, &[f("data", Opaque)]), // UID
    row_of(102, &[f("data", Opaque)]), // GID
    row_of(103, &[f("data", Opaque)]), // UNSPEC
    row_of(104, &[f("preference", U16), f("node ID", Locator64)]), // NID
    row_of(105, &[f("preference", U16), f("locator", Ipv4)]), // L32
    row_of(106, &[f("preference", U16), f("locator", Locator64)]), // L64
    row_of(107, &[f("preference", U16), f("name", PLAIN)]), // LP
    row_of(108, &[f("address", Eui48)]), // EUI48
    row_of(109, &[f("address", Eui64)]), // EUI64
    row_of(
        256,
        &[
            f("priority", U16),
            f("weight", U16),
            f("target", QuotedText),
        ],
    ), // URI
    row_of(257, &[f("flags", U8), f("tag", Tag), f("value", Text)]), // CAA
    row_of(258, TXT),                 // AVC
    row_of(
        259,
        &[
            f("enterprise", U32),
            f("type", U32),
            f("location", U8),
            f("media type", String),
            f("data", DashBase64),
        ],
    ), // DOA
    row_of(260, &[f("precedence", U8), f("relay", Relay)]), // AMTRELAY
    row_of(261, TXT),                 // RESINFO
    row_of(262, TXT),                 // WALLET
];

/// Where in [`ROWS`] the row of a type below 263 stands; 255 is nowhere.
#[allow(clippy::indexing_slicing)] // while compiling
static INDEX: [u8; 263] = {
    let mut index = [255; 263];
    let mut at = 0;
    while at < ROWS.len() {
        index[ROWS[at].rtype as usize] = at as u8;
        at += 1;
    }
    index
};

const fn f(name: &'static str, kind: Kind) -> Field {
    Field { name, kind }
}

const fn row_of(rtype: u16, fields: &'static [Field]) -> Row {
    let (mut has_names, mut read_packed, mut lower_case) = (false, false, false);
    let mut written_packed: &'static [Field] = &[];
    let mut rest = fields;
    while let [field, behind @ ..] = rest {
        match field.kind {
            Kind::Name(rules) => {
                has_names = true;
                read_packed |= rules.read_packed;
                lower_case |= rules.lower_case;
                if rules.write_packed {
                    (written_packed, _) = fields.split_at(fields.len() - behind.len());
                }
            }
            Names | Gateway | Relay => has_names = true,
            A6 => (has_names, lower_case) = (true, true),
            _ => {}
        }
        rest = behind;
    }
    let (mut prefix, mut behind_prefix) = (0, fields);
    while let [field, behind @ ..] = behind_prefix
        && let Some(size) = field.kind.size()
    {
        prefix += size;
        behind_prefix = behind;
    }
    Row {
        rtype,
        fields,
        shape: shape_of(fields),
        prefix,
        behind_prefix,
        has_names,
        read_packed,
        written_packed,
        lower_case,
    }
}

const fn shape_of(fields: &[Field]) -> Shape {
    if let [
        Field {
            kind:
                Kind::Name(NameRules {
                    read_packed: true,
                    write_packed: written,
                    ..
                }),
            ..
        },
    ] = *fields
    {
        return Shape::PackedName { written };
    }
    let mut sum = 0;
    let mut rest = fields;
    while let [field, behind @ ..] = rest {
        match (field.kind.size(), field.kind.tail()) {
            (Some(size), _) => sum += size,
            (None, Some(least)) => return Shape::AtLeast(sum + least),
            (None, None) => return Shape::Fields,
        }
        rest = behind;
    }
    Shape::Exactly(sum)
}
