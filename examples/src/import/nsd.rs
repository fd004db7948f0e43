//! `nsd.conf`: attributes under sections, zones that take over the attributes of their patterns.

use std::collections::HashMap;
use std::path::Path;

use super::files;
use super::found::{Found, FoundKey, FoundPrimary, Place};

pub(super) fn read(path: &Path, found: &mut Found) -> anyhow::Result<()> {
    let mut sections = Vec::new();
    read_file(path, 0, &mut sections)?;
    let patterns: HashMap<&str, &Section> = { sections.iter() }
        .filter(|section| section.kind == "pattern")
        .filter_map(|section| Some((section.value("name")?, section)))
        .collect();
    for section in &sections {
        match section.kind.as_str() {
            "key" => key(section, found),
            "zone" => zone(section, &patterns, found),
            "verify" | "tls-auth" => found.leave(
                &section.place,
                format!("{}: is not taken over", section.kind),
            ),
            _ => {}
        }
    }
    Ok(())
}

/// `server:`, `key:`, `pattern:`, `zone:` and the attributes under it.
struct Section {
    kind: String,
    place: Place,
    attributes: Vec<Attribute>,
}

struct Attribute {
    name: String,
    values: Vec<String>,
    place: Place,
}

impl Section {
    fn value(&self, name: &str) -> Option<&str> {
        let attribute = { self.attributes.iter() }.rfind(|attribute| attribute.name == name)?;
        attribute.values.first().map(String::as_str)
    }
}

fn read_file(path: &Path, depth: usize, sections: &mut Vec<Section>) -> anyhow::Result<()> {
    let text = files::text(path, depth)?;
    for (index, line) in text.lines().enumerate() {
        let mut words = words(line).into_iter();
        let Some(name) = words.next() else { continue };
        let Some(name) = name.strip_suffix(':').map(str::to_owned) else {
            continue;
        };
        let values: Vec<String> = words.collect();
        let place = Place::new(path, index + 1);
        match (name.as_str(), values.first()) {
            ("include", Some(pattern)) => {
                for path in files::included(path, pattern)? {
                    read_file(&path, depth + 1, sections)?;
                }
            }
            (_, None) => sections.push(Section {
                kind: name,
                place,
                attributes: Vec::new(),
            }),
            (_, Some(_)) => {
                if let Some(section) = sections.last_mut() {
                    section.attributes.push(Attribute {
                        name,
                        values,
                        place,
                    });
                }
            }
        }
    }
    Ok(())
}

/// The words of a line, out of their quotes, up to a comment.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '#' {
            break;
        }
        let (word, behind) = if first == '"' {
            rest[1..].split_once('"').unwrap_or((&rest[1..], ""))
        } else {
            // `name:"value"` without a blank is fine with NSD.
            let end = rest.find(|c: char| c.is_whitespace() || c == '"');
            rest.split_at(end.unwrap_or(rest.len()))
        };
        words.push(word.to_owned());
        rest = behind.trim_start();
    }
    words
}

fn key(section: &Section, found: &mut Found) {
    match (section.value("name"), section.value("secret")) {
        (Some(name), Some(secret)) => found.keys.push(FoundKey {
            name: name.to_owned(),
            algorithm: section
                .value("algorithm")
                .unwrap_or("hmac-sha256")
                .to_owned(),
            secret: secret.to_owned(),
        }),
        (name, _) => found.leave(
            &section.place,
            format!(
                "key {} is left out: it lacks its name or secret",
                name.unwrap_or("?")
            ),
        ),
    }
}

fn zone(section: &Section, patterns: &HashMap<&str, &Section>, found: &mut Found) {
    let Some(name) = section.value("name") else {
        return found.leave(&section.place, "a zone without a name is left out");
    };
    let mut attributes = Vec::new();
    with_patterns(section, patterns, 0, &mut attributes);
    let mut primaries = Vec::new();
    for attribute in attributes {
        let Attribute {
            name: attribute,
            values,
            place,
        } = attribute;
        let mut values = values.iter().map(String::as_str);
        match attribute.as_str() {
            "request-xfr" => {
                let kind = values.next().unwrap_or_default();
                let address = match kind {
                    "AXFR" | "UDP" => values.next().unwrap_or_default(),
                    address => address,
                };
                let key = values
                    .next()
                    .filter(|&key| key != "NOKEY" && key != "BLOCKED");
                match FoundPrimary::from_at(address, key.map(str::to_owned)) {
                    Some(primary) => primaries.push(primary),
                    None => found.leave(
                        place,
                        format!("zone {name}: {address:?} is no address of a primary"),
                    ),
                }
                if let Some(profile) = values.next() {
                    found.leave(place, format!("zone {name}: TLS by {profile} is not taken over: the transfer would be clear"));
                }
            }
            "allow-notify" | "provide-xfr" | "notify" | "outgoing-interface" => {
                let words: Vec<&str> = values.collect();
                let primary = words.first().is_some_and(|&from| {
                    let from = FoundPrimary::from_at(from, None);
                    attribute == "allow-notify"
                        && from.is_some_and(|from| {
                            primaries
                                .iter()
                                .any(|primary| primary.address == from.address)
                        })
                });
                // Whoever is asked for the zone may tell of it.
                if !primary {
                    found.leave(
                        place,
                        format!(
                            "zone {name}: {attribute}: {} is not taken over",
                            words.join(" ")
                        ),
                    );
                }
            }
            _ => {}
        }
    }
    let is_primary = primaries.is_empty() && section.value("zonefile").is_some();
    if !is_primary {
        found.zone(name, primaries, section.place.clone());
    }
}

/// The attributes of a zone, those of its patterns first.
fn with_patterns<'s>(
    section: &'s Section,
    patterns: &HashMap<&str, &'s Section>,
    depth: usize,
    attributes: &mut Vec<&'s Attribute>,
) {
    for attribute in &section.attributes {
        let pattern = attribute
            .values
            .first()
            .and_then(|name| patterns.get(name.as_str()));
        match pattern {
            Some(pattern) if attribute.name == "include-pattern" && depth < files::DEPTH => {
                with_patterns(pattern, patterns, depth + 1, attributes);
            }
            _ => attributes.push(attribute),
        }
    }
}
