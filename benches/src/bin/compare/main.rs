//! Zonekit beside NSD, Knot and BIND, as secondaries of one primary on the same zones: CPU, memory, disk, time.
//!
//!     cargo build --release --bin secondary
//!     cargo run --release -p benches --bin compare -- axfr --records 1000000 --runs 5
//!     cargo run --release -p benches --bin compare -- --help
//!
//! Everything is on loopback and in a temporary directory. Servers that are not installed are said aloud and left out.
//! Figures are medians. Read the ratios within one table: machines differ, and so do hours.

#![allow(rustdoc::broken_intra_doc_links)] // doc comments are the text of --help: brackets are no links there

mod probe;
mod server;
mod usage;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use benches::{Altered, write_master};
use clap::{Parser, ValueEnum};
use tempfile::TempDir;

use crate::server::{Kind, Role, Served, Server};

/// The zone that all but `many` transfer.
const ZONE: &str = "example";

/// Starts NSD, Knot, BIND and Zonekit as secondaries of the same zones, and prints what that costs each.
///
/// served: CPU seconds of all processes until the serial answers. settled: until nothing is done any more, which
/// includes writing to disk where that comes later (NSD writes its file hourly: never here). PSS and peak are those of
/// all processes, and of the largest one.
///
/// Of many zones, each is asked for: what that takes by itself is found by asking once more, and is taken off.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// What to measure.
    case: Case,
    /// Records of the zone.
    #[arg(long, default_value_t = 1_000_000)]
    records: usize,
    /// What the zone is like: tld, hosts or signed.
    #[arg(long, default_value = "tld")]
    zone: String,
    /// How many zones `many` has, of 8 records each.
    #[arg(long, default_value_t = 20_000)]
    zones: usize,
    /// Runs of each.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Who is measured.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Kind::Nsd, Kind::Knot, Kind::Bind, Kind::Zonekit])]
    kinds: Vec<Kind>,
    /// Transfers are not signed; otherwise by hmac-sha256.
    #[arg(long)]
    unsigned: bool,
    /// Our program. Default: the one that lies beside this one.
    #[arg(long)]
    secondary: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Case {
    /// A zone arrives for the first time, from NSD.
    Axfr,
    /// It arrives once more, whole, with one name in a hundred changed, from NSD. Peak is that of this transfer.
    Second,
    /// One name in a hundred has changed, by IXFR from Knot.
    Ixfr,
    /// Three names have changed, by IXFR from Knot.
    IxfrSmall,
    /// The secondary is started again, with the zone on its disk; NSD, which has not written it yet, transfers it again.
    Restart,
    /// Many zones of 8 records arrive from NSD; the secondary rests for ten seconds, and is started again.
    Many,
}

/// What one run cost.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    wall: f64,
    served: f64,
    settled: f64,
    pss: u64,
    peak: u64,
    disk: u64,
    /// Of `many` only.
    rest: Option<Rest>,
}

/// What comes after many zones have arrived.
#[derive(Clone, Copy, Debug, Default)]
struct Rest {
    /// CPU seconds in [`IDLE`].
    idle: f64,
    /// From the next start until all zones answer.
    wall: f64,
    served: f64,
    /// After that.
    pss: u64,
}

/// How long a server is watched that has nothing to do.
const IDLE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let bench = Bench::new(arguments)?;
    let primary_kind = match arguments.case {
        Case::Ixfr | Case::IxfrSmall => Kind::Knot,
        _ => Kind::Nsd,
    };
    bench
        .program(primary_kind)
        .with_context(|| format!("{primary_kind} is the primary of this, and not installed"))?;
    let mut table = Vec::new();
    let zones = bench.make_zones()?;
    let mut primary = bench.start(primary_kind, Role::Primary, &zones)?;
    let last = zones.last().context("at least one zone")?;
    primary.wait_for(&last.name, 1)?;
    primary.settle();
    for &kind in &arguments.kinds {
        let Some(_) = bench.program(kind) else {
            eprintln!("SKIPPED: {kind} is not installed");
            continue;
        };
        let samples = match arguments.case {
            Case::Axfr => bench.first(kind, &primary, &zones),
            Case::Many => bench.many(kind, &primary, &zones),
            Case::Restart => bench.restart(kind, &primary, &zones),
            Case::Second => bench.change(kind, &mut primary, &zones, Altered::EveryHundredth),
            Case::Ixfr => bench.change(kind, &mut primary, &zones, Altered::EveryHundredth),
            Case::IxfrSmall => bench.change(kind, &mut primary, &zones, Altered::Three),
        };
        table.push((kind, samples.with_context(|| kind.to_string())?));
    }
    bench.print(&table);
    Ok(())
}

struct Bench<'a> {
    arguments: &'a Arguments,
    directory: TempDir,
    secondary: PathBuf,
}

impl<'a> Bench<'a> {
    fn new(arguments: &'a Arguments) -> anyhow::Result<Self> {
        let beside = std::env::current_exe()?.with_file_name("secondary");
        Ok(Self {
            arguments,
            directory: TempDir::new()?,
            secondary: fs::canonicalize(arguments.secondary.clone().unwrap_or(beside))
                .context("build it first: cargo build --release --bin secondary")?,
        })
    }

