//! Records of a transferred zone.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zonekit_wire::{
    Rtype,
    rdata::{self, Kind as FieldKind},
};

use super::Kind;
use crate::{RecordView, SecondaryZone};

/// What belongs to a list of records as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordsMetadata {
    /// Addresses of the zone's primaries.
    pub primary_ips: Vec<IpAddr>,
}

impl From<&SecondaryZone> for RecordsMetadata {
    fn from(zone: &SecondaryZone) -> Self {
        Self {
            primary_ips: zone
                .primaries
                .iter()
                .map(|primary| primary.address)
                .collect(),
        }
    }
}

/// A record as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordItem {
    /// [`Kind::Record`].
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Where it belongs.
    pub metadata: RecordMetadata,
    /// What it says.
    pub properties: RecordProperties,
}

/// Where a record belongs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordMetadata {
    /// The owner's whole name, without the final dot.
    pub fqdn: String,
    /// The zone's id.
    pub zone_id: Uuid,
    /// The zone's name.
    pub root_name: String,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordProperties {
    /// The owner relative to the zone; empty at the apex.
    pub name: String,
    /// The type's mnemonic.
    #[serde(rename = "type")]
    pub rtype: String,
    /// The RDATA in presentation form: names without final dot, the priority of MX, SRV and URI left out.
    pub content: String,
    /// Seconds that it may be cached.
    pub ttl: u32,
    /// The priority of MX, SRV and URI; 0 for other types.
    pub priority: u16,
    /// Always so.
    pub enabled: bool,
}

impl RecordItem {
    /// A record of a zone.
    pub fn new(zone: &SecondaryZone, record: &RecordView) -> Self {
        let fqdn = undotted(&record.owner);
        let (priority, content) = priority_and_content(record.rtype, &record.rdata);
        Self {
            kind: Kind::Record,
            properties: RecordProperties {
                name: relative(fqdn, zone.name.as_str()).into(),
                rtype: record.rtype.to_string(),
                content,
                ttl: record.ttl,
                priority,
                enabled: true,
            },
            metadata: RecordMetadata {
                fqdn: fqdn.into(),
                zone_id: zone.id,
                root_name: zone.name.as_str().into(),
            },
        }
    }
}

/// An absolute name's text without the final dot; the root stays as it is.
fn undotted(name: &str) -> &str {
    name.strip_suffix('.')
        .filter(|rest| !rest.is_empty())
        .unwrap_or(name)
}

/// The part of a name in front of the zone's.
fn relative<'n>(name: &'n str, zone: &str) -> &'n str {
    if name.eq_ignore_ascii_case(zone) {
        return "";
    }
    let split = name
        .len()
        .checked_sub(zone.len())
        .and_then(|at| name.split_at_checked(at));
    match split {
        Some((front, end)) if zone != "." && end.eq_ignore_ascii_case(zone) => {
            front.strip_suffix('.').unwrap_or(name)
        }
        _ => name,
    }
}

/// Takes the priority out of the RDATA's text and the final dots off its names.
fn priority_and_content(rtype: Rtype, text: &str) -> (u16, String) {
    if text.starts_with("\\#") {
        return (0, text.into()); // RDATA that does not fit its type
    }
    let fields = rdata::fields(rtype);
    let mut tokens = tokens(text).enumerate().map(|(position, token)| {
        match fields.get(position).map(|field| field.kind) {
            // Fields in front of a name are one token each, so tokens and fields go in step up to there.
            Some(FieldKind::Name(_)) => undotted(token),
            _ => token,
        }
    });
    let priority = match rtype {
        Rtype::MX | Rtype::SRV | Rtype::URI => tokens
            .next()
            .and_then(|token| token.parse().ok())
            .unwrap_or(0),
        _ => 0,
    };
    let mut content = String::with_capacity(text.len());
    for token in tokens {
        if !content.is_empty() {
            content.push(' ');
        }
        content.push_str(token);
    }
    (priority, content)
}

