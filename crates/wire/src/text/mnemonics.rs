//! Mnemonics of numbers in RDATA, as BIND knows them.

/// Numbers and their mnemonics.
pub(crate) type Mnemonics = [(u16, &'static str)];

/// DNSSEC algorithms ([registry](https://www.iana.org/assignments/dns-sec-alg-numbers/)).
pub(crate) const ALGORITHMS: &Mnemonics = &[
    (1, "RSAMD5"),
    (2, "DH"),
    (3, "DSA"),
    (5, "RSASHA1"),
    (6, "NSEC3DSA"),
    (6, "DSA-NSEC3-SHA1"),
    (7, "NSEC3RSASHA1"),
    (7, "RSASHA1-NSEC3-SHA1"),
    (8, "RSASHA256"),
    (10, "RSASHA512"),
    (12, "ECCGOST"),
    (12, "ECC-GOST"),
    (13, "ECDSAP256SHA256"),
    (14, "ECDSAP384SHA384"),
    (15, "ED25519"),
    (16, "ED448"),
    (252, "INDIRECT"),
    (253, "PRIVATEDNS"),
    (254, "PRIVATEOID"),
];

/// Certificate types ([RFC 4398 §2.1](https://www.rfc-editor.org/rfc/rfc4398#section-2.1)).
pub(crate) const CERT_TYPES: &Mnemonics = &[
    (1, "PKIX"),
    (2, "SPKI"),
    (3, "PGP"),
    (4, "IPKIX"),
    (5, "ISPKI"),
    (6, "IPGP"),
    (7, "ACPKIX"),
    (8, "IACPKIX"),
    (253, "URI"),
    (254, "OID"),
];

/// Schemes of DSYNC ([RFC 9859 §2.1](https://www.rfc-editor.org/rfc/rfc9859#section-2.1)).
pub(crate) const SCHEMES: &Mnemonics = &[(1, "NOTIFY")];

/// IP protocols that a WKS may name.
pub(crate) const PROTOCOLS: &Mnemonics = &[(1, "icmp"), (6, "tcp"), (17, "udp")];

/// Ports that a WKS may name.
pub(crate) const PORTS: &Mnemonics = &[
    (20, "ftp-data"),
    (21, "ftp"),
    (22, "ssh"),
    (23, "telnet"),
    (25, "smtp"),
    (37, "time"),
    (53, "domain"),
    (69, "tftp"),
    (79, "finger"),
    (80, "http"),
    (110, "pop3"),
    (119, "nntp"),
    (123, "ntp"),
    (143, "imap"),
    (443, "https"),
];

/// The mnemonic of a number.
pub(crate) fn mnemonic(of: &Mnemonics, number: u16) -> Option<&'static str> {
    of.iter()
        .find(|(known, _)| *known == number)
        .map(|(_, text)| *text)
}

/// The number of a mnemonic, in any case.
pub(crate) fn number(of: &Mnemonics, text: &[u8]) -> Option<u16> {
    of.iter()
        .find(|(_, known)| known.as_bytes().eq_ignore_ascii_case(text))
        .map(|(number, _)| *number)
}
