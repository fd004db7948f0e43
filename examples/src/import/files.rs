//! The files of a configuration: the one that was given, and those that it includes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Files within files. Nobody means more than this; a file that includes itself does.
pub(super) const DEPTH: usize = 16;

/// The text of a file of the configuration.
pub(super) fn text(path: &Path, depth: usize) -> anyhow::Result<String> {
    if depth > DEPTH {
        bail!("{}: files include one another without end", path.display());
    }
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

/// What an include in `file` means: relative to that file, the last part of the path possibly with `*` in it, in the order
/// of their names. A directory means all files in it.
pub(super) fn included(file: &Path, pattern: &str) -> anyhow::Result<Vec<PathBuf>> {
    let pattern = file.parent().unwrap_or(Path::new("")).join(pattern);
    let (directory, last) = if pattern.is_dir() {
        (pattern.as_path(), "*".to_owned())
    } else {
        let last = pattern.file_name().unwrap_or_default().to_string_lossy();
        if !last.contains('*') {
            return Ok(vec![pattern]);
        }
        (pattern.parent().unwrap_or(Path::new("")), last.into_owned())
    };
    let entries = { fs::read_dir(directory) }
        .with_context(|| format!("listing {} for {}", directory.display(), file.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("listing {}", directory.display()))?;
        if matches(&last, &entry.file_name().to_string_lossy()) && entry.path().is_file() {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// Whether `name` is one of those that `pattern` stands for: `*` is anything, the rest is itself.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == name;
    };
    name.strip_prefix(head).is_some_and(|rest| {
        (0..=rest.len()).any(|at| rest.is_char_boundary(at) && matches(tail, &rest[at..]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_anything() {
        for (pattern, name, whether) in [
            ("*.conf", "a.conf", true),
            ("*.conf", "a.conf.bak", false),
            ("zone-*-*.conf", "zone-a-b.conf", true),
            ("zone-*-*.conf", "zone-a.conf", false),
            ("*", "", true),
            ("a", "b", false),
        ] {
            assert_eq!(matches(pattern, name), whether, "{pattern} {name}");
        }
    }
}
