//! Datagrams: whoever guesses ID and port says nothing by that (RFC 5452 §9.1).

use super::rows;
use crate::row::datagram;
use crate::{Act, Ask, Row};

/// Something that is not the answer, which would bring a much newer version, and the answer behind it.
fn forged(change: impl Fn(&Ask<'_>, Vec<u8>) -> Act + Send + Sync + 'static) -> Row {
    datagram(move |ask| {
        let (false_one, true_one) = (ask.message(&[ask.soa(99)]), ask.message(&[ask.soa(7)]));
        vec![change(ask, false_one), Act::Say(true_one)]
    })
}

rows! { each_datagram_row:
    a_datagram_with_a_wrong_id_is_ignored = forged(|_, mut message| {
        message[0] ^= 1;
        Act::Say(message)
    });
    a_datagram_from_elsewhere_is_ignored = forged(|_, message| Act::Stray(message));
    a_datagram_with_another_question_is_ignored = forged(|_, mut message| {
        message[13] ^= 1;
        Act::Say(message)
    });
    a_datagram_that_asks_is_ignored = forged(|_, mut message| {
        message[2] ^= 0x80;
        Act::Say(message)
    });
    a_datagram_that_is_no_message_is_ignored = forged(|_, message| Act::Say(message[..11].to_vec()));
}
