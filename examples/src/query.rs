//! One question over UDP, for showing what a server answers.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context, ensure};
use zonekit_wire::{Message, NameBuf, Rcode, Rtype, Section};

/// How an answer looks from afar.
pub struct Overview {
    /// How it went.
    pub rcode: Rcode,
    /// Records in the answer section.
    pub answers: usize,
    /// Records in the authority section.
    pub authority: usize,
}

/// Asks `server` and waits five seconds for the answer.
pub fn ask(server: SocketAddr, name: &str, rtype: Rtype) -> anyhow::Result<Overview> {
    let name: NameBuf = name.parse()?;
    let mut id = [0; 2];
    getrandom::fill(&mut id).map_err(|error| anyhow::anyhow!("no random octets: {error}"))?;
    let mut request = [id, [0, 0], [0, 1], [0, 0], [0, 0], [0, 0]].concat();
    request.extend(name.as_name().as_octets());
    request.extend(rtype.0.to_be_bytes());
    request.extend([0, 1]);
    let local: SocketAddr = match server {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(local)?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    socket.send(&request)?;
    let mut reply = [0; 4_096];
    let length = socket
        .recv(&mut reply)
        .with_context(|| format!("{name} {rtype}: no answer"))?;
    let message = Message::new(&reply[..length])?;
    ensure!(
        message.header().id == u16::from_be_bytes(id),
        "the answer is to another question"
    );
    let mut overview = Overview {
        rcode: message.header().rcode,
        answers: 0,
        authority: 0,
    };
    for record in message.records()? {
        match record?.0 {
            Section::Answer => overview.answers += 1,
            Section::Authority => overview.authority += 1,
            Section::Additional => {}
        }
    }
    Ok(overview)
}
