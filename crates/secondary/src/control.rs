//! A socket in the data directory, on which the program that runs is asked for what only it can do.
//!
//! One line each way: `backup PATH`, then `done OCTETS` or `failed WHY`; or `catalog NAME` or `follow NAME`, then `done HOW`,
//! how a catalog stands or that what is held back of it is followed; or `access CONTRACT`, then `done TOKEN`, a token that
//! opens the API for a few minutes; or `api`, then `done http`, and from then on the connection is one of the API, in clear text,
//! whatever the API is behind elsewhere. Whoever asks must be the user that the program runs as, or root: both can read the
//! data, and the configuration, anyhow.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tracing::{info, warn};
use zonekit_http::Router;
use zonekit_model::{Contract, ContractError, NameError, ZoneName};

use crate::node::{Node, in_words};

/// The socket in `data_dir`.
const SOCKET: &str = "control";
/// Octets of a request, at most.
const REQUEST: u64 = 8_192;
/// How long whoever connects may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a token that is lent is good.
const LENT: Duration = Duration::from_secs(300);

/// Questions that are answered at a time; when there are so many, the next waits to be heard.
const ASKING: usize = 16;
/// Connections of the API at a time.
const STREAMS: usize = 64;

pub(crate) struct Control {
    listener: UnixListener,
    patience: Duration,
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
        Ok(Self {
            listener,
            patience: PATIENCE,
            user,
        })
    }

    /// Does what is asked for until the end. A backup may take minutes: nobody else waits for it.
    pub(crate) async fn serve(
        self,
        node: Arc<Node>,
        api: Option<Router>,
        mut stopped: watch::Receiver<bool>,
    ) {
        let asking = Arc::new(Semaphore::new(ASKING));
        let room = api.is_some().then(|| Arc::new(Semaphore::new(STREAMS)));
        loop {
            let accepting = async {
                let place = Arc::clone(&asking).acquire_owned().await;
                (place, self.listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                accepted = accepting => accepted,
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
            let (node, room, patience) = (Arc::clone(&node), room.clone(), self.patience);
            let (api, stopped) = (api.clone(), stopped.clone());
            tokio::spawn(async move {
                let answering = move || {
                    let next = answer(&node, room, patience, &stream);
                    next.map(|next| (next, stream))
                };
                let answered = tokio::task::spawn_blocking(answering).await;
                drop(place);
                match answered {
                    Ok(Ok((Next::Api(_place), stream))) => {
                        if let Some((stream, api)) = converted(stream).zip(api) {
                            serve_api(stream, api, stopped).await;
                        }
                    }
                    Ok(Err(error)) => warn!(%error, "answering on the control socket"),
                    _ => {}
                }
            });
        }
    }
}

async fn serve_api(
    stream: tokio::net::UnixStream,
    api: Router,
    mut stopped: watch::Receiver<bool>,
) {
    let stop = async {
        let _ = stopped.wait_for(|&stop| stop).await;
    };
    let limits = zonekit_http::Limits::default();
    zonekit_http::serve_connection(stream, api, limits, stop).await;
}

/// What becomes of a connection whose question was answered.
enum Next {
    /// It is over.
    End,
    /// It is one of the API, with a place among those.
    Api(OwnedSemaphorePermit),
}

fn converted(stream: UnixStream) -> Option<tokio::net::UnixStream> {
    stream.set_nonblocking(true).ok()?;
    tokio::net::UnixStream::from_std(stream).ok()
}

/// Answers one question; `room` is for connections of the API, if there is one.
fn answer(
    node: &Node,
    room: Option<Arc<Semaphore>>,
    patience: Duration,
    mut stream: &UnixStream,
) -> io::Result<Next> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let mut request = String::new();
    BufReader::new(stream.take(REQUEST)).read_line(&mut request)?;
    let request = request.trim_end_matches('\n');
    let (mut next, no_api) = (Next::End, || "its configuration has no [http]".to_owned());
    let answer = match request.split_once(' ') {
        None if request == "api" => match room.map(Semaphore::try_acquire_owned) {
            Some(Ok(place)) => {
                next = Next::Api(place);
                Ok("http".to_owned())
            }
            Some(Err(_)) => Err("there are too many connections already".to_owned()),
            None => Err(no_api()),
        },
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
        Some(("catalog", name)) => catalog(node, name),
        Some(("follow", name)) => follow(node, name),
        Some(("access", _)) if room.is_none() => Err(no_api()),
        Some(("access", contract)) => access(node, contract),
        _ => Err("it is not known here what that means".to_owned()),
    };
    let line = match answer {
        Ok(what) => format!("done {what}\n"),
        Err(why) => format!("failed {why}\n"),
    };
    stream.write_all(line.as_bytes())?;
    Ok(next)
}

