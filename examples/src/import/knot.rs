//! `knot.conf`: sections of items, by indentation; zones that take over what their templates say.

use std::collections::HashMap;
use std::path::Path;

use super::files;
use super::found::{Found, FoundKey, FoundPrimary, Place};

pub(super) fn read(path: &Path, found: &mut Found) -> anyhow::Result<()> {
    let mut items = Vec::new();
    read_file(path, 0, &mut items)?;
    let named = |section: &'static str| -> HashMap<&str, &Item> {
        { items.iter() }
            .filter(|item| item.section == section)
            .filter_map(|item| Some((item.value("id")?, item)))
            .collect()
    };
    let (remotes, groups, templates) = (named("remote"), named("remotes"), named("template"));
    for item in &items {
        match item.section.as_str() {
            "key" => key(item, found),
            "zone" => zone(item, &remotes, &groups, &templates, found),
            _ => {}
        }
    }
    Ok(())
}

/// One item of a section: `- id: …` and what stands under it.
struct Item {
    section: String,
    place: Place,
    members: Vec<(String, Vec<String>)>,
}

impl Item {
    fn values(&self, name: &str) -> &[String] {
        let member = self.members.iter().rfind(|(member, _)| member == name);
        member.map_or(&[], |(_, values)| values)
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.values(name).first().map(String::as_str)
    }
}

fn read_file(path: &Path, depth: usize, items: &mut Vec<Item>) -> anyhow::Result<()> {
    let text = files::text(path, depth)?;
    let mut section = String::new();
    let mut dash = None; // how far the items of this section are indented
    for (index, line) in text.lines().enumerate() {
        let line = without_comment(line);
        let indent = line.len() - line.trim_start().len();
        let content = line.trim();
        let place = Place::new(path, index + 1);
        if content.is_empty() {
            continue;
        }
        if indent == 0 && !content.starts_with('-') {
            match member(content) {
                Some(("include", value)) => {
                    for value in values(value) {
                        for path in files::included(path, &value)? {
                            read_file(&path, depth + 1, items)?;
                        }
                    }
                }
                Some((name, _)) => {
                    section = name.to_owned();
                    dash = None;
                }
                None => {}
            }
            continue;
        }
        let (begins, content) = match content.strip_prefix('-') {
            // A dash further in than that of the items is one of the values of the member before.
            Some(rest) if dash.is_none_or(|dash| indent <= dash) => {
                dash = Some(indent);
                (true, rest.trim_start())
            }
            Some(rest) => {
                let last = items.last_mut().and_then(|item| item.members.last_mut());
                if let Some((_, list)) = last {
                    list.extend(values(rest));
                }
                continue;
            }
            None => (false, content),
        };
        if begins {
            items.push(Item {
                section: section.clone(),
                place,
                members: Vec::new(),
            });
        }
        if let (Some((name, value)), Some(item), Some(_)) =
            (member(content), items.last_mut(), dash)
        {
            item.members.push((name.to_owned(), values(value)));
        }
    }
    Ok(())
}

/// Cuts off a comment that is not in quotes.
fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '#' if !quoted => return &line[..at],
            _ => {}
        }
    }
    line
}

/// `name: value`; a colon within an address is none.
fn member(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once(':')?;
    let is_name = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    (is_name && !name.is_empty() && (value.is_empty() || value.starts_with([' ', '\t', '"', '['])))
        .then(|| (name, value.trim()))
}

/// One value, or several in brackets; out of their quotes.
fn values(text: &str) -> Vec<String> {
    let text = text.trim();
    let inner = { text.strip_prefix('[') }.map(|rest| rest.strip_suffix(']').unwrap_or(rest));
    let parts: Vec<&str> = match inner {
        Some(inner) => inner.split(',').collect(),
        None => vec![text],
    };
    { parts.into_iter() }
        .map(|part| part.trim().trim_matches('"').to_owned())
        .filter(|part| !part.is_empty())
        .collect()
}

fn key(item: &Item, found: &mut Found) {
    let name = item.value("id").unwrap_or("?");
    match item.value("secret") {
        Some(secret) => found.keys.push(FoundKey {
            name: name.to_owned(),
            algorithm: item.value("algorithm").unwrap_or("hmac-sha256").to_owned(),
            secret: secret.to_owned(),
        }),
        None => found.leave(
            &item.place,
            format!("key {name} is left out: it lacks its secret"),
        ),
    }
}

fn zone(
    item: &Item,
    remotes: &HashMap<&str, &Item>,
    groups: &HashMap<&str, &Item>,
    templates: &HashMap<&str, &Item>,
    found: &mut Found,
) {
    let Some(name) = item.value("domain") else {
        return found.leave(&item.place, "a zone without a domain is left out");
    };
    let template = templates.get(item.value("template").unwrap_or("default"));
    let effective = |member: &str| match item.values(member) {
        [] => template.map_or(&[][..], |template| template.values(member)),
        own => own,
    };
    let masters = effective("master");
    if masters.is_empty() {
        return; // a primary zone: not ours to take
    }
    let mut primaries = Vec::new();
    for master in masters {
        let remotes = match groups.get(master.as_str()) {
            Some(group) => { group.values("remote").iter() }
                .filter_map(|id| remotes.get(id.as_str()))
                .collect(),
            None => Vec::from_iter(remotes.get(master.as_str())),
        };
        if remotes.is_empty() {
            found.leave(
                &item.place,
                format!("zone {name}: remote {master} is not there"),
            );
        }
        for remote in remotes {
            for address in remote.values("address") {
                let key = remote.value("key").map(str::to_owned);
                match FoundPrimary::from_at(address, key) {
                    Some(primary) => primaries.push(primary),
                    None => found.leave(
                        &remote.place,
                        format!("zone {name}: {address:?} is no address of a primary"),
                    ),
                }
            }
            if remote.value("quic") == Some("on") || remote.value("tls") == Some("on") {
                found.leave(&remote.place, format!("zone {name}: encryption to {master} is not taken over: the transfer would be clear"));
            }
        }
    }
    for member in ["acl", "notify"] {
        if !effective(member).is_empty() {
            let what = effective(member).join(", ");
            found.leave(
                &item.place,
                format!("zone {name}: {member} {what} is not taken over"),
            );
        }
    }
    found.zone(name, primaries, item.place.clone());
}
