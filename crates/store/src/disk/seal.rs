//! Checksums around what lies in the file.
//!
//! ```text
//! value    format (1), CRC-32 (4), content
//! ```
//!
//! The checksum covers the key that the value lies under as well, so that a value in the wrong place is noticed too.

/// Format, checksum.
pub(crate) const SEAL: usize = 5;

const FORMAT: u8 = 1;

/// Begins a value: leaves room for the seal.
pub(crate) fn begin(out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&[0; SEAL]);
}

/// Ends a value: fills in the seal.
pub(crate) fn close(key: &[u8], out: &mut [u8]) {
    let Some((seal, content)) = out.split_first_chunk_mut::<SEAL>() else {
        return;
    };
    let [a, b, c, d] = checksum(key, content).to_be_bytes();
    *seal = [FORMAT, a, b, c, d];
}

/// The content of a value, if its seal is unbroken.
pub(crate) fn open<'v>(key: &[u8], value: &'v [u8]) -> Option<&'v [u8]> {
    let (&[format, sum @ ..], content) = value.split_first_chunk::<SEAL>()?;
    (format == FORMAT && u32::from_be_bytes(sum) == checksum(key, content)).then_some(content)
}

pub(super) fn checksum(key: &[u8], content: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(content);
    hasher.finalize()
}
