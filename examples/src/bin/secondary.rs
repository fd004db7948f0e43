//! Keeps zones in step with their primaries, answers for them, hands them on, and is managed over HTTP.
//!
//!     cargo run --release --bin secondary -- demo
//!     cargo run --release --bin secondary -- --config secondary.toml
//!     dig @127.0.0.1 -p 5300 example.org SOA
//!     cargo run --release --bin secondary -- backup --config secondary.toml monday.backup
//!
//! SIGHUP reads the configuration again, SIGTERM and Ctrl-C end the program; whatever was served is on disk already.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};
use zonekit_examples::supervisor::Supervisor;
use zonekit_examples::{commands, demo, descriptors, import, log, upkeep};
use zonekit_secondary::{Config, Secondary};

/// How long the end may take: what is still under way then is cut off, and nothing is lost by that.
const PARTING: Duration = Duration::from_secs(4);

/// Files, sockets and connections to primaries that may be open beside the connections of clients.
const OTHER_DESCRIPTORS: u64 = 300;

/// A secondary DNS server: takes zones from their primaries, keeps them in step, serves them, hands them on.
///
/// Zones come from the configuration and over the HTTP API. Everything that is served is on disk first; a restart
/// serves at once what was served before. SIGHUP reads the configuration again; SIGTERM ends the program.
///
/// Logs go to standard error, for people on a terminal and as JSON lines otherwise; RUST_LOG filters them.
#[derive(Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true
)]
struct Arguments {
    /// The configuration file; its form is in the README.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Show the whole way on loopback, with the real root zone: a primary with a TSIG key, a secondary that is given the
    /// zone over its HTTP API, the transfer as it goes, and answers over HTTP and DNS.
    Demo {
        /// End when everything has been shown and checked: status 0 if all of it was as it should be, 1 if not.
        #[arg(long)]
        once: bool,
    },
    /// Prove everything on disk: checksums, pages, records, serials, histories. Status 1 if anything is not as it was
    /// written. The file is only read; nobody may be using it, so of a service that runs, check a backup.
    Check {
        /// The configuration whose data is meant.
        #[arg(long, value_name = "FILE", required_unless_present = "file")]
        config: Option<PathBuf>,
        /// A backup, rather than the data of a configuration.
        #[arg(long, value_name = "BACKUP", conflicts_with = "config")]
        file: Option<PathBuf>,
    },
    /// Show how all zones do, or one with its primaries and its last visits.
    Status {
        /// The zone's name or id; without it, all.
        zone: Option<String>,
        /// Only zones in one of these: failing, primary_failing, stale, expiring, expired, never_loaded, behind.
        #[arg(long, value_name = "WORD,...", conflicts_with = "zone")]
        trouble: Option<String>,
        #[command(flatten)]
        service: commands::Service,
    },
    /// Have the primaries of a zone visited at once.
    Transfer {
        /// The zone's name or id.
        zone: String,
        /// Take the whole zone, whatever its serial.
        #[arg(long)]
        full: bool,
        /// From this primary of the zone only: its address, with its port if it was given with one.
        #[arg(long, value_name = "PRIMARY")]
        from: Option<String>,
        #[command(flatten)]
        service: commands::Service,
    },
    /// Check whether a zone is delegated to the service's name servers, by asking the `resolvers` of its configuration. Status
    /// 1 if it is not, or not as a whole.
    Delegation {
        /// The zone's name or id.
        zone: String,
        #[command(flatten)]
        service: commands::Service,
    },
    /// List, make and remove zones.
    Zones {
        #[command(flatten)]
        service: commands::Service,
        #[command(subcommand)]
        what: commands::Zones,
    },
    /// List, make and remove TSIG keys.
    Keys {
        #[command(flatten)]
        service: commands::Service,
        #[command(subcommand)]
        what: commands::Keys,
    },
    /// Show how the catalogs stand that a service which runs follows, or have it follow a version that it holds back.
    Catalogs {
        /// The configuration of the service.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Follow the version of this catalog that is held back since it takes away too many members.
        #[arg(long, value_name = "CATALOG")]
        follow: Option<String>,
    },
    /// Write all data, as it is at one moment, into a new file, while the service runs or not.
    Backup {
        /// The configuration whose data is meant.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The file to be made. None is ever overwritten.
        backup: PathBuf,
    },
    /// Prove a backup and put it in the place of the data. The service must not be running.
    Restore {
        /// The configuration whose data is meant.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Lose the data that is there.
        #[arg(long)]
        replace: bool,
        /// The file that `backup` has made.
        backup: PathBuf,
    },
    /// Print the secondary zones and the keys of another name server as entries of our configuration. What has no
    /// counterpart here is told on standard error, with its file and line.
    Import {
        /// Its configuration: nsd.conf, knot.conf, named.conf; included files are read too.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// Whose configuration it is, where the name of the file does not tell.
        #[arg(long)]
        format: Option<import::Format>,
    },
}

