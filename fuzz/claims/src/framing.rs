//! Messages on a stream are the same however the stream is cut, and are those that the lengths say.

use zonekit_wire::{FrameBuffer, FrameError, frame_length};

/// The first octet says how many octets of cuts follow, the rest is the stream: however it is cut, and whenever messages
/// are taken, the same messages come out, and the same error.
pub fn framing(octets: &[u8]) {
    let Some((&count, rest)) = octets.split_first() else {
        return;
    };
    let (cuts, stream) = rest.split_at(usize::from(count % 16).min(rest.len()));
    let expected = plainly(stream);
    let room = 1 << (count >> 4); // 1 to 32,768
    for is_eager in [true, false] {
        assert_eq!(in_pieces(stream, &[u8::MAX], room, is_eager), expected);
        assert_eq!(in_pieces(stream, cuts, room, is_eager), expected);
    }
}

/// Messages, then whether it is an error that ends them, and whether octets are left of an unfinished one.
#[derive(Debug, Default, Eq, PartialEq)]
struct Cut {
    messages: Vec<Vec<u8>>,
    is_refused: bool,
    is_partial: bool,
}

/// What RFC 1035 §4.2.2 says, as plainly as can be.
fn plainly(stream: &[u8]) -> Cut {
    let mut cut = Cut::default();
    let mut rest = stream;
    while let [high, low, behind @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if length == 0 {
            cut.is_refused = true;
            break;
        }
        let Some((message, behind)) = behind.split_at_checked(length) else {
            break;
        };
        cut.messages.push(message.to_vec());
        rest = behind;
    }
    cut.is_partial = !rest.is_empty();
    cut
}

/// The same through a buffer with this room, in pieces of these lengths over and over, 0 being as much as there is room
/// for; messages are taken as soon as they are there, or only when all has come.
fn in_pieces(stream: &[u8], cuts: &[u8], room: usize, is_eager: bool) -> Cut {
    let mut buffer = FrameBuffer::with_room(room);
    let mut cut = Cut::default();
    let mut cuts = cuts.iter().cycle();
    let mut rest = stream;
    while !rest.is_empty() {
        let space = buffer.space();
        assert!(space.len() >= 4096, "{}", space.len());
        let most = match cuts.next() {
            None | Some(0) => usize::MAX,
            Some(&octets) => octets.into(),
        };
        let (piece, behind) = rest.split_at(most.min(rest.len()).min(space.len()));
        space[..piece.len()].copy_from_slice(piece);
        buffer.advance(piece.len());
        rest = behind;
        if is_eager {
            take(&mut buffer, &mut cut);
        }
    }
    take(&mut buffer, &mut cut);
    cut.is_partial = buffer.has_partial();
    cut
}

fn take(buffer: &mut FrameBuffer, cut: &mut Cut) {
    loop {
        match buffer.next_frame() {
            Ok(Some(message)) => {
                assert!(!cut.is_refused, "a message behind an error");
                assert!(frame_length(message).is_some());
                let message = message.to_vec();
                assert_eq!(buffer.last_frame(), message);
                cut.messages.push(message);
            }
            Ok(None) => return,
            Err(FrameError::ZeroLength) => {
                cut.is_refused = true;
                return;
            }
            Err(error) => panic!("{error}"),
        }
    }
}
