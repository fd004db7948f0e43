//! The secondary zones and the keys of another name server, as our configuration has them.
//!
//! What cannot be carried over is never dropped in silence: each such thing is told with its file and line.

mod bind;
mod files;
mod found;
mod knot;
mod nsd;

use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Context, bail};
use clap::ValueEnum;

use self::found::Found;

/// Whose configuration it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Format {
    /// NSD: `nsd.conf`.
    Nsd,
    /// Knot DNS: `knot.conf`.
    Knot,
    /// BIND: `named.conf`.
    Bind,
}

/// Reads the configuration at `path` with all that it includes, and prints ours: `[[key]]`, `[[primary]]` and `[[zone]]`.
/// What is left out goes to standard error.
pub fn run(path: &Path, format: Option<Format>) -> anyhow::Result<()> {
    let found = read(path, format)?;
    for left in &found.left {
        eprintln!("{left}");
    }
    { io::stdout().write_all(found.to_string().as_bytes()) }.context("writing")?;
    let (zones, keys) = (found.zones.len(), found.keys.len());
    eprintln!(
        "{zones} zones and {keys} keys; {} things to look at",
        found.left.len()
    );
    Ok(())
}

fn read(path: &Path, format: Option<Format>) -> anyhow::Result<Found> {
    let format = match format {
        Some(format) => format,
        None => guess(path)?,
    };
    let mut found = Found::default();
    match format {
        Format::Nsd => nsd::read(path, &mut found)?,
        Format::Knot => knot::read(path, &mut found)?,
        Format::Bind => bind::read(path, &mut found)?,
    }
    found.settle();
    Ok(found)
}

/// By its name: no text is one for all three.
fn guess(path: &Path) -> anyhow::Result<Format> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    for (part, format) in [
        ("nsd", Format::Nsd),
        ("knot", Format::Knot),
        ("named", Format::Bind),
        ("bind", Format::Bind),
    ] {
        if name.contains(part) {
            return Ok(format);
        }
    }
    bail!(
        "{}: whose configuration is it? Say --format nsd, knot or bind",
        path.display()
    )
}

#[cfg(test)]
mod tests;
