//! The commands of `secondary` that look after its data.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use zonekit_secondary::Config;
use zonekit_store::{CheckError, Checked, RestoreError, Summary, VersionMark, check as check_file};

/// Proves the data of a configuration, or a backup; prints what there is of each zone.
pub fn check(config: Option<PathBuf>, file: Option<PathBuf>) -> anyhow::Result<()> {
    let path = match (config, file) {
        (_, Some(file)) => file,
        (Some(config), None) => Config::load(&config)?.data_file(),
        (None, None) => bail!("give --config FILE or --file BACKUP"),
    };
    let summary = match check_file(&path, print) {
        Err(error @ CheckError::InUse) => {
            let hint = "make a backup and check that: secondary backup, secondary check --file";
            bail!("{}: {error}; {hint}", path.display());
        }
        other => other.with_context(|| format!("checking {}", path.display()))?,
    };
    print_summary(&summary);
    if !summary.is_sound() {
        bail!(
            "{} is damaged. Of a damaged zone nothing is served until the service, once started, has transferred it anew; \
             what else is damaged comes back from a backup: secondary restore",
            path.display()
        );
    }
    println!("everything is as it was written");
    Ok(())
}

/// Writes a backup.
pub fn backup(config: &Path, backup: &Path) -> anyhow::Result<()> {
    let octets = { Config::load(config)?.back_up_data(backup) }
        .with_context(|| format!("no backup in {}", backup.display()))?;
    println!("{octets} octets in {}", backup.display());
    Ok(())
}

/// Tells how the catalogs of a service that runs stand, or has it follow what is held back of one.
pub fn catalogs(config: &Path, follow: Option<&str>) -> anyhow::Result<()> {
    let config = Config::load(config)?;
    if let Some(name) = follow {
        let name = name.parse().with_context(|| format!("{name:?}"))?;
        println!("{name}: {}", config.ask_about_catalog(&name, true)?);
        return Ok(());
    }
    for entry in &config.catalogs {
        let words = config.ask_about_catalog(&entry.zone, false)?;
        println!("{}: {words}", entry.zone);
    }
    Ok(())
}

/// Puts a backup in place.
pub fn restore(config: &Path, backup: &Path, replace: bool) -> anyhow::Result<()> {
    let config = Config::load(config)?;
    let restored = config.restore_data(backup, replace, |zone| {
        if !zone.damage.is_empty() {
            print(zone);
        }
    });
    let data = config.data_file();
    let summary = match restored {
        Ok(summary) => summary,
        Err(error @ RestoreError::Exists) => {
            let hint = "--replace has it replaced, and what it holds is lost";
            bail!("{}: {error}; {hint}", data.display());
        }
        Err(RestoreError::Damaged(summary)) => {
            print_summary(&summary);
            bail!("{} is damaged; nothing has been changed", backup.display());
        }
        Err(error) => {
            return Err(error).with_context(|| format!("restoring {}", data.display()));
        }
    };
    print_summary(&summary);
    println!("{} has it now", data.display());
    Ok(())
}

fn print(zone: &Checked) {
    let Checked {
        name,
        version,
        steps,
        octets,
        damage,
        ..
    } = zone;
    match version {
        Some(VersionMark { serial, records }) => println!(
            "{name} serial {}, {records} records, history of {steps}, {octets} octets",
            serial.0
        ),
        None if damage.is_empty() => println!("{name} never loaded"),
        None => println!("{name} cannot be read"),
    }
    for damage in damage {
        println!("{name} DAMAGED: {}", in_words(damage));
    }
}

fn print_summary(summary: &Summary) {
    for damage in &summary.damage {
        println!("DAMAGED: {}", in_words(damage));
    }
    println!(
        "{} zones, {} of them damaged, {} settings",
        summary.zones, summary.damaged, summary.settings
    );
}

/// An error and what caused it, as one line.
fn in_words(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let words: Vec<String> = causes.map(ToString::to_string).collect();
    words.join(": ")
}
