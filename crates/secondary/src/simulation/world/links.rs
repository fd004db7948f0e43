//! What goes between the secondary and its primaries.

use zonekit_wire::Message;

use super::*;
use crate::simulation::answers::Answer;

impl World {
    pub(super) fn tell_visit(&mut self, number: u64, event: impl FnOnce(&mut Running)) {
        let visits = self.node.iter_mut().flat_map(|node| &mut node.visits);
        if let Some(visit) = visits.flatten().find(|visit| visit.number == number) {
            event(visit);
        }
    }

    /// Brings what a visit of this zone sends to where it goes, and the answer on its way.
    pub(super) fn carry(&mut self, zone: usize, transmit: Transmit) {
        let visit = self
            .node
            .as_ref()
            .and_then(|node| node.visits[zone].as_ref());
        let Some(visit) = visit else {
            return;
        };
        let number = visit.number;
        if let Transmit::Datagram { octets, .. } | Transmit::Message { octets, .. } = &transmit {
            let is_signed = visit.key.is_some();
            assert_eq!(
                has_tsig(octets),
                is_signed,
                "visit {number} is asked with a key"
            );
        }
        let host = |primary: usize| visit.primaries[primary];
        match transmit {
            Transmit::Datagram { primary, octets } => {
                let host = host(primary);
                let is_lost = self.hosts[host].edns == Edns::Lost && has_edns(&octets);
                match self.hosts[host].health {
                    Health::Gone => {}
                    Health::Closed => {
                        let wait = self.weather.way(&mut self.random);
                        self.after(wait, Happening::Undeliverable(number, primary));
                    }
                    _ if is_lost => {}
                    _ => {
                        for there in self.weather.copies(&mut self.random) {
                            self.reply(number, zone, [primary, host], &octets, there);
                        }
                    }
                }
                if !self.is_calm() && self.random.percent(10) {
                    self.forge(number, zone, primary, &octets);
                }
            }
            Transmit::Connect {
                connection,
                primary,
                ..
            } => {
                let host = host(primary);
                self.tell_visit(number, |visit| {
                    let stream = (host, FrameBuffer::with_room(4096));
                    visit.streams.insert(connection, stream);
                });
                let outcome = match self.hosts[host].health {
                    Health::Gone => None,
                    Health::Closed => Some(Err(Loss::Refused)),
                    _ => self.weather.connects(&mut self.random),
                };
                tell!(
                    self,
                    "  connection {} of visit {number} to {host}: {outcome:?}",
                    connection.0
                );
                let wait = self.weather.way(&mut self.random);
                match outcome {
                    None => {}
                    Some(Ok(())) => self.after(wait, Happening::Connected(number, connection)),
                    Some(Err(loss)) => self.after(wait, Happening::Lost(number, connection, loss)),
                }
            }
            Transmit::Message { connection, octets } => {
                self.stream(number, zone, connection, &octets)
            }
            Transmit::Close(connection) | Transmit::Done(connection) => {
                self.tell_visit(number, |visit| drop(visit.streams.remove(&connection)));
            }
            other => unreachable!("{other:?}"),
        }
    }

    /// An answer in a datagram, of the primary that is this host.
    fn reply(
        &mut self,
        number: u64,
        zone: usize,
        [primary, host]: [usize; 2],
        octets: &[u8],
        there: Duration,
    ) {
        let answer = self.answer(number, zone, host, octets, false);
        for back in self.weather.copies(&mut self.random) {
            for message in answer.messages.clone() {
                self.after(there + back, Happening::Datagram(number, primary, message));
            }
        }
    }

    /// What a host answers. Notes of which version it truly speaks.
    fn answer(
        &mut self,
        number: u64,
        zone: usize,
        host: usize,
        octets: &[u8],
        over_tcp: bool,
    ) -> Answer {
        let place = &self.places[zone];
        let asked = Asked {
            host: &self.hosts[host],
            copy: &place.copies[host],
            origin: &place.origin,
            request: octets,
            over_tcp,
            is_calm: self.healed.is_some(),
            unix: self.unix(),
        };
        let answer = answer(&asked, &mut self.random);
        let serial = answer
            .version
            .map(|version| place.origin.versions[version].soa.serial);
        tell!(
            self,
            "  {host} says {} {:?} to visit {number}",
            answer.name,
            serial.map(|serial| serial.0)
        );
        self.tally.bad_keys += u64::from(answer.name == "bad TSIG");
        self.tally.no_edns += u64::from(answer.name == "no EDNS");
        self.tell_visit(number, |visit| visit.heard.extend(serial));
        answer
    }

