//! What was found, and how our configuration says it.

use std::collections::HashSet;
use std::fmt::{self, Display};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use toml::Value;
use zonekit_wire::NameBuf;

/// Zones and keys of a configuration, in its order.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) keys: Vec<FoundKey>,
    pub(super) rules: Vec<FoundPrimary>,
    pub(super) zones: Vec<FoundZone>,
    pub(super) left: Vec<Left>,
}

#[derive(Debug)]
pub(super) struct FoundKey {
    pub(super) name: String,
    pub(super) algorithm: String,
    pub(super) secret: String,
}

#[derive(Debug)]
pub(super) struct FoundZone {
    pub(super) name: String,
    pub(super) primaries: Vec<FoundPrimary>,
    pub(super) place: Place,
}

/// A primary, or what a key is used for wherever it is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct FoundPrimary {
    pub(super) address: IpAddr,
    pub(super) port: Option<u16>,
    pub(super) key: Option<String>,
}

/// Where something stands.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    pub(super) line: usize,
}

/// Something that has no counterpart here, or cannot be read.
#[derive(Debug)]
pub(super) struct Left {
    place: Place,
    why: String,
}

impl Place {
    pub(super) fn new(file: &Path, line: usize) -> Self {
        Self {
            file: file.to_owned(),
            line,
        }
    }
}

impl Found {
    pub(super) fn leave(&mut self, place: &Place, why: impl Into<String>) {
        self.left.push(Left {
            place: place.clone(),
            why: why.into(),
        });
    }

    /// Takes a zone that its server gets from these primaries.
    pub(super) fn zone(&mut self, name: &str, primaries: Vec<FoundPrimary>, place: Place) {
        if primaries.is_empty() {
            self.leave(
                &place,
                format!("zone {name} is left out: it has no primary that could be read"),
            );
            return;
        }
        self.zones.push(FoundZone {
            name: name.to_owned(),
            primaries,
            place,
        });
    }

    /// Makes it something that our configuration can say: names that are names, each zone and key once, references that
    /// lead somewhere.
    pub(super) fn settle(&mut self) {
        let mut keys = HashSet::new();
        self.keys.retain(|key| keys.insert(canonical(&key.name)));
        let mut zones = HashSet::new();
        for mut zone in std::mem::take(&mut self.zones) {
            if zone.name.parse::<NameBuf>().is_err() {
                self.leave(
                    &zone.place,
                    format!("zone {:?} is left out: that is no name", zone.name),
                );
            } else if !zones.insert(canonical(&zone.name)) {
                self.leave(
                    &zone.place,
                    format!("zone {} is left out here: it is there already", zone.name),
                );
            } else {
                for primary in &mut zone.primaries {
                    let unknown = |key: &mut String| !keys.contains(&canonical(key));
                    if let Some(key) = primary.key.take_if(unknown) {
                        self.left.push(Left {
                            place: zone.place.clone(),
                            why: format!(
                                "zone {}: key {key} of primary {} is not there",
                                zone.name, primary.address
                            ),
                        });
                    }
                }
                self.zones.push(zone);
            }
        }
    }
}

/// A name of a zone or key as it compares: without case, with its final dot.
fn canonical(name: &str) -> String {
    let bare = name.strip_suffix('.').unwrap_or(name);
    format!("{}.", bare.to_ascii_lowercase())
}

impl FoundPrimary {
    /// Reads `ADDRESS[@PORT]`, as NSD and Knot write it.
    pub(super) fn from_at(text: &str, key: Option<String>) -> Option<Self> {
        let (address, port) = match text.split_once('@') {
            Some((address, port)) => (address, Some(port.parse().ok()?)),
            None => (text, None),
        };
        Some(Self {
            address: address.parse().ok()?,
            port,
            key,
        })
    }

    fn address(&self) -> Value {
        Value::String(match self.port {
            Some(port) => SocketAddr::new(self.address, port).to_string(),
            None => self.address.to_string(),
        })
    }
}

/// The configuration, ready to be appended to one that has `data_dir` and `[dns]`.
impl Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |text: &str| Value::String(text.to_owned());
        for key in &self.keys {
            writeln!(f, "[[key]]\nname = {}", text(&key.name))?;
            writeln!(f, "algorithm = {}", text(&key.algorithm))?;
            writeln!(f, "secret = {}\n", text(&key.secret))?;
        }
        for rule in &self.rules {
            let key = rule.key.as_deref().unwrap_or_default();
            writeln!(f, "[[primary]]\naddress = {}", rule.address())?;
            writeln!(f, "key = {}\n", text(key))?;
        }
        for zone in &self.zones {
            writeln!(f, "[[zone]]\nname = {}", text(&zone.name))?;
            let primaries: Vec<String> = { zone.primaries.iter() }
                .map(|primary| match &primary.key {
                    Some(key) => {
                        format!("{{ address = {}, key = {} }}", primary.address(), text(key))
                    }
                    None => format!("{{ address = {} }}", primary.address()),
                })
                .collect();
            writeln!(f, "primaries = [{}]\n", primaries.join(", "))?;
        }
        Ok(())
    }
}

impl Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { file, line } = &self.place;
        write!(f, "{}:{line}: {}", file.display(), self.why)
    }
}
