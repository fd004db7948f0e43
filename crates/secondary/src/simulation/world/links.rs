//! What goes between the secondary and its primaries.

use super::*;

impl World {
    pub(super) fn tell_visit(&mut self, number: u64, event: impl FnOnce(&mut Running)) {
        let visit = self.node.as_mut().and_then(|node| node.visit.as_mut());
        if let Some(visit) = visit.filter(|visit| visit.number == number) {
            event(visit);
        }
    }

    /// Brings what the secondary sends to where it goes, and the answer on its way.
    pub(super) fn carry(&mut self, number: u64, transmit: Transmit) {
        match transmit {
            Transmit::Datagram { primary, octets } => {
                let health = self.hosts[primary].health;
                if health == Health::Closed {
                    let wait = self.weather.way(&mut self.random);
                    self.after(wait, Happening::Undeliverable(number, primary));
                } else if health != Health::Gone {
                    for there in self.weather.copies(&mut self.random) {
                        self.reply(number, primary, &octets, there);
                    }
                }
                if !self.is_calm() && self.random.percent(10) {
                    self.forge(number, primary, &octets);
                }
            }
            Transmit::Connect {
                connection,
                primary,
                ..
            } => {
                self.tell_visit(number, |visit| {
                    let stream = (primary, FrameBuffer::with_room(4096));
                    visit.streams.insert(connection, stream);
                });
                let outcome = match self.hosts[primary].health {
                    Health::Gone => None,
                    Health::Closed => Some(Err(Loss::Refused)),
                    _ => self.weather.connects(&mut self.random),
                };
                tell!(
                    self,
                    "  connection {} to {primary}: {outcome:?}",
                    connection.0
                );
                let wait = self.weather.way(&mut self.random);
                match outcome {
                    None => {}
                    Some(Ok(())) => self.after(wait, Happening::Connected(number, connection)),
                    Some(Err(loss)) => self.after(wait, Happening::Lost(number, connection, loss)),
                }
            }
            Transmit::Message { connection, octets } => self.stream(number, connection, &octets),
            Transmit::Close(connection) | Transmit::Done(connection) => {
                self.tell_visit(number, |visit| drop(visit.streams.remove(&connection)));
            }
            other => unreachable!("{other:?}"),
        }
    }

    /// An answer in a datagram.
    pub(super) fn reply(&mut self, number: u64, primary: usize, octets: &[u8], there: Duration) {
        let (host, is_calm) = (&self.hosts[primary], self.healed.is_some());
        let answer = answer(host, &self.origin, octets, false, is_calm, &mut self.random);
        let serial = self.hear(number, answer.version);
        tell!(self, "  {primary} says {} {serial:?}", answer.name);
        for back in self.weather.copies(&mut self.random) {
            for message in answer.messages.clone() {
                self.after(there + back, Happening::Datagram(number, primary, message));
            }
        }
    }

    /// Notes of which version a primary truly spoke.
    pub(super) fn hear(&mut self, number: u64, version: Option<usize>) -> Option<u32> {
        let serial = self.origin.versions[version?].soa.serial;
        self.tell_visit(number, |visit| visit.heard.push(serial));
        Some(serial.0)
    }

    /// Somebody who does not know the message ID says that there is a much newer version, or that an old one is the newest.
    pub(super) fn forge(&mut self, number: u64, primary: usize, octets: &[u8]) {
        let versions = &self.origin.versions;
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
    pub(super) fn stream(&mut self, number: u64, connection: Connection, octets: &[u8]) {
        let mut at = None;
        self.tell_visit(number, |visit| {
            at = visit.streams.get(&connection).map(|stream| stream.0);
        });
        let Some(primary) = at else {
            return;
        };
        if self.hosts[primary].health == Health::Gone {
            return;
        }
        let (host, is_calm) = (&self.hosts[primary], self.healed.is_some());
        let answer = answer(host, &self.origin, octets, true, is_calm, &mut self.random);
        let serial = self.hear(number, answer.version);
        let stream = self.weather.stream(&answer.messages, &mut self.random);
        let arrives: usize = stream.pieces.iter().map(|(_, piece)| piece.len()).sum();
        tell!(
            self,
            "  {primary} says {} {serial:?} on {}, in {} messages; {arrives} octets in {} pieces, then {:?}",
            answer.name,
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