/// Cuts presentation text at blanks that are neither quoted nor escaped.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text.trim_ascii();
    std::iter::from_fn(move || {
        let (mut quoted, mut escaped) = (false, false);
        let end = rest.find(|c: char| {
            let plain = !std::mem::take(&mut escaped);
            match c {
                '\\' if plain => escaped = true,
                '"' if plain => quoted = !quoted,
                _ => {}
            }
            plain && !quoted && c.is_ascii_whitespace()
        });
        let (token, behind) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        rest = behind.trim_ascii_start();
        (!token.is_empty()).then_some(token)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Contract, Primaries, Timestamp};

    fn zone(name: &str) -> SecondaryZone {
        SecondaryZone {
            id: Uuid::from_u128(1),
            contract: "demo".parse::<Contract>().ok(),
            name: name.parse().unwrap(),
            description: Default::default(),
            primaries: Primaries::new([IpAddr::from([127, 0, 0, 1]).into()]).unwrap(),
            zonemd: Default::default(),
            notify_sources: Default::default(),
            created: Timestamp(0),
            modified: Timestamp(0),
            generation: 0,
            declared: false,
            labels: Default::default(),
            retry: None,
            member: None,
        }
    }

    fn check(
        zone_name: &str,
        owner: &str,
        rtype: &str,
        text: &str,
    ) -> (String, String, u16, String) {
        let record = RecordView {
            owner: owner.into(),
            rtype: rtype.parse().unwrap(),
            ttl: 60,
            rdata: text.into(),
        };
        let RecordItem {
            properties,
            metadata,
            ..
        } = RecordItem::new(&zone(zone_name), &record);
        assert_eq!(properties.rtype, rtype);
        (
            properties.name,
            metadata.fqdn,
            properties.priority,
            properties.content,
        )
    }

    fn content(rtype: &str, text: &str) -> (u16, String) {
        let (_, _, priority, content) = check("example.org", "example.org.", rtype, text);
        (priority, content)
    }

    #[test]
    fn names_are_relative_and_empty_at_the_apex() {
        let name = |zone, owner| {
            let (name, fqdn, ..) = check(zone, owner, "A", "192.0.2.1");
            (name, fqdn)
        };
        assert_eq!(
            name("example.org", "Example.ORG."),
            (String::new(), "Example.ORG".into())
        );
        assert_eq!(
            name("example.org", "a.B.example.Org."),
            ("a.B".into(), "a.B.example.Org".into())
        );
        assert_eq!(
            name("example.org", "*.example.org."),
            ("*".into(), "*.example.org".into())
        );
        assert_eq!(name(".", "."), (String::new(), ".".into()));
        assert_eq!(name(".", "org."), ("org".into(), "org".into()));
    }

    #[test]
    fn soa_is_seven_fields_without_final_dots() {
        assert_eq!(
            content("SOA", "ns.example.org. admin.example.org. 7 300 60 3600 30"),
            (
                0,
                "ns.example.org admin.example.org 7 300 60 3600 30".into()
            )
        );
    }

    #[test]
    fn priority_is_taken_out_of_mx_srv_and_uri() {
        assert_eq!(
            content("MX", "10 mail.example.org."),
            (10, "mail.example.org".into())
        );
        assert_eq!(content("MX", "0 ."), (0, ".".into()));
        assert_eq!(
            content("SRV", "1 2 5060 sip.example.org."),
            (1, "2 5060 sip.example.org".into())
        );
        assert_eq!(
            content("URI", "5 6 \"https://example.org/a b.\""),
            (5, "6 \"https://example.org/a b.\"".into())
        );
    }

    #[test]
    fn only_names_lose_their_dots() {
        assert_eq!(
            content("TXT", "\"ends in a dot.\" \"b  c\""),
            (0, "\"ends in a dot.\" \"b  c\"".into())
        );
        assert_eq!(
            content("NS", "ns.example.net."),
            (0, "ns.example.net".into())
        );
        assert_eq!(content("HTTPS", "1 . alpn=h2"), (0, "1 . alpn=h2".into()));
        assert_eq!(content("TYPE65280", "\\# 2 abcd"), (0, "\\# 2 abcd".into()));
        assert_eq!(
            content(
                "NAPTR",
                r#"1 2 "u s." "E2U+sip" "!^.*$!sip:\"a@b!" target.example."#
            ),
            (
                0,
                r#"1 2 "u s." "E2U+sip" "!^.*$!sip:\"a@b!" target.example"#.into()
            )
        );
    }
}