    /// Somebody who does not know the message ID says that there is a much newer version, or that an old one is the newest.
    fn forge(&mut self, number: u64, zone: usize, primary: usize, octets: &[u8]) {
        let versions = &self.places[zone].origin.versions;
        let version = self.random.below(versions.len());
        let mut soa = versions[version].soa_record.clone();
        if self.random.percent(50) {
            let serial = soa.rdata.len() - 20;
            soa.rdata[serial] ^= 0x40;
        }
        let mut message = write(octets, &[soa], |_| ());
        match self.random.below(3) {
            0 => message[1] ^= 1 + self.random.below(255) as u8,
            1 => message[2] ^= 0x80, // a question
            _ => message[13] ^= 1,   // about another zone
        }
        tell!(self, "  a forged datagram for {primary}");
        self.tally.forged += 1;
        let wait = self.weather.way(&mut self.random);
        self.after(wait, Happening::Datagram(number, primary, message));
    }

    /// An answer on a connection.
    fn stream(&mut self, number: u64, zone: usize, connection: Connection, octets: &[u8]) {
        let mut at = None;
        self.tell_visit(number, |visit| {
            at = visit.streams.get(&connection).map(|stream| stream.0);
        });
        let Some(host) = at.filter(|&host| self.hosts[host].health != Health::Gone) else {
            return;
        };
        let answer = self.answer(number, zone, host, octets, true);
        let stream = self.weather.stream(&answer.messages, &mut self.random);
        let arrives: usize = stream.pieces.iter().map(|(_, piece)| piece.len()).sum();
        tell!(
            self,
            "  on {}, in {} messages; {arrives} octets in {} pieces, then {:?}",
            connection.0,
            answer.messages.len(),
            stream.pieces.len(),
            stream.end
        );
        let mut wait = self.weather.way(&mut self.random);
        for (pause, piece) in stream.pieces {
            wait += pause;
            self.after(wait, Happening::Octets(number, connection, piece));
        }
        if let Some(loss) = stream.end {
            wait += self.weather.way(&mut self.random);
            self.after(wait, Happening::Lost(number, connection, loss));
        }
    }
}

impl Running {
    pub(super) fn is_connected(&mut self, connection: Connection, now: Instant) {
        if self.streams.contains_key(&connection) {
            let event = Event::Connected(connection);
            self.exchange.handle_event(event, now, &mut self.sink);
        }
    }

    /// Octets arrive, in one piece.
    pub(super) fn takes(&mut self, connection: Connection, octets: &[u8], now: Instant) {
        let Some((_, frames)) = self.streams.get_mut(&connection) else {
            return;
        };
        let mut rest = octets;
        while !rest.is_empty() {
            let space = frames.space();
            let (piece, behind) = rest.split_at(rest.len().min(space.len()));
            space[..piece.len()].copy_from_slice(piece);
            frames.advance(piece.len());
            rest = behind;
            while let Ok(Some(octets)) = frames.next_frame() {
                let event = Event::Message { connection, octets };
                self.exchange.handle_event(event, now, &mut self.sink);
            }
        }
        let event = Event::Received {
            connection,
            octets: octets.len(),
            left: frames.has_partial(),
        };
        self.exchange.handle_event(event, now, &mut self.sink);
    }

    pub(super) fn loses(&mut self, connection: Connection, loss: Loss, now: Instant) {
        let Some((_, frames)) = self.streams.get(&connection) else {
            return;
        };
        let loss = match loss {
            Loss::Closed if frames.has_partial() => Loss::ClosedInsideMessage,
            loss => loss,
        };
        let event = Event::Lost { connection, loss };
        self.exchange.handle_event(event, now, &mut self.sink);
    }
}

fn has_edns(request: &[u8]) -> bool {
    let message = Message::new(request).expect("a question of ours");
    message.opt().expect("a question of ours").is_some()
}

fn has_tsig(request: &[u8]) -> bool {
    let message = Message::new(request).expect("a question of ours");
    message.header().additionals > u16::from(has_edns(request))
}
