//! The vendors' own clients, from where `.ci/run` installs them: `target/clients`, or what `ZONEKIT_CLIENTS` says.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Program;

/// Python with `oci`, `oci-cli` and `ionoscloud-dns`, and a Node that finds `oci-dns`.
#[derive(Clone, Debug)]
pub struct Clients(PathBuf);

impl Clients {
    /// The clients, if all are there. Otherwise the test says so and skips; under `ZONEKIT_REQUIRE_PEERS` it fails.
    pub fn installed() -> Option<Self> {
        let place = std::env::var_os("ZONEKIT_CLIENTS").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/clients"),
            PathBuf::from,
        );
        let needed = [
            "venv/bin/python",
            "venv/bin/oci",
            "node/node_modules/oci-dns",
        ];
        let missing = needed.iter().find(|path| !place.join(path).exists());
        if let Some(missing) = missing {
            let missing = place.join(missing);
            assert!(
                std::env::var_os("ZONEKIT_REQUIRE_PEERS").is_none(),
                "{} is not there, and ZONEKIT_REQUIRE_PEERS is set",
                missing.display()
            );
            eprintln!("SKIPPED: {} is not there", missing.display());
            return None;
        }
        Some(Self(place))
    }

    /// Runs one of the Python programs beside the tests to its end; gives what it said.
    #[track_caller]
    pub fn python(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(self.0.join("venv/bin/python"));
        command.arg(beside(program)).args(arguments);
        succeeded(&mut command)
    }

    /// Runs one of the Node programs beside the tests to its end.
    #[track_caller]
    pub fn node(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new("node");
        let modules = self.0.join("node/node_modules");
        command
            .env("NODE_PATH", modules)
            .arg(beside(program))
            .args(arguments);
        succeeded(&mut command)
    }

    /// OCI's command line, with this configuration and endpoint.
    pub fn oci(&self, config: &Path, endpoint: &str) -> Command {
        let mut command = Command::new(self.0.join("venv/bin/oci"));
        command
            .args(["--config-file".as_ref(), config.as_os_str()])
            .args(["--endpoint", endpoint, "--no-retry", "dns"])
            .env("SUPPRESS_LABEL_WARNING", "True")
            .env("OCI_CLI_SUPPRESS_FILE_PERMISSIONS_WARNING", "True");
        command
    }
}

/// Runs a command to its end, which must be a good one; gives what it said.
#[track_caller]
pub fn succeeded(command: &mut Command) -> String {
    let (status, said) = Program::start(command).wait();
    assert!(status.success(), "{command:?}: {said}");
    said
}

fn beside(program: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(program)
}
