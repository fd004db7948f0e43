//! Messages on a stream: two octets of length before each ([RFC 1035 §4.2.2], [RFC 7766 §8]).
//!
//! [RFC 1035 §4.2.2]: https://www.rfc-editor.org/rfc/rfc1035#section-4.2.2
//! [RFC 7766 §8]: https://www.rfc-editor.org/rfc/rfc7766#section-8

/// The most room a buffer gives, but for a message that is longer: 16 KiB, what servers fill transfer messages to.
const ROOM: usize = 16 * 1024;

/// The room it gives at first, and the least, so that a long message does not end in many small reads.
const LEAST_ROOM: usize = 4 * 1024;

/// Octets of the length.
const LENGTH: usize = 2;

/// Octets from a stream, cut into messages.
///
/// Whatever pieces the octets arrive in, the messages that come out are the same.
///
/// ```
/// use zonekit_wire::FrameBuffer;
///
/// let mut buffer = FrameBuffer::new();
/// for piece in [&b"\x00"[..], b"\x03ab", b"c\x00\x01d"] {
///     buffer.space()[..piece.len()].copy_from_slice(piece); // or read from a socket
///     buffer.advance(piece.len());
/// }
/// assert_eq!(buffer.next_frame()?, Some(&b"abc"[..]));
/// assert_eq!(buffer.next_frame()?, Some(&b"d"[..]));
/// assert_eq!(buffer.next_frame()?, None);
/// # Ok::<(), zonekit_wire::FrameError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FrameBuffer {
    octets: Vec<u8>,
    /// The room that is given: twice as much whenever it was filled, up to `most`.
    room: usize,
    most: usize,
    /// What is taken lies before this, what has arrived up to `end`; behind it is room.
    start: usize,
    end: usize,
    /// Octets of the message taken last, which lie just before `start`.
    last: usize,
}

impl FrameBuffer {
    /// An empty buffer. Memory comes with the first [`space`](Self::space): 4 KiB, up to 16 KiB as reads fill them, and at
    /// most 64 KiB more for long messages.
    pub const fn new() -> Self {
        Self::with_room(ROOM)
    }

    /// An empty buffer that comes to give room for so many octets at once: for long streams, where fewer and larger reads
    /// pay. What is short does not cost the memory of it.
    pub const fn with_room(most: usize) -> Self {
        Self {
            octets: Vec::new(),
            room: LEAST_ROOM,
            most,
            start: 0,
            end: 0,
            last: 0,
        }
    }

    /// Room to read into: 4 KiB at least.
    pub fn space(&mut self) -> &mut [u8] {
        self.last = 0;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        let arrived = self.end - self.start;
        let frame = self.frame_len().map_or(0, |length| LENGTH + length);
        // Two octets promise 64 KiB soon; memory is given as more of them come.
        let wanted = { frame.min(2 * arrived) }
            .max(arrived + LEAST_ROOM)
            .max(self.room);
        // What is left of a frame moves to the front when it could not be completed where it lies.
        if self.start > 0 && self.octets.len() - self.start < wanted {
            self.octets.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, arrived);
        }
        let needed = self.start + wanted;
        if self.octets.len() < needed {
            self.octets.resize(needed, 0);
        }
        self.octets.get_mut(self.end..).unwrap_or_default()
    }

    /// Says that `n` octets were read into the front of [`space`](Self::space).
    pub fn advance(&mut self, n: usize) {
        debug_assert!(
            self.end + n <= self.octets.len(),
            "more octets than there was room for"
        );
        self.end = (self.end + n).min(self.octets.len());
        if self.end == self.octets.len() {
            self.room = (2 * self.room).min(self.most);
        }
    }

    /// The next whole message; `None` until more octets have arrived.
    ///
    /// # Errors
    ///
    /// When a message has no octets. What comes behind it is not to be trusted; the error comes again.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let Some(length) = self.frame_len() else {
            return Ok(None);
        };
        if length == 0 {
            return Err(FrameError::ZeroLength);
        }
        let body = self.start + LENGTH;
        if self.end < body + length {
            return Ok(None);
        }
        self.start = body + length;
        self.last = length;
        Ok(self.octets.get(body..body + length))
    }

    /// The message that [`next_frame`](Self::next_frame) gave last, once more; empty after [`space`](Self::space).
    pub fn last_frame(&self) -> &[u8] {
        let begin = self.start - self.last;
        self.octets.get(begin..self.start).unwrap_or_default()
    }

    /// Whether octets have arrived that no message was made of yet: at the end of the stream, a message cut off.
    pub fn has_partial(&self) -> bool {
        self.start < self.end
    }

    /// Forgets all octets and keeps the memory.
    pub fn clear(&mut self) {
        (self.start, self.end, self.last) = (0, 0, 0);
    }

    /// The length of the message that is arriving, once it is known.
    fn frame_len(&self) -> Option<usize> {
        match self.octets.get(self.start..self.end) {
            Some([high, low, ..]) => Some(u16::from_be_bytes([*high, *low]).into()),
            _ => None,
        }
    }
}

