//! Server cookies ([RFC 7873], in the form of [RFC 9018]): what a client shows later to prove that it is where it says.
//!
//! Every request that brings a cookie gets a fresh one back, so that the client can tell our answers from those of
//! somebody who only guesses. No client is refused for lack of one; but whoever shows one of ours is where it says, and
//! needs no limit of its rate ([`RateLimit`](crate::RateLimit)).
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

/// How long a cookie is good for, in seconds (RFC 9018 §4.3).
const LIFETIME: u32 = 3600;

/// How far the clocks of servers with one secret may differ, in seconds (RFC 9018 §4.3).
const FUTURE: u32 = 300;

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

    /// Whether what a client at this address shows is a cookie that was made for it with this secret, and not too long ago.
    pub(crate) fn made(&self, shown: &Shown, address: IpAddr, now: u64) -> bool {
        let Some([1, _, _, _, a, b, c, d, ..]) = shown.server else {
            return false;
        };
        let time = u32::from_be_bytes([a, b, c, d]);
        let age = (now as u32).wrapping_sub(time);
        if age > LIFETIME && age.wrapping_neg() > FUTURE {
            return false;
        }
        let made = self.cookie(shown.client, address, time.into());
        let difference = |(mine, shown): (&u8, &u8)| mine ^ shown;
        // All of it in any case: how much of a guess was right shows in no delay.
        let server = made.iter().skip(CLIENT).zip(shown.server.iter().flatten());
        server.map(difference).fold(0, |all, one| all | one) == 0
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

/// What a client shows in a COOKIE option.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) client: [u8; CLIENT],
    /// Whether it shows something that it says it got from us.
    pub(crate) is_whole: bool,
    /// That, where it is as long as ours are.
    server: Option<[u8; SERVER]>,
}

impl Shown {
    /// Reads the option's data.
    ///
    /// # Errors
    ///
    /// When it has a length that no cookie has (RFC 7873 §5.2.2).
    pub(crate) fn read(option: &[u8]) -> Result<Self, InvalidLength> {
        match (option.split_first_chunk(), option.len()) {
            (Some((client, server)), CLIENT | 16..=40) => Ok(Self {
                client: *client,
                is_whole: !server.is_empty(),
                server: server.try_into().ok(),
            }),
            _ => Err(InvalidLength),
        }
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
            assert_eq!(Shown::read(&vec![7; length]).is_ok(), valid, "{length}");
        }
    }

    #[test]
    fn a_cookie_is_ours_for_an_hour_for_the_address_and_client_it_was_made_for() {
        let secret = CookieSecret::new([9; 16]);
        let [here, there] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let made_at = u64::from(u32::MAX) - 100; // the clock of cookies turns over
        let cookie = secret.cookie([7; 8], here, made_at);
        let is_ours =
            |cookie: &[u8], address, now| secret.made(&Shown::read(cookie).unwrap(), address, now);
        for (now, valid) in [
            (made_at - 301, false),
            (made_at - 300, true),
            (made_at, true),
            (made_at + 3600, true),
            (made_at + 3601, false),
        ] {
            assert_eq!(is_ours(&cookie, here, now), valid, "{now}");
        }
        assert!(!is_ours(&cookie, there, made_at));
        assert!(!is_ours(&cookie[..8], here, made_at));
        assert!(!is_ours(&cookie[..23], here, made_at));
        for position in 0..24 {
            let mut forged = cookie;
            forged[position] ^= 1;
            // Three octets of the server's part are reserved: whatever they are, the hash covers them.
            assert!(!is_ours(&forged, here, made_at), "{position}");
        }
        let other = CookieSecret::new([8; 16]);
        assert!(!other.made(&Shown::read(&cookie).unwrap(), here, made_at));
    }
}