    /// Where the server is installed.
    fn program(&self, kind: Kind) -> Option<PathBuf> {
        match kind {
            Kind::Zonekit => Some(self.secondary.clone()),
            kind => server::installed(kind.daemon()),
        }
    }

    fn start(&self, kind: Kind, role: Role, zones: &[Served]) -> anyhow::Result<Server> {
        let program = self.program(kind).context("not installed")?;
        let name = match role {
            Role::Primary => "primary".to_owned(),
            Role::Secondary { .. } => kind.to_string(),
        };
        let directory = self.directory.path().join(name);
        let is_signed = !self.arguments.unsigned;
        Server::start(kind, &program, &directory, role, zones, is_signed)
    }

    /// The zones' master files.
    fn make_zones(&self) -> anyhow::Result<Vec<Served>> {
        let file = self.directory.path().join("zone");
        if self.arguments.case == Case::Many {
            fs::write(&file, SMALL)?;
            let name = |number| format!("z{number:06}.many.test");
            let names = (0..self.arguments.zones).map(name);
            let file = || file.clone();
            return Ok(names.map(|name| Served { name, file: file() }).collect());
        }
        self.write_zone(&file, 1, Altered::Nothing)?;
        let name = ZONE.to_owned();
        Ok(vec![Served { name, file }])
    }

    fn write_zone(&self, file: &Path, serial: u32, altered: Altered) -> anyhow::Result<()> {
        let fresh = file.with_extension("new");
        let out = fs::File::create(&fresh)?;
        let Arguments { zone, records, .. } = self.arguments;
        write_master(&out, zone, *records, serial, altered)?;
        // Servers that look at seconds only have to see that the file is another one.
        let time = SystemTime::now() + Duration::from_secs(serial.into());
        out.set_modified(time)?;
        fs::rename(fresh, file)?;
        Ok(())
    }

    /// From nothing.
    fn first(&self, kind: Kind, primary: &Server, zones: &[Served]) -> anyhow::Result<Vec<Sample>> {
        let mut samples = Vec::new();
        for _ in 0..self.arguments.runs {
            let began = Instant::now();
            let mut server = self.start(kind, primary.as_primary(), zones)?;
            self.wait_for_all(&mut server, zones, 1)?;
            samples.push(sample(&mut server, began, 0.0));
            server.end_and_forget()?;
        }
        Ok(samples)
    }

    /// Many zones from nothing, then at rest, then from the disk.
    fn many(&self, kind: Kind, primary: &Server, zones: &[Served]) -> anyhow::Result<Vec<Sample>> {
        let mut samples = Vec::new();
        for _ in 0..self.arguments.runs {
            let began = Instant::now();
            let mut server = self.start(kind, primary.as_primary(), zones)?;
            self.wait_for_all(&mut server, zones, 1)?;
            let arrived = sample(&mut server, began, 0.0);
            let asking = asking(&mut server, zones)?;
            let before = server.cpu();
            sleep(IDLE);
            let idle = server.cpu() - before;
            server.end()?;
            drop(server); // ends whatever is left in its directory

            let began = Instant::now();
            let mut server = self.start(kind, primary.as_primary(), zones)?;
            self.wait_for_all(&mut server, zones, 1)?;
            let again = sample(&mut server, began, 0.0);
            samples.push(Sample {
                rest: Some(Rest {
                    idle,
                    wall: again.less(asking).wall,
                    served: again.less(asking).served,
                    pss: again.pss,
                }),
                ..arrived.less(asking)
            });
            server.end_and_forget()?;
        }
        Ok(samples)
    }

    /// With everything on disk.
    fn restart(
        &self,
        kind: Kind,
        primary: &Server,
        zones: &[Served],
    ) -> anyhow::Result<Vec<Sample>> {
        let mut samples = Vec::new();
        let mut server = self.start(kind, primary.as_primary(), zones)?;
        self.wait_for_all(&mut server, zones, 1)?;
        server.settle();
        for _ in 0..self.arguments.runs {
            server.end()?;
            drop(server); // ends whatever is left in its directory
            let began = Instant::now();
            server = self.start(kind, primary.as_primary(), zones)?;
            self.wait_for_all(&mut server, zones, 1)?;
            samples.push(sample(&mut server, began, 0.0));
        }
        server.end_and_forget()?;
        Ok(samples)
    }

    /// From one version to the next and back again.
    fn change(
        &self,
        kind: Kind,
        primary: &mut Server,
        zones: &[Served],
        altered: Altered,
    ) -> anyhow::Result<Vec<Sample>> {
        let (mut samples, zone) = (Vec::new(), &zones[0]);
        let mut serial = probe::serial(primary.address(), ZONE).context("the primary is silent")?;
        let mut server = self.start(kind, primary.as_primary(), zones)?;
        server.wait_for(ZONE, serial)?;
        for run in 0..self.arguments.runs {
            serial += 1;
            let altered = if run % 2 == 0 {
                altered
            } else {
                Altered::Nothing
            };
            // A primary that tells its secondaries at once would begin the transfer before we look: none here does.
            self.write_zone(&zone.file, serial, altered)?;
            primary.hang_up()?;
            primary.wait_for(ZONE, serial)?;
            primary.settle();
            server.settle();
            server.forget_peak();
            let (began, before) = (Instant::now(), server.cpu());
            probe::notify(server.address(), ZONE)?;
            server.wait_for(ZONE, serial)?;
            samples.push(sample(&mut server, began, before));
        }
        server.end_and_forget()?;
        Ok(samples)
    }