impl Default for FrameBuffer {
    fn default() -> Self {
        Self::new()
    }
}

/// The two octets to send before `message` on a stream; `None` if it is longer than 65,535.
pub fn frame_length(message: &[u8]) -> Option<[u8; 2]> {
    u16::try_from(message.len()).ok().map(u16::to_be_bytes)
}

/// Why octets from a stream are not messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The length of a message is 0.
    #[error("message of no octets on the stream")]
    ZeroLength,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Feeds `stream` in pieces of the given sizes, over and over, and takes messages after each.
    fn frames(stream: &[u8], sizes: &[usize], greedy: bool) -> Vec<Vec<u8>> {
        let mut buffer = FrameBuffer::new();
        let mut frames = Vec::new();
        let mut rest = stream;
        let mut sizes = sizes.iter().cycle();
        while !rest.is_empty() {
            let space = buffer.space();
            let size = (*sizes.next().unwrap()).min(rest.len()).min(space.len());
            space[..size].copy_from_slice(&rest[..size]);
            buffer.advance(size);
            rest = &rest[size..];
            while greedy && let Some(frame) = buffer.next_frame().unwrap() {
                frames.push(frame.to_vec());
            }
        }
        while let Some(frame) = buffer.next_frame().unwrap() {
            frames.push(frame.to_vec());
        }
        assert!(!buffer.has_partial());
        frames
    }

    fn stream(messages: &[Vec<u8>]) -> Vec<u8> {
        messages
            .iter()
            .flat_map(|m| {
                frame_length(m)
                    .unwrap()
                    .into_iter()
                    .chain(m.iter().copied())
            })
            .collect()
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_messages(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 1..20),
            sizes in prop::collection::vec(1usize..400, 1..8),
            greedy: bool,
        ) {
            prop_assert_eq!(frames(&stream(&messages), &sizes, greedy), messages);
        }
    }

    #[test]
    fn longest_messages_pass_one_octet_at_a_time() {
        let messages = vec![
            vec![1; 65_535],
            vec![2; 1],
            vec![3; 65_535],
            vec![4; 20_000],
        ];
        assert_eq!(frames(&stream(&messages), &[1], true), messages);
        assert_eq!(frames(&stream(&messages), &[70_000], false), messages);
    }

    #[test]
    fn memory_stays_below_one_longest_message_and_one_read() {
        let messages = vec![vec![7; 65_535]; 20];
        let stream = stream(&messages);
        let mut buffer = FrameBuffer::new();
        for piece in stream.chunks(1000) {
            buffer.space()[..piece.len()].copy_from_slice(piece);
            buffer.advance(piece.len());
            while buffer.next_frame().unwrap().is_some() {}
        }
        assert!(
            buffer.octets.len() <= 65_537 + ROOM,
            "{}",
            buffer.octets.len()
        );
    }

    #[test]
    fn room_grows_only_for_a_stream_that_fills_it() {
        let rooms = |most_at_once: usize| {
            let mut buffer = FrameBuffer::with_room(32 * 1024);
            let mut rooms = Vec::new();
            for _ in 0..6 {
                let room = buffer.space().len();
                buffer.space().fill(1); // messages of 257 octets
                buffer.advance(room.min(most_at_once));
                while buffer.next_frame().unwrap().is_some() {}
                rooms.push(room);
            }
            rooms
        };
        assert_eq!(rooms(259), [4096; 6]);
        let rooms = rooms(usize::MAX);
        // Less by what is left of a message.
        let is_nearly = |room: &usize, whole: usize| (whole - 258..=whole).contains(room);
        let expected = [4096, 8192, 16_384, 32_768, 32_768, 32_768];
        assert!(
            rooms
                .iter()
                .zip(expected)
                .all(|(room, whole)| is_nearly(room, whole)),
            "{rooms:?}"
        );
    }

    #[test]
    fn message_of_no_octets_is_refused_again_and_again() {
        let mut buffer = FrameBuffer::new();
        buffer.space()[..4].copy_from_slice(&[0, 1, 9, 0]);
        buffer.advance(4);
        assert_eq!(buffer.next_frame(), Ok(Some(&[9][..])));
        assert_eq!(buffer.next_frame(), Ok(None));
        buffer.space()[0] = 0;
        buffer.advance(1);
        assert_eq!(buffer.next_frame(), Err(FrameError::ZeroLength));
        assert_eq!(buffer.next_frame(), Err(FrameError::ZeroLength));
    }
}
