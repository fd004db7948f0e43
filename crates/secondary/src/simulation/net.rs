//! What lies between a secondary and its primaries: everything arrives, or some of it does, in some order, at some time.

use std::time::Duration;

use zonekit_wire::frame_length;
use zonekit_xfr::Loss;

use super::random::Random;

const MILLISECOND: Duration = Duration::from_millis(1);

/// How the network is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    /// Datagrams that are lost, of a hundred.
    pub(super) loss: usize,
    /// The longest that anything is on its way.
    pub(super) delay: Duration,
    /// Connections that come to grief, of a hundred.
    pub(super) breaks: usize,
}

impl Weather {
    pub(super) const CALM: Self = Self {
        loss: 0,
        delay: Duration::from_millis(20),
        breaks: 0,
    };

    pub(super) fn foul(random: &mut Random) -> Self {
        Self {
            loss: random.pick(&[0, 5, 30, 90]),
            delay: MILLISECOND * random.pick(&[5, 50, 400, 3000]),
            breaks: random.pick(&[0, 10, 40, 90]),
        }
    }

    pub(super) fn way(&self, random: &mut Random) -> Duration {
        random.up_to(self.delay)
    }

    /// When the copies of a datagram arrive: none if it is lost, now and then two.
    pub(super) fn copies(&self, random: &mut Random) -> Vec<Duration> {
        if random.percent(self.loss) {
            return Vec::new();
        }
        let count = if random.percent(self.loss / 4) { 2 } else { 1 };
        (0..count).map(|_| self.way(random)).collect()
    }

    /// What comes of an attempt to connect, and when; `None`: nothing ever.
    pub(super) fn connects(&self, random: &mut Random) -> Option<Result<(), Loss>> {
        if !random.percent(self.breaks / 2) {
            return Some(Ok(()));
        }
        match random.below(4) {
            0 => None,
            1 => Some(Err(Loss::Unreachable)),
            _ => Some(Err(Loss::Refused)),
        }
    }

    /// How messages on a connection arrive: octets with their delays after each other, then perhaps the end.
    pub(super) fn stream(&self, messages: &[Vec<u8>], random: &mut Random) -> Stream {
        let mut octets = Vec::new();
        for message in messages {
            octets.extend(frame_length(message).expect("no message is so long"));
            octets.extend(message);
        }
        let mut end = None;
        let mut cut = octets.len();
        if random.percent(self.breaks) {
            cut = random.below(octets.len() + 1);
            end = match random.below(3) {
                0 => Some(Loss::Reset),
                1 => Some(Loss::Closed),
                _ => None, // it stalls
            };
        } else if self.breaks > 0 && random.percent(20) {
            end = Some(Loss::Closed);
        }
        octets.truncate(cut);
        let (size, pause) = match random.below(12) {
            _ if self.breaks == 0 => (usize::MAX, MILLISECOND),
            0 => (1, MILLISECOND * random.pick(&[1, 1000, 9000])),
            1..4 => (1 + random.below(60), self.delay),
            _ => (usize::MAX, MILLISECOND),
        };
        let mut pieces = Vec::new();
        for piece in octets.chunks(size) {
            pieces.push((random.up_to(pause), piece.to_vec()));
        }
        Stream { pieces, end }
    }
}

/// What arrives on a connection.
pub(super) struct Stream {
    pub(super) pieces: Vec<(Duration, Vec<u8>)>,
    pub(super) end: Option<Loss>,
}