    fn wait_for_all(
        &self,
        server: &mut Server,
        zones: &[Served],
        serial: u32,
    ) -> anyhow::Result<()> {
        // Every hundredth first: asking for all the time would be a part of what is measured.
        let step = (zones.len() / 100).max(1);
        for zone in zones.iter().step_by(step) {
            server.wait_for(&zone.name, serial)?;
        }
        for zone in zones {
            server.wait_for(&zone.name, serial)?;
        }
        Ok(())
    }

    fn print(&self, table: &[(Kind, Vec<Sample>)]) {
        let Arguments {
            case,
            records,
            zone,
            zones,
            runs,
            ..
        } = self.arguments;
        let name = case
            .to_possible_value()
            .map_or(String::new(), |value| value.get_name().to_owned());
        let (what, unit, count) = match case {
            Case::Many => (format!("{zones} zones of 8 records"), "zone", *zones),
            _ => (format!("{records} records ({zone})"), "record", *records),
        };
        println!("{name}: {what}, medians of {runs}\n");
        print!(
            "| | wall s | CPU s served | CPU s settled | PSS MiB | octets a {unit} | peak MiB | disk MiB |"
        );
        let is_many = *case == Case::Many;
        if is_many {
            print!(" idle % | restart s | restart CPU s | octets a {unit} then |");
        }
        println!(
            "\n|---|---|---|---|---|---|---|---|{}",
            if is_many { "---|---|---|---|" } else { "" }
        );
        let mebi = |octets: u64| octets as f64 / f64::from(1 << 20);
        for (kind, samples) in table {
            let median = |read: fn(&Sample) -> f64| {
                let mut values: Vec<f64> = samples.iter().map(read).collect();
                values.sort_by(f64::total_cmp);
                values.get(values.len() / 2).copied().unwrap_or_default()
            };
            let pss = median(|sample| sample.pss as f64) as u64;
            print!(
                "| {kind} | {:.3} | {:.4} | {:.4} | {:.1} | {:.0} | {:.1} | {:.1} |",
                median(|sample| sample.wall),
                median(|sample| sample.served),
                median(|sample| sample.settled),
                mebi(pss),
                pss as f64 / count as f64,
                mebi(median(|sample| sample.peak as f64) as u64),
                mebi(median(|sample| sample.disk as f64) as u64),
            );
            if is_many {
                print!(
                    " {:.2} | {:.3} | {:.4} | {:.0} |",
                    median(|sample| sample.rest().idle) / IDLE.as_secs_f64() * 100.0,
                    median(|sample| sample.rest().wall),
                    median(|sample| sample.rest().served),
                    median(|sample| sample.rest().pss as f64) / count as f64,
                );
            }
            println!();
        }
    }
}

impl Sample {
    fn rest(&self) -> Rest {
        self.rest.unwrap_or_default()
    }

    /// Without what it took to ask for every zone: wall, CPU.
    fn less(self, (wall, cpu): (f64, f64)) -> Self {
        Self {
            wall: (self.wall - wall).max(0.0),
            served: (self.served - cpu).max(0.0),
            settled: (self.settled - cpu).max(0.0),
            ..self
        }
    }
}

/// What it takes a server that has nothing else to do to be asked for every zone: wall, CPU.
fn asking(server: &mut Server, zones: &[Served]) -> anyhow::Result<(f64, f64)> {
    let (began, before) = (Instant::now(), server.cpu());
    for zone in zones {
        server.wait_for(&zone.name, 1)?;
    }
    Ok((began.elapsed().as_secs_f64(), server.cpu() - before))
}

/// What it took since `began`, when the CPU had spent `before`.
fn sample(server: &mut Server, began: Instant, before: f64) -> Sample {
    let wall = began.elapsed().as_secs_f64();
    let served = server.cpu() - before;
    server.settle();
    sleep(Duration::from_millis(200));
    let memory = server.memory();
    Sample {
        wall,
        served,
        settled: server.cpu() - before,
        pss: memory.pss,
        peak: memory.peak,
        disk: server.disk(),
        rest: None,
    }
}

/// The zones of `many`.
const SMALL: &str = "\
@ 3600 IN SOA ns1.primary.test. hostmaster.primary.test. 1 86400 3600 604800 900
@ 3600 IN NS ns1.primary.test.
@ 3600 IN NS ns2.primary.test.
@ 300 IN A 192.0.2.1
@ 300 IN AAAA 2001:db8::1
@ 300 IN MX 10 mail
www 300 IN CNAME @
mail 300 IN A 192.0.2.2
";
