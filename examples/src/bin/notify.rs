//! Tells a secondary that a zone has changed, and says what came back.
//!
//!     cargo run --release --bin notify -- @192.0.2.1 example.org --serial 2020101902

#![allow(rustdoc::broken_intra_doc_links)] // doc comments are the text of --help: brackets are no links there

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use zonekit_examples::{failure, key_file, server};
use zonekit_tsig::Key;
use zonekit_wire::{NameBuf, Rcode, Serial, SoaBuf};
use zonekit_xfr::Client;

/// Sends one NOTIFY (RFC 1996) and says what came back.
///
/// A secondary believes it from the address of one of the zone's primaries, or signed with a key of theirs. It answers
/// before it acts: NOERROR means that it has heard, not that it has the new version yet.
#[derive(Parser)]
#[command(version, after_help = EXIT_STATUS)]
struct Arguments {
    /// The secondary: @ADDRESS, @ADDRESS:PORT, @[IPV6]:PORT or @HOST.
    #[arg(value_name = "@SERVER", value_parser = server::parse)]
    server: SocketAddr,
    /// The zone that has changed.
    zone: NameBuf,
    /// Say the new serial along with it: a hint that saves a check where the secondary has it already.
    #[arg(long, value_name = "SERIAL")]
    serial: Option<u32>,
    /// A TSIG key; the algorithm is hmac-sha256 if none is said.
    #[arg(long, value_name = "[ALG:]NAME:SECRET", conflicts_with = "key_file")]
    key: Option<Key>,
    /// A file with a TSIG key: as tsig-keygen writes it, or one line [ALG:]NAME:SECRET.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

const EXIT_STATUS: &str = "\
Exit status:
  0  the secondary answers NOERROR
  1  something went wrong here
  2  the arguments are not well-formed
  3  refused: the secondary answers with an error (REFUSED: not from you; NOTAUTH: not its zone)
  4  bad key: the secondary does not accept the signature, or its own is missing or wrong
  5  no answer in time
  6  what came is no answer";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(Rcode::NOERROR) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(failure::REFUSED),
        Err(error) => {
            eprintln!("notify: {error:#}");
            ExitCode::from(failure::status(&error))
        }
    }
}

/// The whole program as a plan: tell, say what came back.
#[tokio::main(flavor = "current_thread")]
async fn run(arguments: &Arguments) -> anyhow::Result<Rcode> {
    let mut client = Client::new(arguments.server);
    if let Some(key) = key_file::either(arguments.key.as_ref(), arguments.key_file.as_deref())? {
        client = client.key(key);
    }
    let hint = arguments.serial.map(hint);
    let reply = client.notify(arguments.zone.clone(), hint.as_ref()).await;
    let reply = reply.with_context(|| format!("{} at {}", arguments.zone, arguments.server))?;
    println!(
        "{} at {}: {} after {} ms ({} sent)",
        arguments.zone,
        arguments.server,
        reply.rcode,
        reply.duration.as_millis(),
        reply.sent
    );
    Ok(reply.rcode)
}

/// An SOA that says the serial and nothing else: a receiver may take no more from it than that (RFC 1996 §3.11).
fn hint(serial: u32) -> SoaBuf {
    SoaBuf {
        mname: NameBuf::new(),
        rname: NameBuf::new(),
        serial: Serial(serial),
        refresh: 0,
        retry: 0,
        expire: 0,
        minimum: 0,
    }
}
