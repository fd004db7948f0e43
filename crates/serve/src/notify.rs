//! NOTIFY as it comes in ([RFC 1996]).
//!
//! [RFC 1996]: https://www.rfc-editor.org/rfc/rfc1996

use zonekit_tsig::Key;
use zonekit_wire::{NameBuf, Serial};

use crate::Peer;

/// Somebody entitled to says that a zone of ours has changed. The answer is written already; what is to be done about it
/// is the runner's to decide.
#[derive(Clone, Debug)]
pub struct Notification {
    /// The zone, which is one of ours.
    pub zone: NameBuf,
    /// Who says so.
    pub source: Peer,
    /// The serial that the zone is said to have now: a hint, and no more to be relied on than its source.
    pub serial: Option<Serial>,
    /// The key that the NOTIFY was signed with, checked.
    pub key: Option<Key>,
}
