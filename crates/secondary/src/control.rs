//! A socket in the data directory, on which the program that runs is asked for what only it can do.
//!
//! One line each way: `backup PATH`, then `done OCTETS` or `failed WHY`; or `access CONTRACT`, then `done URL TOKEN`, a token that
//! opens the API at that address for a few minutes. Whoever asks must be the user that the program runs as, or root: both can
//! read the data, and the configuration, anyhow.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::watch;
use tracing::{info, warn};
use zonekit_model::{Contract, ContractError};

use crate::node::{Node, in_words};

/// The socket in `data_dir`.
const SOCKET: &str = "control";
/// Octets of a request, at most.
const REQUEST: u64 = 8_192;
/// How long whoever connects may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a token that is lent is good.
const LENT: Duration = Duration::from_secs(300);

pub(crate) struct Control {
    listener: UnixListener,
    /// Who may ask, beside root.
    user: u32,
}

impl Control {
    /// Binds the socket. To be called by whoever has the store open, and so is the only one.
    pub(crate) fn bind(directory: &Path) -> io::Result<Self> {
        let path = directory.join(SOCKET);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {} // one that was left behind
        }
        let listener = UnixListener::bind(&path)?;
        let user = fs::metadata(&path)?.uid(); // our own: we have made it just now
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, user })
    }

    /// Does what is asked for, one after the other, until the end.
    pub(crate) async fn serve(
        self,
        node: Arc<Node>,
        http: Option<SocketAddr>,
        mut stopped: watch::Receiver<bool>,
    ) {
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                _ = stopped.wait_for(|&stop| stop) => return,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(Duration::from_millis(100)).await; // out of descriptors
                continue;
            };
            let is_entitled = |user: u32| user == 0 || user == self.user;
            if !stream.peer_cred().is_ok_and(|peer| is_entitled(peer.uid())) {
                warn!("a request on the control socket by another user is not heard");
                continue;
            }
            let Ok(stream) = stream.into_std() else {
                continue;
            };
            let node = Arc::clone(&node);
            let answered = tokio::task::spawn_blocking(move || answer(&node, http, &stream)).await;
            if let Ok(Err(error)) = answered {
                warn!(%error, "answering on the control socket");
            }
        }
    }
}

fn answer(node: &Node, http: Option<SocketAddr>, mut stream: &UnixStream) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request = String::new();
    BufReader::new(stream.take(REQUEST)).read_line(&mut request)?;
    let answer = match request.trim_end_matches('\n').split_once(' ') {
        Some(("backup", path)) => match node.backup(Path::new(path)) {
            Ok(octets) => {
                info!(file = path, octets, "backup written");
                Ok(octets.to_string())
            }
            Err(error) => {
                let error = in_words(&error);
                warn!(file = path, error, "no backup");
                Err(error)
            }
        },
        Some(("access", contract)) => access(node, http, contract),
        _ => Err("it is not known here what that means".to_owned()),
    };
    let line = match answer {
        Ok(what) => format!("done {what}\n"),
        Err(why) => format!("failed {why}\n"),
    };
    stream.write_all(line.as_bytes())
}

/// Where the API is, and a token for it.
fn access(node: &Node, http: Option<SocketAddr>, contract: &str) -> Result<String, String> {
    let http = http.ok_or("its configuration has no [http]")?;
    let config = node.config();
    if { config.http.as_ref() }.is_some_and(|http| http.tls.is_some()) {
        return Err("its API is behind [http.tls], which these commands do not speak".to_owned());
    }
    let contract: Contract = contract
        .parse()
        .map_err(|error: ContractError| error.to_string())?;
    let token = node.access.tokens.lend(contract.clone(), LENT);
    let token = token.ok_or("the system gives no random octets")?;
    info!(%contract, "a token was lent to an operator on this machine");
    Ok(format!("http://{http} {token}"))
}

/// Asks the program that runs on this data directory for a backup; `None` when none runs. The answer is what it says of
/// it: octets, or why there is no backup.
pub(crate) fn ask_for_backup(
    directory: &Path,
    file: &Path,
) -> io::Result<Option<Result<u64, String>>> {
    let path = file.to_str().filter(|path| !path.contains('\n'));
    let path = path.ok_or(io::ErrorKind::InvalidFilename)?;
    match ask(directory, &format!("backup {path}\n"))? {
        None => Ok(None),
        Some(Err(why)) => Ok(Some(Err(why))),
        Some(Ok(octets)) => match octets.parse() {
            Ok(octets) => Ok(Some(Ok(octets))),
            Err(_) => Err(io::ErrorKind::InvalidData.into()),
        },
    }
}

/// Asks the program that runs on this data directory for its API: `None` when none runs, else address and token, or why not.
pub(crate) fn ask_for_access(
    directory: &Path,
    contract: &Contract,
) -> io::Result<Option<Result<(String, String), String>>> {
    match ask(directory, &format!("access {contract}\n"))? {
        None => Ok(None),
        Some(Err(why)) => Ok(Some(Err(why))),
        Some(Ok(what)) => match what.split_once(' ') {
            Some((url, token)) => Ok(Some(Ok((url.to_owned(), token.to_owned())))),
            None => Err(io::ErrorKind::InvalidData.into()),
        },
    }
}

/// Asks one thing; the answer is what comes of it, or why nothing does.
fn ask(directory: &Path, request: &str) -> io::Result<Option<Result<String, String>>> {
    let mut stream = match UnixStream::connect(socket(directory)) {
        Ok(stream) => stream,
        Err(error)
            if [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused]
                .contains(&error.kind()) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let answer = answer.trim_end();
    match answer.split_once(' ') {
        Some(("done", what)) => Ok(Some(Ok(what.to_owned()))),
        Some(("failed", why)) => Ok(Some(Err(why.to_owned()))),
        // It was ended meanwhile.
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn socket(directory: &Path) -> PathBuf {
    directory.join(SOCKET)
}
