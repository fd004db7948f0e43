//! Records unpacked with what is remembered of their message, held against the same unpacked one by one.

use proptest::prelude::*;
use zonekit_wire::{
    Class, Compressor, Header, Message, MessageWriter, NameBuf, ReadError, Record, Rtype, Section,
    Unpacker,
};

/// A name as it is put into a message: labels, then the root or a pointer.
#[derive(Clone, Debug)]
struct Packed {
    labels: Vec<Vec<u8>>,
    end: End,
}

#[derive(Clone, Debug)]
enum End {
    Root,
    /// To where a label or a pointer was put before.
    Known(prop::sample::Index),
    /// To where the last owner began.
    Owner,
    To(u16),
}

fn packed() -> impl Strategy<Value = Packed> {
    let label = prop_oneof![
        8 => prop::sample::select(vec!["a", "B", "example", "ns1", "*"]).prop_map(|l| l.into()),
        1 => prop::collection::vec(any::<u8>(), 1..=63),
    ];
    let end = prop_oneof![
        1 => Just(End::Root),
        6 => any::<prop::sample::Index>().prop_map(End::Known),
        2 => Just(End::Owner),
        1 => (0_u16..400).prop_map(End::To),
    ];
    (prop::collection::vec(label, 0..3), end).prop_map(|(labels, end)| Packed { labels, end })
}

fn rtype() -> impl Strategy<Value = (Rtype, &'static [u8])> {
    prop::sample::select(vec![
        (Rtype::NS, &b""[..]),
        (Rtype::NS, b""),
        (Rtype::MX, b"\0\x0a"),
        (Rtype::DNAME, b""),
        (Rtype::TXT, b"\x01"),
        (Rtype(4711), b""),
    ])
}

/// Puts a name at the end of `octets` and notes where pointers may lead from now on.
fn put(name: &Packed, owner: usize, known: &mut Vec<usize>, octets: &mut Vec<u8>) {
    let mut new = Vec::new();
    for label in &name.labels {
        new.push(octets.len());
        octets.push(label.len() as u8);
        octets.extend(label);
    }
    let to = match name.end {
        End::Root => {
            octets.push(0);
            known.extend(new);
            return;
        }
        End::Known(index) => known[index.index(known.len())] as u16,
        End::Owner => owner as u16,
        End::To(offset) => offset,
    };
    new.push(octets.len());
    octets.extend((to | 0xc000).to_be_bytes());
    known.extend(new);
}

/// What one record came to: owner, sort key, type, class, TTL and RDATA.
type Flat = (Vec<u8>, Vec<u8>, Rtype, Class, u32, Vec<u8>);

fn flat(record: &Record<'_>, sort_key: &[u8]) -> Flat {
    let Record {
        owner,
        rtype,
        class,
        ttl,
        rdata,
    } = *record;
    let owner = owner.as_octets().to_vec();
    (owner, sort_key.to_vec(), rtype, class, ttl, rdata.to_vec())
}

/// The records of the answer section, and what ended them, each unpacked by itself.
fn one_by_one(octets: &[u8]) -> (Vec<Flat>, Option<ReadError>) {
    let mut all = Vec::new();
    let mut read = || {
        for item in Message::new(octets)?.records()? {
            let (section, packed) = item?;
            if section == Section::Answer {
                let mut unpacker = Unpacker::new();
                let record = unpacker.unpack(packed)?;
                let mut key = Vec::new();
                record.owner.write_sort_key(&mut key);
                all.push(flat(&record, &key));
            }
        }
        Ok(())
    };
    let error = read().err();
    (all, error)
}

/// The same, with what is remembered; `unpacker` has seen other messages.
fn together(octets: &[u8], unpacker: &mut Unpacker) -> (Vec<Flat>, Option<ReadError>) {
    let mut all: Vec<Flat> = Vec::new();
    let mut read = || {
        let mut answers = unpacker.answers(Message::new(octets)?)?;
        while let Some(unpacked) = answers.next_record()? {
            let flat = flat(&unpacked.record, unpacked.sort_key);
            assert!(
                !unpacked.is_same_owner || all.last().is_some_and(|last| last.0 == flat.0),
                "{flat:?} has not the owner of the record before"
            );
            all.push(flat);
        }
        assert!(matches!(answers.next_record(), Ok(None)));
        Ok(())
    };
    let error = read().err();
    (all, error)
}

