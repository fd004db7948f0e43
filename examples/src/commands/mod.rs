//! The commands of `secondary` that talk to a service that runs, over its `/v1`: how zones do, transfers by order, zones and
//! keys. Each prints a table, or with `--json` what the service has answered.

mod client;
mod delegation;
mod local;
mod status;
mod table;

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use self::client::Client;
pub use self::delegation::delegation;
use self::table::{Table, text, time};

/// Which service is meant, and how it answers.
#[derive(Args, Debug)]
pub struct Service {
    /// Where its HTTP API is. Without it the service is found by --config.
    #[arg(long, value_name = "URL", conflicts_with = "config")]
    url: Option<String>,
    /// A file with the bearer token. Without it the token is that of the variable ZONEKIT_TOKEN.
    #[arg(long, value_name = "FILE", requires = "url")]
    token_file: Option<PathBuf>,
    /// The authorities, in PEM, of which one must have signed the certificate of a service at an https URL. Default: the
    /// system's.
    #[arg(long, value_name = "FILE", requires = "url")]
    ca_file: Option<PathBuf>,
    /// The configuration of a service that runs on this machine: it is found by the socket in its data_dir, which is open to
    /// its own user and root, and gives a token for a few minutes.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Whose zones are meant, with --config. May be left out where all tokens are for the same contract.
    #[arg(long, value_name = "NAME", requires = "config")]
    contract: Option<String>,
    /// Print what the service answers, as JSON.
    #[arg(long)]
    json: bool,
}

/// What to do with zones.
#[derive(Debug, Subcommand)]
pub enum Zones {
    /// Show all zones with the primaries that they are taken from.
    List,
    /// Make a zone.
    Add {
        /// Its name.
        zone: String,
        /// A server to take it from: its address, perhaps with a port (an IPv6 address then in brackets), perhaps with a TSIG
        /// key behind a comma. Can be given several times, in the order of preference.
        #[arg(long = "primary", value_name = "ADDRESS[,KEY]", required = true)]
        primaries: Vec<String>,
        /// Free text.
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Remove a zone.
    Remove {
        /// Its name or id.
        zone: String,
    },
}

/// What to do with TSIG keys.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Show all keys, without their secrets.
    List,
    /// Make a key, and print its secret: it is told only now.
    Add {
        /// Its name.
        key: String,
        /// What it signs with.
        #[arg(long, default_value = "hmac-sha256")]
        algorithm: String,
    },
    /// Remove a key that no zone uses.
    Remove {
        /// Its name or id.
        key: String,
    },
}

/// Shows how all zones do, or only those in trouble, or one with its primaries and last visits.
pub fn status(service: &Service, zone: Option<&str>, trouble: Option<&str>) -> anyhow::Result<()> {
    let client = Client::connect(service)?;
    match zone {
        Some(zone) => status::one(&client, zone, service.json),
        None => status::all(&client, trouble, service.json),
    }
}

/// Orders a transfer.
pub fn transfer(
    service: &Service,
    zone: &str,
    full: bool,
    from: Option<&str>,
) -> anyhow::Result<()> {
    let client = Client::connect(service)?;
    let mut body = Map::new();
    body.insert("full".into(), full.into());
    body.extend(from.map(|from| ("primary".into(), from.into())));
    let path = format!("/v1/zones/{}/transfer", client::segment(zone));
    let zone = client.post(&path, &body.into())?;
    match service.json {
        true => print_json(&zone),
        false => println!(
            "{}: ordered; `secondary status` tells what comes of it",
            text(&zone["name"])
        ),
    }
    Ok(())
}

