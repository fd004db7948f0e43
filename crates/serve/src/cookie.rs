//! Server cookies ([RFC 7873], in the form of [RFC 9018]): what a client shows later to prove that it is where it says.
//!
//! Every request that brings a cookie gets a fresh one back, so that the client can tell our answers from those of
//! somebody who only guesses. No client is refused for lack of one: nothing here is limited by rate yet.
//!
//! [RFC 7873]: https://www.rfc-editor.org/rfc/rfc7873
//! [RFC 9018]: https://www.rfc-editor.org/rfc/rfc9018

#![expect(
    deprecated,
    reason = "the standard library's SipHash-2-4 is the one that RFC 9018 §4 asks for"
)]

use std::{
    fmt,
    hash::{BuildHasher, Hasher, RandomState, SipHasher},
    net::IpAddr,
};

/// Octets of the part that the client makes.
const CLIENT: usize = 8;

/// Octets of the part that we make.
const SERVER: usize = 16;

/// Octets of the option that goes back.
pub(crate) const COOKIE_LEN: usize = CLIENT + SERVER;

/// What cookies are made with: the same on all servers that answer from one address, and known to nobody else.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct CookieSecret([u8; 16]);

impl CookieSecret {
    /// A secret that was agreed on.
    pub const fn new(octets: [u8; 16]) -> Self {
        Self(octets)
    }

    /// A secret of this process alone; its cookies are forgotten with it, which costs clients nothing.
    pub fn random() -> Self {
        let random = || RandomState::new().build_hasher().finish().to_le_bytes(); // seeded by the system
        let mut octets = [0; 16];
        octets
            .chunks_exact_mut(8)
            .for_each(|half| half.copy_from_slice(&random()));
        Self(octets)
    }

    /// The cookie for a client at this address that brought this part of it, made at this time, in seconds since 1970.
    pub(crate) fn cookie(
        &self,
        client: [u8; CLIENT],
        address: IpAddr,
        now: u64,
    ) -> [u8; COOKIE_LEN] {
        let mut cookie = [0; COOKIE_LEN];
        let [version, time] = [[1, 0, 0, 0], (now as u32).to_be_bytes()]; // serial arithmetic: RFC 9018 §4.3
        let front = client.into_iter().chain(version).chain(time);
        cookie
            .iter_mut()
            .zip(front)
            .for_each(|(to, from)| *to = from);
        let Some((front, hash)) = cookie.split_last_chunk_mut() else {
            return cookie;
        };
        let [low, high] = [self.half(0), self.half(8)];
        let mut hasher = SipHasher::new_with_keys(low, high);
        hasher.write(front);
        match address {
            IpAddr::V4(address) => hasher.write(&address.octets()),
            IpAddr::V6(address) => hasher.write(&address.octets()),
        }
        *hash = hasher.finish().to_le_bytes();
        cookie
    }

    fn half(&self, at: usize) -> u64 {
        self.0
            .get(at..)
            .and_then(|octets| octets.first_chunk())
            .map_or(0, |octets| u64::from_le_bytes(*octets))
    }
}

impl fmt::Debug for CookieSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieSecret(…)")
    }
}

/// The client's part of a COOKIE option; an error if that has a length that no cookie has (RFC 7873 §5.2.2).
pub(crate) fn client_part(option: &[u8]) -> Result<[u8; CLIENT], InvalidLength> {
    match (option.first_chunk(), option.len()) {
        (Some(client), CLIENT | 16..=40) => Ok(*client),
        _ => Err(InvalidLength),
    }
}

/// A COOKIE option is neither 8 nor 16 to 40 octets long.
#[derive(Debug)]
pub(crate) struct InvalidLength;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_those_of_rfc_9018_appendix_a() {
        for (secret, address, time, cookie) in [
            (
                0xe5e973e5a6b2a43f48e7dc849e37bfcf_u128,
                "198.51.100.100",
                0x5cf79f11,
                "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
            ),
            (
                0xe5e973e5a6b2a43f48e7dc849e37bfcf,
                "198.51.100.100",
                0x5cf7a871,
                "2464c4abcf10c957010000005cf7a871d4a564a1442aca77",
            ),
            (
                0x445536bcd2513298075a5d379663c962,
                "2001:db8:220:1:59de:d0f4:8769:82b8",
                0x5cf7c609,
                "22681ab97d52c298010000005cf7c609a6bb79d16625507a",
            ),
        ] {
            let client = u64::from_str_radix(&cookie[..16], 16)
                .unwrap()
                .to_be_bytes();
            let made = CookieSecret::new(secret.to_be_bytes()).cookie(
                client,
                address.parse().unwrap(),
                time,
            );
            assert_eq!(made.map(|octet| format!("{octet:02x}")).concat(), cookie);
        }
    }

    #[test]
    fn a_client_part_has_eight_octets_and_the_rest_eight_to_thirty_two() {
        for length in 0..60 {
            let valid = length == 8 || (16..=40).contains(&length);
            assert_eq!(client_part(&vec![7; length]).is_ok(), valid, "{length}");
        }
    }
}