/// How a catalog stands.
fn catalog(node: &Node, name: &str) -> Result<String, String> {
    let name: ZoneName = name.parse().map_err(|error: NameError| error.to_string())?;
    if node.config().catalog(&name).is_none() {
        return Err(format!("{name} is no [[catalog]] of its configuration"));
    }
    if let Some(version) = node.held_back.version(&name) {
        return Ok(format!("held back: {version}"));
    }
    let members = node.book.registry().followed().get(&name).copied();
    Ok(format!("{} members", members.unwrap_or(0)))
}

/// Has a version of a catalog followed that is held back.
fn follow(node: &Node, name: &str) -> Result<String, String> {
    let name: ZoneName = name.parse().map_err(|error: NameError| error.to_string())?;
    let version = node.held_back.order(&name);
    let version = version.ok_or_else(|| format!("no version of {name} is held back"))?;
    node.catalogs_changed.notify_one();
    warn!(catalog = %name, %version, "followed all the same: an operator on this machine has ordered it");
    Ok(format!("{version}, and is followed"))
}

/// A token for the API.
fn access(node: &Node, contract: &str) -> Result<String, String> {
    let contract: Contract = contract
        .parse()
        .map_err(|error: ContractError| error.to_string())?;
    let token = node.access.tokens.lend(contract.clone(), LENT);
    let token = token.ok_or("the system gives no random octets")?;
    info!(%contract, "a token was lent to an operator on this machine");
    Ok(token)
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

/// Asks the program that runs on this data directory for a token: `None` when none runs, else the token, or why not.
pub(crate) fn ask_for_access(
    directory: &Path,
    contract: &Contract,
) -> io::Result<Option<Result<String, String>>> {
    ask(directory, &format!("access {contract}\n"))
}

/// Asks the program that runs on this data directory how a catalog stands, or to follow what is held back of it: `None` when
/// none runs, else its words, or why not.
pub(crate) fn ask_about_catalog(
    directory: &Path,
    catalog: &ZoneName,
    follow: bool,
) -> io::Result<Option<Result<String, String>>> {
    let what = if follow { "follow" } else { "catalog" };
    ask(directory, &format!("{what} {catalog}\n"))
}

/// A connection with the API of the program that runs on this data directory.
pub(crate) fn connect_to_api(directory: &Path) -> io::Result<UnixStream> {
    let mut stream = UnixStream::connect(socket(directory))?;
    stream.write_all(b"api\n")?;
    // To the octet: what comes behind is HTTP.
    let (mut answer, mut octet) = (Vec::new(), [0]);
    loop {
        stream.read_exact(&mut octet)?;
        match octet {
            [b'\n'] => break,
            _ if answer.len() as u64 > REQUEST => return Err(io::ErrorKind::InvalidData.into()),
            [octet] => answer.push(octet),
        }
    }
    match answer.as_slice() {
        b"done http" => Ok(stream),
        other => Err(io::Error::other(
            String::from_utf8_lossy(other).into_owned(),
        )),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_who_takes_long_keeps_nobody_waiting_and_not_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let text = "data_dir = \"var\"\n[dns]\nlisten = [\"127.0.0.1:0\"]\n";
        let config = Config::parse(text, &directory.path().join("secondary.toml")).unwrap();
        let data = config.data_dir.clone();
        let node = Node::open(config).unwrap();
        let control = Control {
            patience: Duration::from_secs(600),
            ..Control::bind(&data).unwrap()
        };
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(control.serve(Arc::clone(&node), None, stopped));
        let slow = UnixStream::connect(socket(&data)).unwrap();
        let within = Duration::from_secs(60);
        let asking = tokio::task::spawn_blocking(move || ask(&data, "what\n"));
        let answered = tokio::time::timeout(within, asking).await;
        let ended = async {
            stop.send_replace(true);
            tokio::time::timeout(within, serving).await
        };
        let is_ended = ended.await.is_ok();
        drop(slow); // before anything is asserted: whoever reads from it would not let the test end
        let answered = answered.expect("waited in vain for an answer").unwrap();
        let no = "it is not known here what that means";
        assert_eq!(answered.unwrap(), Some(Err(no.to_owned())));
        assert!(is_ended, "waited in vain for the end");
    }
}