proptest! {
    #[test]
    fn answers_are_the_records_unpacked_one_by_one(
        messages in prop::collection::vec((
            prop::collection::vec((packed(), rtype(), packed()), 0..12),
            (-1_i8..=1, 0_u16..2),
        ), 1..4),
    ) {
        let mut unpacker = Unpacker::new();
        for (records, (surplus, additionals)) in messages {
            let count = (records.len() as u16).saturating_add_signed(surplus.into());
            let header = Header { questions: 1, answers: count, additionals, ..Header::default() };
            let mut octets = header.to_octets().to_vec();
            octets.extend(b"\x07example\x03org\0\0\xfc\0\x01");
            let (mut known, mut owner) = (vec![12, 20], 12);
            for (name, (rtype, before), target) in records {
                let at = octets.len();
                put(&name, owner, &mut known, &mut octets);
                owner = at;
                octets.extend(rtype.0.to_be_bytes());
                octets.extend(b"\0\x01\x80\0\0\x01\0\0");
                let start = octets.len();
                octets.extend(before);
                put(&target, owner, &mut known, &mut octets);
                let length = (octets.len() - start) as u16;
                octets[start - 2..start].copy_from_slice(&length.to_be_bytes());
            }
            prop_assert_eq!(together(&octets, &mut unpacker), one_by_one(&octets));
        }
    }
}

fn name(text: &str) -> NameBuf {
    text.parse().unwrap()
}

#[test]
fn an_owner_that_is_a_pointer_to_the_last_is_the_same() {
    let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
    let mut writer = MessageWriter::new(&mut octets, 512, &mut compressor);
    let owners = [
        "a.example",
        "a.example",
        "A.example",
        "A.example",
        "example",
        "example",
    ];
    for owner in owners {
        let owner = name(owner);
        let record = Record {
            owner: owner.as_name(),
            rtype: Rtype::A,
            class: Class::IN,
            ttl: 0,
            rdata: &[0; 4],
        };
        writer.record(Section::Answer, &record).unwrap();
    }
    writer.finish();
    let mut unpacker = Unpacker::new();
    let mut answers = unpacker.answers(Message::new(&octets).unwrap()).unwrap();
    let mut same = Vec::new();
    while let Some(unpacked) = answers.next_record().unwrap() {
        same.push(unpacked.is_same_owner);
    }
    assert_eq!(same, [false, true, false, true, false, true]);
}

/// A message of names that are pointers to pointers, of which only so many are followed.
#[test]
fn a_chain_of_pointers_has_the_same_end_for_both() {
    for longest in 120..135 {
        let mut octets = Header {
            answers: 3,
            ..Header::default()
        }
        .to_octets()
        .to_vec();
        octets.extend(b"\x01a\0\xff\xf0\0\x01\0\0\0\0"); // a record of no known type holds the chain
        octets.extend((2 * longest as u16).to_be_bytes());
        let start = octets.len();
        for link in 0..longest {
            let to = if link == 0 {
                12
            } else {
                start + 2 * (link - 1)
            };
            octets.extend((0xc000 | to as u16).to_be_bytes());
        }
        let last = 0xc000 | (start + 2 * (longest - 1)) as u16;
        for _ in 0..2 {
            octets.extend(last.to_be_bytes());
            octets.extend(b"\0\x02\0\x01\0\0\0\0\0\x02");
            octets.extend(last.to_be_bytes());
        }
        let both = together(&octets, &mut Unpacker::new());
        assert_eq!(both, one_by_one(&octets), "{longest}");
        assert_eq!(both.1.is_none(), longest < 128, "{longest}");
    }
}

#[test]
fn more_rdata_than_is_remembered_at_once_is_expanded_all_the_same() {
    let mut octets = Header {
        answers: 2000,
        ..Header::default()
    }
    .to_octets()
    .to_vec();
    let long = name(&["abcdefghijklmnopqrstuvwxyz"; 9].join("."));
    octets.extend(long.as_name().as_octets());
    octets.extend(b"\0\x02\0\x01\0\0\0\0");
    let rdata = [b"\x01n", &[0xc0, 12][..]].concat();
    octets.extend((rdata.len() as u16).to_be_bytes());
    octets.extend(&rdata);
    for _ in 1..2000 {
        octets.extend(b"\xc0\x0c\0\x02\0\x01\0\0\0\0\0\x04");
        octets.extend(&rdata);
    }
    let (records, error) = together(&octets, &mut Unpacker::new());
    assert_eq!((records.len(), error), (2000, None));
    assert_eq!((records, None), one_by_one(&octets));
}
