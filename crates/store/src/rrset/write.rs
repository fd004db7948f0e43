//! Entries' bodies being written, RRset by RRset.

use zonekit_wire::Rtype;

use super::ttl::write_ttl;
use super::{
    COUNT, FIXED_LENGTH, KEPT, ONE_LENGTH, OTHER_TTL, OWN_LENGTHS, Owner, SIGNED, UPPER, WIDE_TYPE,
    fixed_length,
};
use crate::number::write_number;

/// Writes how the owner was spelled: the front of an entry's body.
pub(crate) fn write_owner(owner: Owner<'_>, out: &mut Vec<u8>) {
    match owner {
        Owner::Lower => out.push(0),
        Owner::Upper => out.push(UPPER),
        Owner::Kept(name) => {
            out.extend([KEPT, name.as_octets().len() as u8]); // a name has at most 255 octets
            out.extend_from_slice(name.as_octets());
        }
    }
}

/// RDATA of a set, or of the signatures over it, to be written.
pub(crate) trait Source {
    /// How many there are.
    fn count(&self) -> usize;
    /// The length of all, if all have one.
    fn length(&self) -> Option<usize>;
    /// Octets of all together, with the length before each.
    fn octets(&self) -> usize;
    /// Appends all, without lengths.
    fn write(&self, out: &mut Vec<u8>);
    /// Appends all, the length before each.
    fn write_sized(&self, out: &mut Vec<u8>);
}

/// Appends a set. Lengths and TTLs are those of the packed form above.
pub(crate) fn write_set(
    rtype: Rtype,
    ttl: u32,
    rdatas: &impl Source,
    signature_ttl: u32,
    signatures: &impl Source,
    out: &mut Vec<u8>,
) {
    let signed = if signatures.count() > 0 { SIGNED } else { 0 };
    let lengths = lengths_form(fixed_length(rtype), rdatas);
    let head = signed | lengths | count_form(rdatas.count());
    let [high, low] = rtype.0.to_be_bytes();
    if high == 0 {
        out.extend_from_slice(&[head, low]);
    } else {
        out.extend_from_slice(&[head | WIDE_TYPE, high, low]);
    }
    write_ttl(ttl, out);
    write_rdatas(lengths, rdatas, out);
    if signed != 0 {
        let lengths = lengths_form(None, signatures);
        let other = if signature_ttl == ttl { 0 } else { OTHER_TTL };
        out.push(other | lengths | count_form(signatures.count()));
        if other != 0 {
            write_ttl(signature_ttl, out);
        }
        write_rdatas(lengths, signatures, out);
    }
}

/// Appends count, length and RDATA as the head of the set says.
fn write_rdatas(lengths: u8, rdatas: &impl Source, out: &mut Vec<u8>) {
    if count_form(rdatas.count()) == COUNT {
        write_number(rdatas.count(), out);
    }
    if lengths == OWN_LENGTHS {
        if rdatas.count() > 1 {
            write_number(rdatas.octets(), out);
        }
        rdatas.write_sized(out);
        return;
    }
    if lengths == ONE_LENGTH {
        write_number(rdatas.length().unwrap_or(0), out);
    }
    rdatas.write(out);
}

/// The shortest way to say how long these are.
fn lengths_form(fixed: Option<usize>, rdatas: &impl Source) -> u8 {
    if fixed.is_some() && (rdatas.length() == fixed || rdatas.count() == 0) {
        return FIXED_LENGTH;
    }
    if rdatas.count() > 1 && rdatas.length().is_some() {
        ONE_LENGTH
    } else {
        OWN_LENGTHS
    }
}

/// The count as the head says it.
fn count_form(count: usize) -> u8 {
    if count < usize::from(COUNT) {
        count as u8
    } else {
        COUNT
    }
}
