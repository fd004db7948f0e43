//! Where a key stands in a configuration file: from a place to the key, and from the key to its line.
//!
//! Serde tells an octet range, our own checks know a path such as `zone[1].primaries[0].address`; a person wants both
//! the line and the key. The document is read a second time for that, and only when something is wrong.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The path of the innermost key at or around the octet `offset`, empty for the document as a whole.
pub(super) fn key_at(text: &str, offset: usize) -> String {
    let Ok(document) = DeTable::parse(text) else {
        return key_on_line(text, offset);
    };
    let mut best = (String::new(), usize::MAX);
    search(document.get_ref(), "", offset, &mut best);
    best.0
}

/// The line, counted from 1, that the octet `offset` is on.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|&&octet| octet == b'\n').count()
}

/// The line on which `path` stands, or the nearest of its parents that the document has.
pub(super) fn line_of(text: &str, path: &str) -> usize {
    let Ok(document) = DeTable::parse(text) else {
        return 1;
    };
    let mut offset = 0;
    let mut table = Some(document.get_ref());
    for piece in path.split('.') {
        let (key, index) = match piece.split_once('[') {
            Some((key, rest)) => (key, rest.trim_end_matches(']').parse::<usize>().ok()),
            None => (piece, None),
        };
        let Some((name, value)) = table
            .into_iter()
            .flatten()
            .find(|(name, _)| name.get_ref() == key)
        else {
            break;
        };
        offset = name.span().start;
        let value = match index.and_then(|index| value.get_ref().as_array()?.get(index)) {
            Some(element) => {
                offset = element.span().start;
                element
            }
            None => value,
        };
        table = value.get_ref().as_table();
    }
    line_at(text, offset)
}

/// Keeps in `best` the key with the shortest range around `offset`.
fn search(table: &DeTable<'_>, above: &str, offset: usize, best: &mut (String, usize)) {
    for (key, value) in table {
        let path = match above {
            "" => key.get_ref().to_string(),
            _ => format!("{above}.{}", key.get_ref()),
        };
        consider(&path, key.span(), offset, best);
        descend(value, &path, offset, best);
    }
}

fn descend(value: &Spanned<DeValue<'_>>, path: &str, offset: usize, best: &mut (String, usize)) {
    consider(path, value.span(), offset, best);
    match value.get_ref() {
        DeValue::Table(table) => search(table, path, offset, best),
        DeValue::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                descend(element, &format!("{path}[{index}]"), offset, best);
            }
        }
        _ => {}
    }
}

fn consider(path: &str, range: Range<usize>, offset: usize, best: &mut (String, usize)) {
    if range.contains(&offset) && range.len() <= best.1 {
        *best = (path.to_owned(), range.len());
    }
}

/// What stands before the `=` on the line of `offset`: all that can be said of a text that is not TOML.
fn key_on_line(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let begin = before.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(begin..).and_then(|rest| rest.lines().next());
    match line.and_then(|line| line.split_once('=')) {
        Some((key, _)) => key.trim().to_owned(),
        None => line.unwrap_or_default().trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "data_dir = \"var\"\n[dns]\nlisten = [\n  \"127.0.0.1:1\",\n  \"nonsense\",\n]\n[[zone]]\nname = \"a\"\n[[zone]]\nname = \"b\"\nprimaries = [{ address = \"x\" }]\n";

    #[test]
    fn a_key_is_found_from_its_value() {
        for (needle, key) in [
            ("\"var\"", "data_dir"),
            ("\"nonsense\"", "dns.listen[1]"),
            ("\"b\"", "zone[1].name"),
            ("\"x\"", "zone[1].primaries[0].address"),
        ] {
            assert_eq!(key_at(TEXT, TEXT.find(needle).unwrap()), key);
        }
    }

    #[test]
    fn a_line_is_found_from_the_path_or_its_nearest_parent() {
        for (path, line) in [
            ("data_dir", 1),
            ("dns.listen[1]", 5),
            ("zone[1].name", 10),
            ("zone[1].primaries[0].address", 11),
            ("zone[1].primaries[0].key", 11),
            ("zone[0].primaries", 7),
        ] {
            assert_eq!(line_of(TEXT, path), line, "{path}");
        }
    }

    #[test]
    fn text_that_is_not_toml_still_has_a_key() {
        assert_eq!(key_at("a = 1\nb = = 2\n", 10), "b");
    }
}
