//! What stands in `packaging` is true of the program.

mod support;

use std::os::unix::net::UnixDatagram;
use std::process::Command;

use support::{PATIENCE, Program, Settings, peer_program};
use tempfile::TempDir;

const UNIT: &str = include_str!("../packaging/secondary.service");

/// The next datagram, as text.
fn told(supervisor: &UnixDatagram) -> String {
    let mut state = [0; 100];
    let length = supervisor.recv(&mut state).expect("a word of the program");
    String::from_utf8_lossy(&state[..length]).into_owned()
}

#[test]
fn a_supervisor_is_told_when_everything_is_served_and_when_the_end_begins() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("notify");
    let supervisor = UnixDatagram::bind(&path).unwrap();
    supervisor.set_read_timeout(Some(PATIENCE)).unwrap();
    let config = Settings::default().write(directory.path());
    let mut program = Program::start(
        Command::new(env!("CARGO_BIN_EXE_secondary"))
            .arg("--config")
            .arg(config)
            .env("NOTIFY_SOCKET", &path),
    );
    assert_eq!(told(&supervisor), "READY=1");
    program.address("dns");
    program.signal("TERM");
    assert_eq!(told(&supervisor), "STOPPING=1");
    assert!(program.wait().0.success());
}

#[test]
fn a_supervisor_that_is_gone_keeps_nothing_from_being_served() {
    let directory = TempDir::new().unwrap();
    let config = Settings::default().write(directory.path());
    let mut program = Program::start(
        Command::new(env!("CARGO_BIN_EXE_secondary"))
            .arg("--config")
            .arg(config)
            .env("NOTIFY_SOCKET", directory.path().join("gone")),
    );
    program.address("dns");
    program.wait_for("a warning", |line| {
        line.contains("supervisor").then_some(())
    });
}

#[test]
fn the_unit_waits_for_the_programs_word_and_is_one() {
    assert!(UNIT.contains("\nType=notify\n"));
    let Some(analyze) = peer_program("systemd-analyze") else {
        return;
    };
    let directory = TempDir::new().unwrap();
    // The program is not installed here; any other stands in for it.
    let unit = UNIT.replace("/usr/local/bin/secondary", "/bin/true");
    let path = directory.path().join("secondary.service");
    std::fs::write(&path, unit).unwrap();
    let (status, said) = Program::start(Command::new(analyze).arg("verify").arg(&path)).wait();
    assert!(
        status.success() && !said.contains("secondary.service:"),
        "{said}"
    );
}
