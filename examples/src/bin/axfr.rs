//! Takes a zone from a server and prints it, one record a line.
//!
//!     cargo run --release --bin axfr -- @192.0.2.1 example.org --key-file transfer.key --out example.org.zone
//!
//! Memory does not grow with the zone: records are printed as they come.

#![allow(rustdoc::broken_intra_doc_links)] // doc comments are the text of --help: brackets are no links there

use std::fs;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use tempfile::NamedTempFile;
use zonekit_examples::tls::Tls;
use zonekit_examples::{failure, key_file, server};
use zonekit_tsig::Key;
use zonekit_wire::{NameBuf, Record, Serial, text};
use zonekit_xfr::{Change, Client, TransferStream};

/// Takes a zone from a server by AXFR (or IXFR) and prints it.
///
/// Each record is one line on standard output: absolute owner, TTL, IN, type, RDATA; hexadecimal and base64 without
/// blanks, no directives, the closing SOA not repeated. With --ixfr the lines are the differences as the server tells
/// them: the new SOA; then for each step the old SOA and what goes, the next SOA and what comes.
///
/// Where standard error is a terminal, a line there shows records, octets and rate as they grow.
#[derive(Parser)]
#[command(version, after_help = EXIT_STATUS)]
struct Arguments {
    /// The server: @ADDRESS, @ADDRESS:PORT, @[IPV6]:PORT or @HOST.
    #[arg(value_name = "@SERVER", value_parser = server::parse)]
    server: SocketAddr,
    /// The zone.
    zone: NameBuf,
    /// A TSIG key; the algorithm is hmac-sha256 if none is said. Other users of the machine may see it in the list of
    /// processes: --key-file is for keys in earnest.
    #[arg(long, value_name = "[ALG:]NAME:SECRET", conflicts_with = "key_file")]
    key: Option<Key>,
    /// A file with a TSIG key: as tsig-keygen writes it, or one line [ALG:]NAME:SECRET.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    tls: Tls,
    /// Ask for the differences from this serial on.
    #[arg(long, value_name = "SERIAL")]
    ixfr: Option<u32>,
    /// Write to this file rather than to standard output. It is put in place when the whole zone is there; until then,
    /// and after a failure, what was there before stays.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

const EXIT_STATUS: &str = "\
Exit status:
  0  the whole zone was printed
  1  something went wrong here: a file, the output, the arguments' meaning
  2  the arguments are not well-formed
  3  refused: the server answers with an error (REFUSED, NOTAUTH, SERVFAIL, …)
  4  bad key: the server does not accept the signature, or its own is missing or wrong; or its certificate is
  5  no connection, no TLS, or nothing came in time
  6  broken: what came is not a whole zone. What was printed before is part of one at most

Examples:
  axfr @192.0.2.1 example.org > example.org.zone
  axfr @[2001:db8::1]:5300 example.org --key hmac-sha512:transfer.example.:c2VjcmV0… --out example.org.zone
  axfr @ns1.example.net example.org --ixfr 2020101901
  axfr @192.0.2.1 example.org --tls-ca ca.pem --tls-name ns1.example.net --key-file transfer.key";

/// Octets gathered before they are written.
const BUFFER: usize = 256 * 1024;
/// Records between two looks at the clock, where progress is shown.
const LOOK: u64 = 4_096;
/// Between two lines of progress.
const PROGRESS: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let Err(error) = run(&arguments) else {
        return ExitCode::SUCCESS;
    };
    // Whoever reads our output has seen enough.
    let is_pipe = |cause: &io::Error| cause.kind() == ErrorKind::BrokenPipe;
    if !error
        .chain()
        .any(|cause| cause.downcast_ref().is_some_and(is_pipe))
    {
        eprintln!("axfr: {error:#}");
    }
    ExitCode::from(failure::status(&error))
}

