//! NOTIFY: whose is believed, and who is told onward.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Weak};

use tracing::error;
use zonekit_model::{KeyName, Primary, ZoneName};
use zonekit_serve::{Acl, NotifySources, NotifyTarget};
use zonekit_tsig::Key;
use zonekit_wire::Name;

use crate::Config;
use crate::config::Told;
use crate::node::Node;
use crate::primaries::key_name;

/// Says whose NOTIFY is believed: that of a zone's primary, or one signed with a key of one, that of whoever the zone's
/// settings name beside them, and that of whoever the configuration allows it for all zones. Those of others are refused and counted, and never logged: anybody can send as
/// many as he likes.
pub(crate) struct Judge {
    pub(crate) node: Weak<Node>,
    /// `allow_notify` of `[dns]`; that of each `[[zone]]` stands in the configuration.
    pub(crate) anywhere: Acl,
}

impl NotifySources for Judge {
    fn may_notify(&self, zone: Name<'_>, source: IpAddr, key: Option<&Key>) -> bool {
        let Some(node) = self.node.upgrade() else {
            return false;
        };
        let name = ZoneName::from(zone);
        let Some(zone) = node.zones.with(&name, |charge| Arc::clone(&charge.zone)) else {
            return false;
        };
        if self.anywhere.admits(source, key.map(Key::name)) {
            return true;
        }
        let config = node.config();
        let declared = config.declared(&name);
        if declared.is_some_and(|entry| {
            entry
                .particulars
                .allow_notify
                .admits(source, key.map(Key::name))
        }) {
            return true;
        }
        let signer = key.map(|key| KeyName::from(key.name()));
        let may = |primary: &Primary| {
            primary.address == source
                || signer.as_ref().is_some_and(|signer| {
                    Some(signer) == key_name(&config, primary)
                        || Some(signer) == primary.next_key.as_ref()
                })
        };
        zone.primaries.iter().any(may) || zone.notify_sources.admit(source)
    }
}

/// Whom to tell of new versions, each with its key of these. One whose key is not among them is not told: unsigned, it would
/// be told what it cannot believe.
pub(crate) fn targets(config: &Config, keys: &HashMap<KeyName, Key>) -> Vec<NotifyTarget> {
    let target = |told: &Told| {
        let key = match &told.key {
            None => None,
            Some(name) => match keys.get(name) {
                Some(key) => Some(key.clone()),
                None => {
                    let address = told.address;
                    error!(%address, key = %name, "not told of new versions: its key is not usable");
                    return None;
                }
            },
        };
        Some(NotifyTarget {
            address: told.address,
            key,
            source: config.source_for(told.address.ip()),
            per_second: config.dns.notify_rate,
        })
    };
    config.dns.notify.iter().filter_map(target).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_to_be_told_with_a_key_is_not_told_without() {
        let text = "data_dir = \"var\"\n[dns]\nlisten = [\"127.0.0.1:0\"]\n\
                    notify = [\"192.0.2.1\", { address = \"192.0.2.2\", key = \"key.example\" }]\n\
                    [[key]]\nname = \"key.example\"\nalgorithm = \"hmac-sha256\"\nsecret = \"c2VjcmV0\"\n";
        let config = Config::parse(text, "secondary.toml".as_ref()).unwrap();
        let told = |keys: &[(KeyName, Key)]| -> Vec<(String, bool)> {
            let targets = targets(&config, &keys.iter().cloned().collect());
            let told =
                |target: &NotifyTarget| (target.address.ip().to_string(), target.key.is_some());
            targets.iter().map(told).collect()
        };
        let (first, second) = ("192.0.2.1".to_owned(), "192.0.2.2".to_owned());
        assert_eq!(told(&[]), [(first.clone(), false)]);
        let name = config.keys[0].name.clone();
        let key: Key = "key.example.:c2VjcmV0".parse().unwrap();
        assert_eq!(told(&[(name, key)]), [(first, false), (second, true)]);
    }
}
