//! Checking any octets never panics. A message that we sign is believed, the answer to it too, and neither once an octet
//! has changed.

use zonekit_tsig::{Key, KeyRing, Signed, check_request, sign_request};
use zonekit_wire::Message;

const NOW: u64 = 1_700_000_000;

/// See the module.
pub fn tsig_message(octets: &[u8]) {
    let key: Key = "hmac-sha256:transfer.example.:c2VjcmV0"
        .parse()
        .expect("a key");
    let keys: KeyRing = [key.clone()].into_iter().collect();
    let asked = check_request(&keys, octets, NOW);
    if let Err(rejected) = &asked {
        rejected.sign_reply(&mut octets.to_vec(), NOW);
    }

    let mut request = vec![0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let _ = sign_request(&key, &mut request, NOW).check(octets, NOW);

    // What can be signed: a whole message without TSIG, with room for one.
    let is_whole = Message::new(octets)
        .and_then(Message::records)
        .is_ok_and(|mut records| records.all(|record| record.is_ok()));
    if !matches!(asked, Ok(None)) || !is_whole || octets.len() > 60_000 {
        return;
    }
    let mut request = octets.to_vec();
    let mut client = sign_request(&key, &mut request, NOW);
    assert_eq!(request.len(), octets.len() + key.tsig_len() - 6);
    let mut server = check_request(&keys, &request, NOW)
        .expect("believed")
        .expect("signed");
    let mut answer = octets.to_vec();
    server.sign(&mut answer, NOW);

    // The ID at the front may change on the way, and so may the case of the names in the TSIG.
    let fold = |octets: &[u8]| octets.to_ascii_lowercase();
    let at = 2 + octets
        .iter()
        .map(|octet| usize::from(*octet))
        .sum::<usize>()
        % (answer.len() - 2);
    let mut changed = answer.clone();
    changed[at] ^= 1 << (octets.len() % 8);
    let behind_names = octets.len() + 18 + 10 + 13;
    if at < octets.len() || at >= behind_names || fold(&changed) != fold(&answer) {
        let believed = client.check(&changed, NOW) == Ok(Signed::Yes);
        assert!(!believed, "octet {at} of {}", answer.len());
    }
    assert_eq!(client.check(&answer, NOW), Ok(Signed::Yes));
    assert_eq!(client.finish(), Ok(()));
}
