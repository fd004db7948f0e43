//! Whether a zone is delegated as it is to be.

use anyhow::bail;
use serde_json::{Value, json};

use super::client::{Client, segment};
use super::table::{Table, text};
use super::{Service, list, print_json};

/// Has a zone's delegation checked; an error if it is not complete.
pub fn delegation(service: &Service, zone: &str) -> anyhow::Result<()> {
    let client = Client::connect(service)?;
    let path = format!("/v1/zones/{}/delegation", segment(zone));
    let found = client.post(&path, &json!({}))?;
    if service.json {
        print_json(&found);
    } else {
        let mut table = Table::new(["WHO", "SAYS", "NAME SERVERS", "MISSING"]);
        for answer in list(&found["answers"]) {
            let says = match &answer["error"] {
                Value::Null => text(&answer["said"]),
                error => text(&error["text"]),
            };
            table.row([
                text(&answer["server"]),
                says,
                names(&answer["nameservers"]),
                names(&answer["missing"]),
            ]);
        }
        if let apex @ Value::Object(_) = &found["apex"] {
            table.row([
                "the zone itself".to_owned(),
                "apex".to_owned(),
                names(&apex["nameservers"]),
                names(&apex["missing"]),
            ]);
        }
        table.print();
    }
    match found["verdict"].as_str() {
        Some("complete") => Ok(()),
        Some("incomplete") => bail!("{zone}: not all name {}", names(&found["wanted"])),
        Some("absent") => bail!("{zone}: not delegated to {}", names(&found["wanted"])),
        _ => bail!("{zone}: nobody answered"),
    }
}

fn names(names: &Value) -> String {
    let names: Vec<_> = list(names).iter().map(text).collect();
    names.join(" ")
}
