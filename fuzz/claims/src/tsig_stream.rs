//! Whatever happens to a stream on its way, no message is taken as proven unless it and all before it arrived as they
//! were sent; and what arrives so is proven.

use zonekit_tsig::{Key, KeyRing, Signed, check_request, sign_request};

const NOW: u64 = 1_700_000_000;

/// See the module.
pub fn tsig_stream(script: &[u8]) {
    let key: Key = "hmac-sha256:transfer.example.:c2VjcmV0"
        .parse()
        .expect("a key");
    let keys: KeyRing = [key.clone()].into_iter().collect();
    let message = vec![0x12, 0x34, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut request = message.clone();
    let mut client = sign_request(&key, &mut request, NOW);
    let mut server = check_request(&keys, &request, NOW)
        .expect("believed")
        .expect("signed");

    let mut unsigned = 0;
    let mut arrived = false;
    for octets in script.chunks(2) {
        let (does, with) = (octets[0], octets.last().copied().unwrap_or_default());
        let mut sent = message.clone();
        sent[3] = with;
        let signs = does & 1 == 0 || !server.leave_unsigned(&sent);
        if signs {
            server.sign(&mut sent, NOW);
        }
        let way = does >> 1 & 0x1f;
        match way {
            // Lost, changed, or invented: the chain is broken for good, and nothing may be proven from here on.
            0..=2 => {
                match way {
                    0 => {}
                    1 => {
                        sent[2] ^= 1;
                        assert_ne!(client.check(&sent, NOW), Ok(Signed::Yes));
                    }
                    _ => {
                        let mut invented = message.clone();
                        invented[3] = !with;
                        assert_ne!(client.check(&invented, NOW), Ok(Signed::Yes));
                    }
                }
                // An unsigned message that was lost or changed is missed by the next signed one. Of a signed one that
                // failed there is no trace, but the one behind it does not follow on.
                let mut next = message.clone();
                server.sign(&mut next, NOW);
                assert_ne!(client.check(&next, NOW), Ok(Signed::Yes));
                return;
            }
            _ => {
                let result = client.check(&sent, NOW);
                if signs {
                    assert_eq!(result, Ok(Signed::Yes));
                    (unsigned, arrived) = (0, true);
                } else {
                    unsigned += 1;
                    assert!(unsigned <= 99);
                    assert_eq!(result, Ok(Signed::NotYet));
                }
            }
        }
    }
    assert_eq!(client.finish().is_ok(), arrived && unsigned == 0);
}
