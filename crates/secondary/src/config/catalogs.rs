//! What a configuration says of catalog zones ([RFC 9432]).
//!
//! [RFC 9432]: https://www.rfc-editor.org/rfc/rfc9432

use zonekit_model::{CatalogMember, Contract, KeyDraft, Primaries, Primary, ZoneName};

use super::check::{Fault, address, contract, each, known_key, name, within};
use super::{Config, Problem, ZoneEntry, file};

/// `[[catalog]]`: a zone of ours whose members become zones of ours.
///
/// ```
/// # use zonekit_secondary::Config;
/// let text = r#"
///     data_dir = "var"
///     [dns]
///     listen = ["127.0.0.1:0"]
///     [[zone]]
///     name = "catalog.example"
///     primaries = [{ address = "192.0.2.1" }]
///     [[catalog]]
///     zone = "catalog.example"
/// "#;
/// let config = Config::parse(text, "secondary.toml".as_ref())?;
/// assert_eq!(config.catalogs[0].primaries, config.zones[0].primaries);
/// # Ok::<(), zonekit_secondary::ConfigError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CatalogEntry {
    /// `zone`: the catalog, one of `[[zone]]`.
    pub zone: ZoneName,
    /// `contract`: whose API shows the members, if anyone's; writes to them get 409, and no quota counts them.
    pub contract: Option<Contract>,
    /// `primaries`: where members are taken from. Default: from where the catalog is.
    pub primaries: Primaries,
    /// `[[catalog.group]]`: where members of a group are taken from instead; of a member of several, the first here counts.
    pub groups: Vec<(String, Primaries)>,
    /// `max_zones`: with more members than this the catalog is not followed. Default: 100,000.
    pub max_zones: usize,
    /// `max_removed`: a version that takes away more than this percentage of the members, and more than [ten](Self::FEW), is held
    /// back until somebody orders it to be followed. Default: 25; 100 holds nothing back.
    ///
    /// An empty or truncated catalog is well-formed, and would have all its zones go at once, with their data. What
    /// happens to a catalog every day takes away a few members; what takes away a quarter of them is an accident, or
    /// somebody knows of it.
    pub max_removed: u8,
}

impl CatalogEntry {
    /// As many members may always go at once.
    pub const FEW: usize = 10;

    /// Whether so many of the members may go at once.
    pub fn may_remove(&self, removed: usize, members: usize) -> bool {
        removed <= Self::FEW || removed as u64 * 100 <= members as u64 * u64::from(self.max_removed)
    }

    /// Where a member is taken from.
    pub fn primaries_of(&self, member: &CatalogMember) -> &Primaries {
        let mut groups = self.groups.iter();
        let group = groups.find(|(name, _)| member.groups.contains(name));
        group.map_or(&self.primaries, |(_, primaries)| primaries)
    }
}

impl Config {
    /// The `[[catalog]]` of this zone.
    pub fn catalog(&self, zone: &ZoneName) -> Option<&CatalogEntry> {
        self.catalogs.iter().find(|catalog| catalog.zone == *zone)
    }
}

pub(super) fn check_catalogs(
    catalogs: Vec<file::Catalog>,
    zones: &[ZoneEntry],
    keys: &[KeyDraft],
) -> Result<Vec<CatalogEntry>, Fault> {
    let mut seen = Vec::new();
    each("catalog", catalogs, |path, catalog| {
        let at = format!("{path}.zone");
        let zone: ZoneName = name(&catalog.zone, &at)?;
        if seen.contains(&zone) {
            return Err((at, Problem::Twice(catalog.zone)));
        }
        let Some(entry) = zones.iter().find(|entry| entry.name == zone) else {
            return Err((at, Problem::UnknownZone(catalog.zone)));
        };
        seen.push(zone.clone());
        let max_zones = catalog.max_zones.unwrap_or(100_000);
        within(
            &format!("{path}.max_zones"),
            max_zones as u64,
            1,
            u32::MAX.into(),
        )?;
        let max_removed = catalog.max_removed.unwrap_or(25);
        let path_of = format!("{path}.max_removed");
        within(&path_of, max_removed.into(), 0, 100)?;
        Ok(CatalogEntry {
            zone,
            contract: { catalog.contract }
                .map(|text| contract(text, &format!("{path}.contract")))
                .transpose()?,
            primaries: match catalog.primaries {
                Some(list) => check_primaries(list, keys, path)?,
                None => entry.primaries.clone(),
            },
            groups: each(&format!("{path}.group"), catalog.group, |path, group| {
                Ok((group.name, check_primaries(group.primaries, keys, path)?))
            })?,
            max_zones,
            max_removed,
        })
    })
}

fn check_primaries(
    list: Vec<file::MemberPrimary>,
    keys: &[KeyDraft],
    path: &str,
) -> Result<Primaries, Fault> {
    let path = format!("{path}.primaries");
    let primaries = each(&path, list, |path, primary| {
        let (address, port) = address(&primary.address, &format!("{path}.address"))?;
        let key = { primary.key }
            .map(|key| known_key(keys, &key, &format!("{path}.key")))
            .transpose()?;
        Ok(Primary {
            port,
            key,
            ..Primary::from(address)
        })
    })?;
    Primaries::new(primaries).map_err(|error| (path, error.into()))
}