/// Lists, makes and removes zones.
pub fn zones(service: &Service, what: &Zones) -> anyhow::Result<()> {
    let client = Client::connect(service)?;
    match what {
        Zones::List => {
            let zones = client.all("/v1/zones?order=name&limit=1000")?;
            if service.json {
                print_json(&zones.into());
                return Ok(());
            }
            let mut table = Table::new(["ZONE", "ID", "PRIMARIES", "CREATED"]);
            for zone in &zones {
                let primaries: Vec<_> = list(&zone["primaries"]).iter().map(primary).collect();
                table.row([
                    text(&zone["name"]),
                    text(&zone["id"]),
                    primaries.join(" "),
                    time(&zone["created"]),
                ]);
            }
            table.print();
        }
        Zones::Add {
            zone,
            primaries,
            description,
        } => {
            let primaries: Vec<_> = { primaries.iter() }
                .map(|text| read_primary(text))
                .collect::<anyhow::Result<_>>()?;
            let mut body = json!({"name": zone, "primaries": primaries});
            if let Some(description) = description {
                body["description"] = description.as_str().into();
            }
            let zone = client.post("/v1/zones", &body)?;
            match service.json {
                true => print_json(&zone),
                false => println!("{} is {}", text(&zone["name"]), text(&zone["id"])),
            }
        }
        Zones::Remove { zone } => client.delete(&format!("/v1/zones/{}", client::segment(zone)))?,
    }
    Ok(())
}

/// Lists, makes and removes keys.
pub fn keys(service: &Service, what: &Keys) -> anyhow::Result<()> {
    let client = Client::connect(service)?;
    match what {
        Keys::List => {
            let keys = client.all("/v1/keys?limit=1000")?;
            if service.json {
                print_json(&keys.into());
                return Ok(());
            }
            let mut table = Table::new(["KEY", "ALGORITHM", "ID", "CREATED"]);
            for key in &keys {
                table.row([
                    text(&key["name"]),
                    text(&key["algorithm"]),
                    text(&key["id"]),
                    time(&key["created"]),
                ]);
            }
            table.print();
        }
        Keys::Add { key, algorithm } => {
            let body = json!({"name": key, "algorithm": algorithm});
            let key = client.post("/v1/keys", &body)?;
            match service.json {
                true => print_json(&key),
                // As `dig -y` and our own programs take it.
                false => println!(
                    "{}:{}:{}",
                    text(&key["algorithm"]),
                    text(&key["name"]),
                    text(&key["secret"])
                ),
            }
        }
        Keys::Remove { key } => client.delete(&format!("/v1/keys/{}", client::segment(key)))?,
    }
    Ok(())
}

/// A primary as it is given on the command line.
fn read_primary(given: &str) -> anyhow::Result<Value> {
    let (address, key) = match given.split_once(',') {
        Some((address, key)) => (address, Some(key)),
        None => (given, None),
    };
    let mut primary = match address.parse::<std::net::SocketAddr>() {
        Ok(address) => json!({"address": address.ip(), "port": address.port()}),
        Err(_) => {
            let address: std::net::IpAddr = { address.trim_matches(['[', ']']).parse() }
                .with_context(|| format!("--primary {given}"))?;
            json!({"address": address})
        }
    };
    if let Some(key) = key {
        primary["key"] = key.into();
    }
    Ok(primary)
}

/// A primary as it is shown.
fn primary(primary: &Value) -> String {
    let address = text(&primary["address"]);
    match (primary["port"].as_u64(), address.contains(':')) {
        (None, _) => address,
        (Some(port), false) => format!("{address}:{port}"),
        (Some(port), true) => format!("[{address}]:{port}"),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn print_json(value: &Value) {
    println!("{value:#}");
}

/// The contract that is meant if none is said.
fn only_contract(config: &zonekit_secondary::Config) -> anyhow::Result<zonekit_model::Contract> {
    let tokens = config.http.iter().flat_map(|http| &http.tokens);
    let mut contracts: Vec<_> = tokens.map(|token| token.contract.clone()).collect();
    contracts.sort();
    contracts.dedup();
    match contracts.as_slice() {
        [contract] => Ok(contract.clone()),
        _ => bail!("say whose zones are meant: --contract NAME"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primaries_are_read_as_people_write_them() {
        let check = |text: &str| read_primary(text).ok();
        assert_eq!(check("192.0.2.1"), Some(json!({"address": "192.0.2.1"})));
        assert_eq!(
            check("[2001:db8::1]:5300,transfer.example."),
            Some(json!({"address": "2001:db8::1", "port": 5300, "key": "transfer.example."}))
        );
        assert_eq!(
            check("2001:db8::1"),
            Some(json!({"address": "2001:db8::1"}))
        );
        assert_eq!(check("localhost"), None);
        let there_and_back = check("[2001:db8::1]:53").map(|value| primary(&value));
        assert_eq!(there_and_back.as_deref(), Some("[2001:db8::1]:53"));
    }
}
