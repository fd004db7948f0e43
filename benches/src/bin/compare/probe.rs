//! Questions to a server, over UDP.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use zonekit_wire::{
    Class, Compressor, Header, Message, MessageWriter, NameBuf, Opcode, Rtype, Section, Soa,
    Unpacker,
};

/// The serial that a server answers with, if it answers at all.
pub(crate) fn serial(server: SocketAddr, zone: &str) -> Option<u32> {
    let reply = ask(server, zone, Opcode::QUERY)?;
    let message = Message::new(&reply).ok()?;
    let mut unpacker = Unpacker::new();
    for item in message.records().ok()? {
        let (section, packed) = item.ok()?;
        let record = unpacker.unpack(packed).ok()?;
        if section == Section::Answer && record.rtype == Rtype::SOA {
            return Some(Soa::read(record.rdata).ok()?.serial.0);
        }
    }
    None
}

/// Tells a secondary that there is something new.
pub(crate) fn notify(server: SocketAddr, zone: &str) -> anyhow::Result<()> {
    match ask(server, zone, Opcode::NOTIFY) {
        Some(_) => Ok(()),
        None => anyhow::bail!("{server} does not answer a NOTIFY"),
    }
}

fn ask(server: SocketAddr, zone: &str, opcode: Opcode) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    socket.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    socket.connect(server).ok()?;
    let zone: NameBuf = zone.parse().ok()?;
    let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
    let mut writer = MessageWriter::new(&mut octets, 512, &mut compressor);
    writer.set_header(Header {
        id: 4711,
        opcode,
        aa: opcode == Opcode::NOTIFY,
        ..Header::default()
    });
    writer
        .question(zone.as_name(), Rtype::SOA, Class::IN)
        .ok()?;
    writer.finish();
    socket.send(&octets).ok()?;
    let mut reply = vec![0; 4096];
    let length = socket.recv(&mut reply).ok()?;
    reply.truncate(length);
    Some(reply)
}
