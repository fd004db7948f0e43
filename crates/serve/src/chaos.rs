//! Questions about the server itself, in class CHAOS ([RFC 4892]).
//!
//! [RFC 4892]: https://www.rfc-editor.org/rfc/rfc4892

use zonekit_wire::{Class, Name, Rcode, Record, Rtype, Section};

use crate::{Config, answer::Verdict, extended_error::ExtendedError, reply::Reply};

/// Writes what the operator wants to be said under this name, or refuses.
pub(crate) fn answer(
    name: Name<'_>,
    rtype: Rtype,
    config: &Config,
    reply: &mut Reply<'_>,
) -> Verdict {
    let text = match name.to_string().to_ascii_lowercase().as_str() {
        "id.server." | "hostname.bind." => config.identity.as_deref(),
        "version.server." | "version.bind." => config.version.as_deref(),
        _ => None,
    };
    let Some(text) = text else {
        return Verdict::because(Rcode::REFUSED, ExtendedError::Prohibited);
    };
    let said = Verdict {
        authoritative: true,
        speaker: name.as_octets().len(),
        ..Verdict::of(Rcode::NOERROR)
    };
    if !matches!(rtype, Rtype::TXT | Rtype::ANY) {
        return said; // no data
    }
    let length = u8::try_from(text.len()).unwrap_or(u8::MAX); // as long as a configuration lets it be
    let record = Record {
        owner: name,
        rtype: Rtype::TXT,
        class: Class::CH,
        ttl: 0,
        rdata: &[&[length], text].concat(),
    };
    Verdict {
        truncated: reply.record(Section::Answer, &record).is_err(),
        ..said
    }
}
