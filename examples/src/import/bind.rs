//! `named.conf`: statements of words, some with a block of further statements.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::path::Path;

use anyhow::bail;

use super::files;
use super::found::{Found, FoundKey, FoundPrimary, Place};
use crate::words::{Word, words};

pub(super) fn read(path: &Path, found: &mut Found) -> anyhow::Result<()> {
    let mut statements = Vec::new();
    read_file(path, 0, &mut statements)?;
    let mut lists = HashMap::new();
    collect_lists(&statements, &mut lists);
    take(&statements, &lists, found);
    Ok(())
}

/// `word word { statement; … } word;`
struct Statement {
    words: Vec<String>,
    block: Option<Vec<Self>>,
    place: Place,
}

/// Lists of primaries by their names.
type Lists<'s> = HashMap<&'s str, &'s Statement>;

impl Statement {
    fn first(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    fn word(&self, index: usize) -> Option<&str> {
        self.words.get(index).map(String::as_str)
    }

    fn block(&self) -> &[Self] {
        self.block.as_deref().unwrap_or_default()
    }

    /// The word behind `name` in the statement that begins with it.
    fn value(&self, name: &str) -> Option<&str> {
        { self.block().iter() }
            .find(|statement| statement.first() == name)?
            .word(1)
    }

    /// The word behind the word `name` of this statement.
    fn option(&self, name: &str) -> Option<&str> {
        let at = self.words.iter().position(|word| word == name)?;
        self.word(at + 1)
    }
}

fn read_file(path: &Path, depth: usize, statements: &mut Vec<Statement>) -> anyhow::Result<()> {
    let text = files::text(path, depth)?;
    let mut words = words(&text).into_iter();
    while let Some(statement) = statement(path, &mut words)? {
        match (statement.first(), statement.word(1)) {
            ("include", Some(pattern)) => {
                for path in files::included(path, pattern)? {
                    read_file(&path, depth + 1, statements)?;
                }
            }
            _ => statements.push(statement),
        }
    }
    Ok(())
}

/// The next statement; none at the end of the file or of a block.
fn statement(
    path: &Path,
    words: &mut impl Iterator<Item = Word>,
) -> anyhow::Result<Option<Statement>> {
    let mut statement: Option<Statement> = None;
    while let Some(word) = words.next() {
        let place = Place::new(path, word.line);
        let statement = statement.get_or_insert_with(|| Statement {
            words: Vec::new(),
            block: None,
            place,
        });
        match (word.text.as_str(), word.quoted) {
            (";", false) => return Ok(Some(std::mem::replace(statement, nothing(path)))),
            ("}", false) => return Ok(None),
            ("{", false) => {
                let block = statement.block.get_or_insert_default();
                while let Some(inner) = self::statement(path, words)? {
                    block.push(inner);
                }
            }
            _ => statement.words.push(word.text),
        }
    }
    match statement {
        Some(open) => bail!(
            "{}:{}: the statement that begins here is not closed",
            path.display(),
            open.place.line
        ),
        None => Ok(None),
    }
}

fn nothing(path: &Path) -> Statement {
    Statement {
        words: Vec::new(),
        block: None,
        place: Place::new(path, 0),
    }
}

fn collect_lists<'s>(statements: &'s [Statement], lists: &mut Lists<'s>) {
    for statement in statements {
        match statement.first() {
            "primaries" | "masters" | "remote-servers" => {
                lists.extend(statement.word(1).map(|name| (name, statement)));
            }
            "view" => collect_lists(statement.block(), lists),
            _ => {}
        }
    }
}

fn take(statements: &[Statement], lists: &Lists<'_>, found: &mut Found) {
    for statement in statements {
        match statement.first() {
            "key" => key(statement, found),
            "server" => server(statement, found),
            "zone" => zone(statement, lists, found),
            "view" => {
                let view = statement.word(1).unwrap_or_default();
                found.leave(
                    &statement.place,
                    format!("view {view}: its zones are taken as zones for everybody"),
                );
                take(statement.block(), lists, found);
            }
            _ => {}
        }
    }
}

fn key(statement: &Statement, found: &mut Found) {
    let name = statement.word(1).unwrap_or("?");
    match (statement.value("algorithm"), statement.value("secret")) {
        (Some(algorithm), Some(secret)) => found.keys.push(FoundKey {
            name: name.to_owned(),
            algorithm: algorithm.to_owned(),
            secret: secret.to_owned(),
        }),
        _ => found.leave(
            &statement.place,
            format!("key {name} is left out: it lacks its algorithm or secret"),
        ),
    }
}

/// `server ADDRESS { keys NAME; };`: the key for a primary wherever it is asked.
fn server(statement: &Statement, found: &mut Found) {
    let address = statement.word(1).and_then(|address| address.parse().ok());
    let keys = { statement.block().iter() }.find(|inner| inner.first() == "keys");
    let key = keys.and_then(|keys| keys.word(1).or_else(|| keys.block().first()?.word(0)));
    match (address, key) {
        (Some(address), Some(key)) => found.rules.push(FoundPrimary {
            address,
            port: None,
            key: Some(key.to_owned()),
        }),
        (None, Some(_)) => found.leave(
            &statement.place,
            "server: a key for a network is not taken over",
        ),
        _ => {}
    }
}

fn zone(statement: &Statement, lists: &Lists<'_>, found: &mut Found) {
    let name = statement.word(1).unwrap_or("?");
    let kind = statement.value("type").unwrap_or_default();
    if !matches!(kind, "secondary" | "slave") {
        if matches!(kind, "mirror" | "stub") {
            found.leave(
                &statement.place,
                format!("zone {name} is left out: type {kind}"),
            );
        }
        return;
    }
    let mut primaries = Vec::new();
    for inner in statement.block() {
        match inner.first() {
            "primaries" | "masters" => {
                let mut seen = HashSet::new();
                collect(name, inner, None, lists, &mut seen, &mut primaries, found);
            }
            option @ ("allow-notify" | "allow-transfer" | "also-notify" | "transfer-source"
            | "transfer-source-v6") => {
                found.leave(
                    &inner.place,
                    format!("zone {name}: {option} is not taken over"),
                );
            }
            _ => {}
        }
    }
    found.zone(name, primaries, statement.place.clone());
}

/// `[port N] { ADDRESS [port N] [key NAME] [tls NAME]; LIST [key NAME]; … }`
fn collect<'s>(
    zone: &str,
    list: &'s Statement,
    key: Option<&str>,
    lists: &Lists<'s>,
    seen: &mut HashSet<&'s str>,
    primaries: &mut Vec<FoundPrimary>,
    found: &mut Found,
) {
    let port = list.option("port");
    for entry in list.block() {
        let key = entry.option("key").or(key);
        if let Some(profile) = entry.option("tls").filter(|&profile| profile != "none") {
            found.leave(
                &entry.place,
                format!(
                    "zone {zone}: TLS by {profile} is not taken over: the transfer would be clear"
                ),
            );
        }
        match entry.first().parse::<IpAddr>() {
            Ok(address) => primaries.push(FoundPrimary {
                address,
                port: entry
                    .option("port")
                    .or(port)
                    .and_then(|port| port.parse().ok()),
                key: key.map(str::to_owned),
            }),
            Err(_) => match lists.get(entry.first()) {
                Some(list) if seen.insert(entry.first()) => {
                    collect(zone, list, key, lists, seen, primaries, found);
                }
                Some(_) => {}
                None => found.leave(
                    &entry.place,
                    format!(
                        "zone {zone}: {:?} is neither an address nor a list of primaries",
                        entry.first()
                    ),
                ),
            },
        }
    }
}
