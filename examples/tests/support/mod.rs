//! What the black-box tests share: programs started and ended, lines waited for, free ports, a little HTTP and DNS.
//!
//! Every program listens on loopback, on ports that the system picked. Nothing here measures time: a wait has a limit
//! only so that a hanging test ends and says what it saw.

#![allow(dead_code, unused_imports, unreachable_pub)] // each test file uses a part of this

mod browser;
mod clients;
mod dns;
mod draw;
mod http;
mod node;
mod program;
mod proxy;
mod signer;
mod zone;

pub use browser::Browser;
pub use clients::{Clients, succeeded};
pub use dns::{Answer, ask, rcode_of, serial_of, until_serial};
pub use draw::Draw;
pub use http::Api;
pub use node::{Node, PATIENT, QUICK, QUIET, Settings, TOKEN, declared, handed_on, transferred};
pub use program::{Program, free_port, peer_program};
pub use proxy::Proxy;
pub use signer::Signer;
pub use zone::{canonical_lines, master_file, root_zone};

use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up; long, since the machine may be busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Asks again and again until there is an answer; panics with `what` after [`PATIENCE`].
#[track_caller]
pub fn eventually<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(begin.elapsed() < PATIENCE, "waited in vain: {what}");
        sleep(Duration::from_millis(20));
    }
}