/// The whole program as a plan: ask, print record by record, put the file in place.
#[tokio::main(flavor = "current_thread")]
async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut client = Client::new(arguments.server);
    if let Some(tls) = arguments.tls.chosen()? {
        let mut server = arguments.server;
        if server.port() == 53 {
            server.set_port(853);
        }
        client = Client::new(server).tls(tls);
    }
    if let Some(key) = key_file::either(arguments.key.as_ref(), arguments.key_file.as_deref())? {
        client = client.key(key);
    }
    let whose = || format!("{} from {}", arguments.zone, arguments.server);
    let zone = arguments.zone.clone();
    let transfer = match arguments.ixfr {
        None => client.axfr(zone).await,
        Some(serial) => client.ixfr_since(zone, Serial(serial)).await,
    };
    let mut transfer = transfer.with_context(whose)?;

    let mut output = Output::open(arguments.out.as_deref())?;
    let mut progress = Progress::new();
    loop {
        let record = match transfer.next_change().await.with_context(whose)? {
            None => break,
            // Differences begin with the SOA that they lead to, and so does an answer that there is nothing newer.
            Some(Change::Step(record)) if progress.records == 0 => {
                let step = record.to_buf();
                output.opening(&transfer)?;
                output.record(&step.as_record())?;
                progress.records = 2;
                continue;
            }
            Some(Change::UpToDate) => {
                output.opening(&transfer)?;
                progress.records = 1;
                continue;
            }
            Some(
                Change::Replace(record)
                | Change::Step(record)
                | Change::Remove(record)
                | Change::Reach(record)
                | Change::Add(record),
            ) => record,
            Some(_) => continue,
        };
        output.record(&record)?;
        progress.records += 1;
        if progress.records.is_multiple_of(LOOK) {
            progress.show(&transfer, false);
        }
    }
    progress.show(&transfer, true);
    output.finish()
}

/// Where the records go.
enum Output {
    Standard(Lines<io::Stdout>),
    File {
        lines: Lines<NamedTempFile>,
        path: PathBuf,
    },
}

impl Output {
    fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else {
            return Ok(Self::Standard(Lines::new(io::stdout())));
        };
        // In the same directory, so that putting it in place is one step.
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let file = tempfile::Builder::new()
            .prefix(".axfr-")
            .tempfile_in(directory);
        let file = file.with_context(|| format!("writing to {}", directory.display()))?;
        Ok(Self::File {
            lines: Lines::new(file),
            path: path.to_owned(),
        })
    }

    fn record(&mut self, record: &Record<'_>) -> io::Result<()> {
        match self {
            Self::Standard(lines) => lines.record(record),
            Self::File { lines, .. } => lines.record(record),
        }
    }

    fn opening(&mut self, transfer: &TransferStream) -> io::Result<()> {
        transfer
            .opening()
            .map_or(Ok(()), |record| self.record(&record))
    }

    /// All is there: the rest of the lines goes out, and a file is made durable and takes its name.
    fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Standard(mut lines) => lines.flush()?,
            Self::File { mut lines, path } => {
                lines.flush()?;
                let file = lines.out;
                // What was there keeps its permissions; a new file gets the usual ones rather than the owner's only.
                let permissions = match fs::metadata(&path) {
                    Ok(before) => before.permissions(),
                    Err(_) => fs::Permissions::from_mode(0o644),
                };
                file.as_file().set_permissions(permissions)?;
                file.as_file().sync_all()?;
                file.persist(&path)
                    .with_context(|| format!("writing {}", path.display()))?;
            }
        }
        Ok(())
    }
}

/// Lines of records on their way out.
struct Lines<W> {
    text: Vec<u8>,
    out: W,
}

impl<W: Write> Lines<W> {
    fn new(out: W) -> Self {
        Self {
            text: Vec::with_capacity(BUFFER + (1 << 17)),
            out,
        }
    }

    fn record(&mut self, record: &Record<'_>) -> io::Result<()> {
        text::write_record(record, &mut self.text);
        self.text.push(b'\n');
        if self.text.len() >= BUFFER {
            self.out.write_all(&self.text)?;
            self.text.clear();
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.text)?;
        self.text.clear();
        self.out.flush()
    }
}

/// The line on standard error, where that is a terminal.
struct Progress {
    records: u64,
    begin: Instant,
    shown: Option<Instant>,
    terminal: bool,
}

impl Progress {
    fn new() -> Self {
        Self {
            records: 0,
            begin: Instant::now(),
            shown: None,
            terminal: io::stderr().is_terminal(),
        }
    }

    fn show(&mut self, transfer: &TransferStream, last: bool) {
        if !self.terminal || !last && self.shown.is_some_and(|shown| shown.elapsed() < PROGRESS) {
            return;
        }
        self.shown = Some(Instant::now());
        let statistics = transfer.statistics();
        let seconds = self.begin.elapsed().as_secs_f64().max(1e-6);
        let megabytes = statistics.octets as f64 / 1e6;
        eprint!(
            "\r{}: {} records, {megabytes:.1} MB in {seconds:.1} s, {:.0} records/s, {:.1} MB/s \x1b[K{}",
            transfer.kind(),
            self.records,
            self.records as f64 / seconds,
            megabytes / seconds,
            if last { "\n" } else { "" },
        );
    }
}