fn main() -> ExitCode {
    keep_one_heap();
    let result = match Arguments::parse() {
        Arguments {
            command: Some(Command::Demo { once }),
            ..
        } => demo::run(once),
        Arguments {
            command:
                Some(Command::Status {
                    zone,
                    trouble,
                    service,
                }),
            ..
        } => commands::status(&service, zone.as_deref(), trouble.as_deref()),
        Arguments {
            command:
                Some(Command::Transfer {
                    zone,
                    full,
                    from,
                    service,
                }),
            ..
        } => commands::transfer(&service, &zone, full, from.as_deref()),
        Arguments {
            command: Some(Command::Delegation { zone, service }),
            ..
        } => commands::delegation(&service, &zone),
        Arguments {
            command: Some(Command::Zones { service, what }),
            ..
        } => commands::zones(&service, &what),
        Arguments {
            command: Some(Command::Keys { service, what }),
            ..
        } => commands::keys(&service, &what),
        Arguments {
            command: Some(Command::Catalogs { config, follow }),
            ..
        } => upkeep::catalogs(&config, follow.as_deref()),
        Arguments {
            command: Some(Command::Check { config, file }),
            ..
        } => upkeep::check(config, file),
        Arguments {
            command: Some(Command::Backup { config, backup }),
            ..
        } => upkeep::backup(&config, &backup),
        Arguments {
            command:
                Some(Command::Restore {
                    config,
                    replace,
                    backup,
                }),
            ..
        } => upkeep::restore(&config, &backup, replace),
        Arguments {
            command: Some(Command::Import { from, format }),
            ..
        } => import::run(&from, format),
        Arguments {
            config: Some(path), ..
        } => {
            log::start();
            run(path)
        }
        Arguments { .. } => Err(anyhow::anyhow!("give --config FILE, or a command")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("secondary: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Has glibc's allocator keep one heap for all threads. By itself it gives each thread its own, which grows by one system
/// call for each page that a zone takes (7,100 `mprotect` for a million records) and stays full of holes when thousands of
/// small visits have passed through it: 11 kB a zone and not 7.
#[cfg(target_env = "gnu")]
#[allow(unsafe_code)] // the environment aside, which is read before `main`, there is no other way to tell it
fn keep_one_heap() {
    // SAFETY: two numbers go in and one comes out; there is no other thread yet that could be in the allocator.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) }; // 0 if it is refused: then all is as it was
}

/// Other allocators are left as they are.
#[cfg(not(target_env = "gnu"))]
fn keep_one_heap() {}

/// Has glibc's allocator give whole pages back that nothing lies in. By itself it gives back the end of its heap only: after
/// twenty thousand zones of eight records have arrived, a third of it stays, which nobody needs before as many come again.
/// That takes 7 ms for 100 MB; who allocates meanwhile waits, and plain answers do not.
#[cfg(target_env = "gnu")]
#[allow(unsafe_code)] // there is no other way to tell it
fn give_back_memory() {
    // SAFETY: a number goes in and one comes out; the allocator holds its own lock, and what is allocated stays as it is.
    unsafe { libc::malloc_trim(0) }; // 0 if there was nothing to give back
}

/// Other allocators do as they see fit.
#[cfg(not(target_env = "gnu"))]
fn give_back_memory() {}

/// The whole program as a plan: load, start, then wait for signals until asked to stop.
fn run(path: PathBuf) -> anyhow::Result<()> {
    let config = Config::load(&path)?;
    let wanted = config.dns.clients.max_connections as u64 + OTHER_DESCRIPTORS;
    match descriptors::raise() {
        Ok(Some(most)) if most < wanted => {
            warn!(
                most,
                wanted,
                "few files may be open: raise the limit, or lower dns.clients.max_connections"
            );
        }
        Ok(_) => {}
        Err(error) => warn!(%error, "raising the number of files that may be open"),
    }
    let runtime = zonekit_secondary::runtime().context("starting threads")?;
    let result = runtime.block_on(async {
        let mut hangup = signal(SignalKind::hangup())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let secondary = Secondary::start(config).await?;
        let supervisor = Supervisor::from_environment();
        tell(&supervisor, Supervisor::ready);
        loop {
            tokio::select! {
                _ = hangup.recv() => match Config::load(&path) {
                    Ok(config) => match secondary.reload(config).await {
                        Ok(()) => info!(file = %path.display(), "configuration read again"),
                        Err(error) => error!(error = format!("{error:#}"), "the old configuration stays"),
                    },
                    Err(error) => error!(%error, "the old configuration stays"),
                },
                () = secondary.rested() => drop(spawn_blocking(give_back_memory)),
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
            }
        }
        info!("ending");
        tell(&supervisor, Supervisor::stopping);
        match tokio::time::timeout(PARTING, secondary.shutdown()).await {
            Ok(()) => Ok(()),
            Err(_) => bail!("did not end within {} s", PARTING.as_secs()),
        }
    });
    runtime.shutdown_timeout(Duration::from_millis(500));
    result
}

/// Says something to the supervisor; one that cannot be reached is no reason to stop serving.
fn tell(supervisor: &io::Result<Supervisor>, word: fn(&Supervisor) -> io::Result<()>) {
    let told = match supervisor {
        Ok(supervisor) => word(supervisor),
        Err(error) => Err(error.kind().into()),
    };
    if let Err(error) = told {
        warn!(%error, "the supervisor that NOTIFY_SOCKET names cannot be told");
    }
}
