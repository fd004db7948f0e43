//! Numbers and texts as few octets, one after the other.

/// Octets that grow.
#[derive(Debug, Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    /// A number: seven bits an octet, the low ones first; the last octet is below 128.
    pub(crate) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// A number that may be missing.
    pub(crate) fn optional(&mut self, number: Option<u64>) {
        // 0 says that there is none; what there is never comes to the largest number there is.
        self.number(number.map_or(0, |number| number.saturating_add(1)));
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.octets(text.as_bytes());
    }

    pub(crate) fn octets(&mut self, octets: &[u8]) {
        self.number(octets.len() as u64);
        self.0.extend_from_slice(octets);
    }
}

/// What a [`Writer`] has written, from its beginning. `None` where the octets are not what it writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'o>(pub(crate) &'o [u8]);

impl<'o> Reader<'o> {
    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (&octet, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(octet & 0x7f) << shift;
            if octet < 0x80 {
                return Some(number);
            }
        }
        None
    }

    pub(crate) fn optional(&mut self) -> Option<Option<u64>> {
        Some(self.number()?.checked_sub(1))
    }

    pub(crate) fn text(&mut self) -> Option<&'o str> {
        std::str::from_utf8(self.octets()?).ok()
    }

    pub(crate) fn octets(&mut self) -> Option<&'o [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (octets, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let mut writer = Writer::default();
        let numbers = [
            0,
            1,
            127,
            128,
            16_383,
            16_384,
            u64::from(u32::MAX),
            u64::MAX - 1,
        ];
        for number in numbers {
            writer.number(number);
            writer.optional(Some(number));
        }
        writer.optional(None);
        writer.text("kürz");
        let mut reader = Reader(&writer.0);
        for number in numbers {
            assert_eq!(reader.number(), Some(number));
            assert_eq!(reader.optional(), Some(Some(number)));
        }
        assert_eq!(reader.optional(), Some(None));
        assert_eq!(reader.text(), Some("kürz"));
        assert_eq!(reader.number(), None);
    }

    #[test]
    fn what_is_cut_off_or_too_long_is_not_read() {
        assert_eq!(Reader(&[0x80]).number(), None);
        assert_eq!(Reader(&[0xff; 20]).number(), None);
        assert_eq!(Reader(&[3, b'a', b'b']).octets(), None);
    }
}
