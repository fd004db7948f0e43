//! How zones do.

use serde_json::{Value, json};

use super::client::{Client, segment};
use super::table::{Table, text, time};
use super::{list, primary, print_json};

pub(super) fn all(client: &Client, trouble: Option<&str>, as_json: bool) -> anyhow::Result<()> {
    let trouble = trouble.map_or(String::new(), |words| {
        let words: Vec<_> = words.split(',').map(segment).collect();
        format!("&trouble={}", words.join(","))
    });
    let zones = client.all(&format!("/v1/zones?order=name&limit=1000{trouble}"))?;
    if as_json {
        print_json(&zones.into());
        return Ok(());
    }
    let mut table = Table::new([
        "ZONE",
        "STANDING",
        "SERIAL",
        "RECORDS",
        "CONFIRMED",
        "NEXT TRY",
        "EXPIRES",
        "TROUBLE",
    ]);
    for zone in &zones {
        table.row([
            text(&zone["name"]),
            text(&zone["standing"]),
            text(&zone["serial"]),
            text(&zone["records"]),
            time(&zone["lastSuccess"]),
            time(&zone["nextTry"]),
            time(&zone["expires"]),
            in_short(zone),
        ]);
    }
    table.print();
    Ok(())
}

pub(super) fn one(client: &Client, zone: &str, as_json: bool) -> anyhow::Result<()> {
    let path = format!("/v1/zones/{}", segment(zone));
    let zone = client.get(&path)?;
    let history = client.get(&format!("{path}/history"))?;
    if as_json {
        print_json(&json!({"zone": zone, "history": history["items"]}));
        return Ok(());
    }
    for (title, value) in [
        ("zone", text(&zone["name"])),
        ("id", text(&zone["id"])),
        ("standing", text(&zone["standing"])),
        ("serial", text(&zone["serial"])),
        ("records", text(&zone["records"])),
        ("octets", text(&zone["octets"])),
        ("last check", time(&zone["lastCheck"])),
        ("confirmed", time(&zone["lastSuccess"])),
        ("next try", time(&zone["nextTry"])),
        ("expires", time(&zone["expires"])),
    ] {
        println!("{title:10}  {value}");
    }
    println!();
    let mut table = Table::new(["PRIMARY", "KEY", "OUTCOME", "SERIAL", "LAST CHECK", "ERROR"]);
    for item in list(&zone["primaries"]) {
        table.row([
            primary(item),
            text(&item["key"]),
            text(&item["outcome"]),
            text(&item["serial"]),
            time(&item["lastCheck"]),
            error(&item["error"]),
        ]);
    }
    table.print();
    println!();
    let mut table = Table::new([
        "VISIT", "CAUSE", "OUTCOME", "FROM", "TO", "MS", "KIND", "OCTETS", "ERROR",
    ]);
    for visit in list(&history["items"]) {
        table.row([
            time(&visit["at"]),
            text(&visit["cause"]),
            text(&visit["outcome"]),
            text(&visit["from"]),
            text(&visit["to"]),
            text(&visit["duration"]),
            text(&visit["transfer"]["kind"]),
            text(&visit["transfer"]["octets"]),
            error(&visit["error"]),
        ]);
    }
    table.print();
    Ok(())
}

/// What is wrong with a zone, in a few words.
fn in_short(zone: &Value) -> String {
    let mut words = Vec::new();
    if zone["behind"] == true {
        words.push("behind".to_owned());
    }
    for item in list(&zone["primaries"]) {
        if item["outcome"] == "error" {
            words.push(format!(
                "{} {}",
                primary(item),
                text(&item["error"]["kind"])
            ));
        }
    }
    words.join(", ")
}

fn error(error: &Value) -> String {
    match error {
        Value::Null => String::new(),
        error => format!("{}: {}", text(&error["kind"]), text(&error["text"])),
    }
}
