//! The programs of BIND, Knot and ldns that read presentation text, asked what they make of it.
//!
//! Each takes text on a file or a pipe and says what it read, or why it did not. [`Responder`] is a name server for one
//! run of `kdig`: it answers with whatever RDATA a test wants to have printed.

#![allow(dead_code, unreachable_pub)] // each test file uses a part of this

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

use zonekit_wire::{
    Class, Compressor, Header, Message, MessageWriter, Name, Record, RecordBuf, Rtype, Section,
    master, rdata,
};

use crate::support::peer_program;

/// Whether all of the programs are there; what is missing was said aloud, or has failed the test.
pub fn are_installed(programs: &[&str]) -> bool {
    programs
        .iter()
        .all(|program| peer_program(program).is_some())
}

/// What `named-rrchecker` makes of one record: its output, or its complaint.
pub fn rrchecker(option: &str, rtype: Rtype, text: &str) -> Result<String, String> {
    let mut child = program("named-rrchecker")
        .args(["-o", "example.", option])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let line = format!("IN {rtype} {text}\n");
    // A record that it refuses early it does not read to the end.
    let _ = child.stdin.take().unwrap().write_all(line.as_bytes());
    outcome(child.wait_with_output().unwrap())
}

/// What `named-compilezone` makes of the zone `example.` or whichever: its records one on a line, names absolute.
pub fn compilezone(zone: &str, text: &[u8]) -> Result<String, String> {
    let quiet = "-i none -k ignore -m ignore -M ignore -n ignore -r ignore -S ignore -T ignore -W ignore -s full";
    with_file(text, |path| {
        program("named-compilezone")
            .args(quiet.split(' '))
            .args(["-o", "-", zone])
            .arg(path)
            .output()
            .unwrap()
    })
}

/// What `ldns-read-zone` makes of a zone, or why it stops at the first line that it does not like.
pub fn ldns_read_zone(text: &[u8]) -> Result<String, String> {
    with_file(text, |path| {
        program("ldns-read-zone").arg(path).output().unwrap()
    })
}

/// The lines that `kzonecheck` refuses, each with its reason.
pub fn kzonecheck(zone: &str, text: &[u8]) -> BTreeMap<usize, String> {
    let said = with_file(text, |path| {
        let mut command = program("kzonecheck");
        command.args(["-v", "-d", "off", "-o", zone]).arg(path);
        command.output().unwrap()
    });
    let (Ok(said) | Err(said)) = said;
    let reasons = said.lines().filter_map(|line| {
        let (_, rest) = line.split_once("', line ")?;
        let (number, reason) = rest.split_once(' ')?;
        Some((
            number.parse().ok()?,
            reason.trim_matches(['(', ')']).to_owned(),
        ))
    });
    reasons.collect()
}

/// What `kdig` prints, given arguments.
pub fn kdig(server: SocketAddr, arguments: &[&str]) -> String {
    let (address, port) = (format!("@{}", server.ip()), server.port().to_string());
    let output = program("kdig")
        .args([&address, "-p", &port, "+tcp", "+retry=0", "+time=10"])
        .args(["+noall", "+answer"])
        .args(arguments)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The records of a master file that a peer has printed.
pub fn records(text: &str) -> Vec<RecordBuf> {
    let mut reader = master::Reader::new(text.as_bytes(), Name::ROOT);
    let mut records = Vec::new();
    while let Some(record) = reader.next_record().unwrap_or_else(|error| {
        let line = usize::try_from(error.line).unwrap_or_default();
        panic!(
            "{error}: {}",
            text.lines().nth(line - 1).unwrap_or_default()
        )
    }) {
        records.push(record.to_buf());
    }
    records
}

/// A zone's records made comparable: sort key of the owner, type, TTL, and RDATA with its names in lower case; sorted, the
/// second SOA of a transfer left out.
pub fn canonical(records: &[RecordBuf]) -> Vec<(Vec<u8>, u16, u32, Vec<u8>)> {
    let mut zone: Vec<_> = records
        .iter()
        .map(|record| {
            let mut octets = Vec::new();
            rdata::canonical(record.rtype, &record.rdata, &mut octets);
            let mut owner = Vec::new();
            record.owner.as_name().write_sort_key(&mut owner);
            (owner, record.rtype.0, record.ttl, octets)
        })
        .collect();
    zone.sort();
    zone.dedup();
    zone
}

/// A name server that knows records by number: `r17.` asks for the one with number 17; whoever asks for anything else is
/// hung up on. It ends with the test.
pub struct Responder {
    pub address: SocketAddr,
}

impl Responder {
    /// Starts to answer with `records`, whatever type is asked for.
    pub fn start(records: Vec<(Rtype, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let _ = answer_all(stream, &records); // a peer that hangs up has seen enough
            }
        });
        Self { address }
    }
}

fn answer_all(mut stream: TcpStream, records: &[(Rtype, Vec<u8>)]) -> std::io::Result<()> {
    let mut compressor = Compressor::new();
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut request = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut request)?;
        let message = Message::new(&request).expect("a message");
        let question = message.question().expect("a question").expect("one");
        let name = question.name.to_buf();
        let number = name.to_string();
        let Ok(number) = number.trim_matches(['r', '.']).parse::<usize>() else {
            return Err(ErrorKind::InvalidInput.into());
        };
        let (rtype, rdata) = &records[number];
        let mut reply = Vec::new();
        let mut writer = MessageWriter::new(&mut reply, 65_535, &mut compressor);
        writer.set_header(Header {
            id: message.header().id,
            qr: true,
            aa: true,
            ..Header::default()
        });
        let owner = name.as_name();
        writer
            .question(owner, question.rtype, question.class)
            .expect("room");
        let record = Record {
            owner,
            rtype: *rtype,
            class: Class::IN,
            ttl: 1,
            rdata,
        };
        writer.record(Section::Answer, &record).expect("room");
        writer.finish();
        stream.write_all(&(reply.len() as u16).to_be_bytes())?;
        stream.write_all(&reply)?;
    }
}

fn program(name: &str) -> Command {
    Command::new(peer_program(name).expect("was there a moment ago"))
}

/// Runs something on a file that holds `text`.
fn with_file(text: &[u8], run: impl FnOnce(&Path) -> Output) -> Result<String, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("zone");
    fs::write(&path, text).unwrap();
    outcome(run(&path))
}

/// Standard output of what went well, all output of what did not. Text need not be UTF-8: each octet is a character.
fn outcome(output: Output) -> Result<String, String> {
    let text = |octets: &[u8]| octets.iter().copied().map(char::from).collect::<String>();
    if output.status.success() && !output.stdout.is_empty() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stdout) + &text(&output.stderr))
    }
}
