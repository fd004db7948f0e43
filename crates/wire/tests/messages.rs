//! Messages through the public API: what is written reads back the same, what is broken is refused where it breaks.

use proptest::prelude::*;
use zonekit_wire::{
    Class, Compressor, EdnsOption, Header, Message, MessageFull, MessageWriter, Name, NameBuf,
    Opcode, OptRepr, Rcode, ReadError, Record, RecordBuf, Rtype, Section, Serial, SoaBuf, Unpacker,
};

/// Labels from a small stock, so that names share suffixes, differ in case only, and hold odd octets.
fn label() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => prop::sample::select(vec!["a", "A", "b", "example", "Example", "org", "ns1", "*"]).prop_map(|l| l.into()),
        1 => prop::collection::vec(any::<u8>(), 1..=63),
    ]
}

fn name() -> impl Strategy<Value = NameBuf> {
    prop::collection::vec(label(), 0..6).prop_map(|labels| {
        let mut name = NameBuf::new();
        for label in labels {
            let _ = name.prepend_label(&label); // what would make it too long is left out
        }
        name
    })
}

fn record() -> impl Strategy<Value = RecordBuf> {
    let rdata = prop_oneof![
        any::<[u8; 4]>().prop_map(|a| (Rtype::A, a.to_vec())),
        any::<[u8; 16]>().prop_map(|a| (Rtype::AAAA, a.to_vec())),
        name().prop_map(|n| (Rtype::NS, n.as_name().as_octets().to_vec())),
        (any::<[u8; 2]>(), name())
            .prop_map(|(p, n)| (Rtype::MX, [&p, n.as_name().as_octets()].concat())),
        (any::<[u8; 6]>(), name())
            .prop_map(|(p, n)| (Rtype::SRV, [&p, n.as_name().as_octets()].concat())),
        (name(), name(), any::<u32>()).prop_map(|(mname, rname, n)| {
            let soa = SoaBuf {
                mname,
                rname,
                serial: Serial(n),
                refresh: n,
                retry: 1,
                expire: 2,
                minimum: 3,
            };
            let mut rdata = Vec::new();
            soa.as_soa().write(&mut rdata);
            (Rtype::SOA, rdata)
        }),
        prop::collection::vec(any::<u8>(), 0..600).prop_map(|o| (Rtype(65280), o)),
    ];
    (name(), 0..1_u32 << 31, rdata).prop_map(|(owner, ttl, (rtype, rdata))| RecordBuf {
        owner,
        rtype,
        class: Class::IN,
        ttl,
        rdata,
    })
}

fn section() -> impl Strategy<Value = Section> {
    prop::sample::select(vec![
        Section::Answer,
        Section::Authority,
        Section::Additional,
    ])
}

/// Names with their case, which `==` would not see.
fn exactly(record: &Record<'_>) -> (Vec<u8>, Rtype, Class, u32, Vec<u8>) {
    let Record {
        owner,
        rtype,
        class,
        ttl,
        rdata,
    } = record;
    (
        owner.as_octets().to_vec(),
        *rtype,
        *class,
        *ttl,
        rdata.to_vec(),
    )
}

proptest! {
    #[test]
    fn what_is_written_reads_back_the_same(
        question in name(),
        mut records in prop::collection::vec((section(), record()), 0..60),
        limit in 300_usize..20_000,
    ) {
        records.sort_by_key(|(section, _)| *section);
        let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
        let mut left = records.as_slice();
        while !left.is_empty() {
            let mut writer = MessageWriter::new(&mut octets, limit, &mut compressor);
            writer.question(question.as_name(), Rtype::AXFR, Class::IN).unwrap();
            let fits = left.iter().take_while(|(s, r)| writer.record(*s, &r.as_record()).is_ok()).count();
            // What did not fit left no trace: others may still.
            let small = Record {
                owner: question.as_name(),
                rtype: Rtype::NS,
                class: Class::IN,
                ttl: 0,
                rdata: question.as_name().as_octets(),
            };
            let more = usize::from(writer.record(Section::Additional, &small).is_ok());
            let length = writer.finish();
            prop_assert_eq!(length, octets.len());
            prop_assert!(length <= limit);

            let message = Message::new(&octets).unwrap();
            let name = message.question().unwrap().unwrap().name.to_buf();
            prop_assert_eq!(name.as_name().as_octets(), question.as_name().as_octets());
            let mut unpacker = Unpacker::new();
            let mut read = Vec::new();
            for item in message.records().unwrap() {
                let (section, packed) = item.unwrap();
                read.push((section, exactly(&unpacker.unpack(packed).unwrap())));
            }
            prop_assert_eq!(read.len(), fits + more);
            for ((section, read), (sent_in, sent)) in read.iter().zip(&left[..fits]) {
                prop_assert_eq!(section, sent_in);
                prop_assert_eq!(read, &exactly(&sent.as_record()));
            }
            left = &left[fits.max(1)..]; // one that fits no message is left out
        }
    }

    #[test]
    fn reading_anything_ends_without_a_panic(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all(&octets);
    }

    /// Random octets seldom get beyond the header; a message with some octets changed does.
    #[test]
    fn reading_a_damaged_message_ends_without_a_panic(
        records in prop::collection::vec(record(), 1..10),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
        let mut writer = MessageWriter::new(&mut octets, 65_535, &mut compressor);
        for record in &records {
            writer.record(Section::Answer, &record.as_record()).unwrap();
        }
        writer.finish();
        for (at, octet) in damage {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        read_all(&octets);
        read_all(&octets[..cut.index(octets.len())]);
    }
}

fn read_all(octets: &[u8]) {
    let Ok(message) = Message::new(octets) else {
        return;
    };
    let _ = message.question();
    let _ = message.opt();
    let mut unpacker = Unpacker::new();
    for (_, record) in message.records().into_iter().flatten().flatten() {
        if let Ok(record) = unpacker.unpack(record) {
            let _ = record.to_string();
        }
    }
}

/// A header that counts `answers` records and no question.
fn header(answers: u16) -> Vec<u8> {
    Header {
        qr: true,
        answers,
        ..Header::default()
    }
    .to_octets()
    .to_vec()
}

/// The first error of a walk with everything unpacked.
fn first_error(octets: &[u8]) -> Option<ReadError> {
    let mut unpacker = Unpacker::new();
    let message = match Message::new(octets) {
        Ok(message) => message,
        Err(error) => return Some(error),
    };
    let records = match message.records() {
        Ok(records) => records,
        Err(error) => return Some(error),
    };
    records
        .map(|item| item.and_then(|(_, record)| unpacker.unpack(record).map(|_| ())))
        .find_map(Result::err)
}

#[test]
fn broken_names_are_refused_where_they_break() {
    let check = |name: &[u8], error: ReadError| {
        let mut octets = header(1);
        octets.extend_from_slice(name);
        octets.extend_from_slice(b"\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x01\x02\x03\x04");
        assert_eq!(first_error(&octets), Some(error), "{name:02x?}");
    };
    check(
        b"\xc0\x0c",
        ReadError::ForwardPointer {
            offset: 12,
            target: 12,
        },
    );
    check(
        b"\x01a\xc0\x0c",
        ReadError::ForwardPointer {
            offset: 14,
            target: 12,
        },
    );
    check(
        b"\x01a\xc0\x0e",
        ReadError::ForwardPointer {
            offset: 14,
            target: 14,
        },
    );
    check(
        b"\xc0\x0e\x00",
        ReadError::ForwardPointer {
            offset: 12,
            target: 14,
        },
    );
    check(
        b"\xff\xff",
        ReadError::ForwardPointer {
            offset: 12,
            target: 0x3fff,
        },
    );
    check(
        b"\xc0\x00",
        ReadError::HeaderPointer {
            offset: 12,
            target: 0,
        },
    );
    check(
        b"\xc0\x0b",
        ReadError::HeaderPointer {
            offset: 12,
            target: 11,
        },
    );
    check(
        b"\x40",
        ReadError::LabelType {
            offset: 12,
            octet: 0x40,
        },
    );
    check(
        b"\x01a\xbf",
        ReadError::LabelType {
            offset: 14,
            octet: 0xbf,
        },
    );
    let long = [&[63; 64][..], &[63; 64], &[63; 64], &[62; 63], &[0]].concat();
    assert_eq!(long.len(), 256);
    check(&long, ReadError::NameTooLong { offset: 12 });
}

#[test]
fn pointers_at_pointers_are_followed_only_so_far() {
    // An unknown type's RDATA of pointers, each to the one before, the first to the root; then an owner at the last.
    let chain = |pointers: usize| {
        let mut octets = header(2);
        let count = pointers as u16 - 1;
        octets.extend_from_slice(b"\x00\xff\x00\x00\x01\x00\x00\x00\x00");
        octets.extend((2 * count).to_be_bytes());
        let mut target = 12_u16;
        for _ in 0..count {
            let at = octets.len() as u16;
            octets.extend((0xc000 | target).to_be_bytes());
            target = at;
        }
        octets.extend((0xc000 | target).to_be_bytes());
        octets.extend_from_slice(b"\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x01\x02\x03\x04");
        first_error(&octets)
    };
    assert_eq!(chain(128), None);
    assert!(matches!(chain(129), Some(ReadError::PointerChain { .. })));
    assert!(matches!(chain(8000), Some(ReadError::PointerChain { .. })));
}

#[test]
fn names_of_255_octets_pass_and_a_pointer_that_makes_256_does_not() {
    let rest = b"\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x01\x02\x03\x04";
    let long = [&[63; 64][..], &[63; 64], &[63; 64], &[61; 62], &[0]].concat();
    let octets = [&header(1), &long[..], rest].concat();
    assert_eq!(first_error(&octets), None);
    let octets = [&header(2), &long[..], rest, b"\xc0\x0c", rest].concat();
    assert_eq!(first_error(&octets), None);
    let octets = [&header(2), &long[..], rest, b"\x01a\xc0\x0c", rest].concat();
    assert_eq!(
        first_error(&octets),
        Some(ReadError::NameTooLong {
            offset: 12 + 255 + 14
        })
    );
}

#[test]
fn message_cut_anywhere_is_refused_and_so_is_one_octet_more() {
    let mut octets = header(2);
    octets.extend_from_slice(
        b"\x07example\x03org\x00\x00\x02\x00\x01\x00\x00\x0e\x10\x00\x05\x02ns\xc0\x0c",
    );
    octets.extend_from_slice(b"\xc0\x0c\x00\x0f\x00\x01\x00\x00\x0e\x10\x00\x04\x00\x0a\xc0\x23");
    assert_eq!(first_error(&octets), None);
    for end in 0..octets.len() {
        assert!(
            matches!(
                first_error(&octets[..end]),
                Some(ReadError::Truncated { .. })
            ),
            "{end}"
        );
    }
    let offset = octets.len();
    octets.push(0);
    assert_eq!(
        first_error(&octets),
        Some(ReadError::TrailingOctets { offset, count: 1 })
    );
}

#[test]
fn more_than_65535_octets_are_no_message() {
    assert_eq!(
        Message::new(&[0; 65_536]).unwrap_err(),
        ReadError::TooLong(65_536)
    );
    assert!(Message::new(&[0; 65_535]).is_ok());
}

#[test]
fn two_questions_are_refused() {
    let octets = Header {
        questions: 2,
        ..Header::default()
    }
    .to_octets();
    let message = Message::new(&octets).unwrap();
    assert_eq!(message.question().unwrap_err(), ReadError::Questions(2));
    assert_eq!(message.records().unwrap_err(), ReadError::Questions(2));
}

#[test]
fn rdata_whose_length_is_one_off_is_refused() {
    for (rtype, rdata) in [
        (Rtype::A, &b"\x01\x02\x03\x04"[..]),
        (Rtype::AAAA, &[1; 16]),
        (Rtype::NS, b"\x01a\x00"),
        (Rtype::MX, b"\x00\x0a\x01a\x00"),
        (Rtype::SOA, b"\x01a\x00\x01b\x000123456789abcdefghij"),
        (Rtype::SRV, b"\x00\x00\x00\x00\x00\x35\x01a\x00"),
    ] {
        let with_length = |length: usize| {
            let mut octets = header(1);
            octets.push(0);
            octets.extend(rtype.0.to_be_bytes());
            octets.extend([0, 1, 0, 0, 0, 0]);
            octets.extend((length as u16).to_be_bytes());
            octets.extend(&rdata[..length.min(rdata.len())]);
            octets.extend(vec![0; length.saturating_sub(rdata.len())]);
            first_error(&octets)
        };
        assert_eq!(with_length(rdata.len()), None, "{rtype}");
        for length in [0, rdata.len() - 1, rdata.len() + 1] {
            let error = with_length(length);
            let told =
                matches!(error, Some(ReadError::Rdata { rtype: r, offset: 12, .. }) if r == rtype);
            assert!(told, "{rtype} {length}: {error:?}");
        }
    }
}

/// One record of a type, whose RDATA is `before` and then a pointer to its owner.
fn with_pointer(rtype: Rtype, before: &[u8]) -> Vec<u8> {
    let mut octets = header(1);
    octets.extend_from_slice(b"\x01a\x00");
    octets.extend(rtype.0.to_be_bytes());
    octets.extend([0, 1, 0, 0, 0, 0]);
    octets.extend((before.len() as u16 + 2).to_be_bytes());
    octets.extend_from_slice(before);
    octets.extend([0xc0, 0x0c]);
    octets
}

#[test]
fn names_in_rdata_are_expanded_for_the_types_that_may_compress_them() {
    for (rtype, before) in [
        (Rtype::NS, &b""[..]),
        (Rtype::CNAME, b""),
        (Rtype::PTR, b"\x01b"),
        (Rtype::MX, b"\0\0"),
        (Rtype::SRV, b"\0\0\0\0\0\0"),
        (Rtype::NAPTR, b"\0\0\0\0\x01u\0\0"),
    ] {
        let octets = with_pointer(rtype, before);
        let (_, record) = Message::new(&octets)
            .unwrap()
            .records()
            .unwrap()
            .next()
            .unwrap()
            .unwrap();
        let mut unpacker = Unpacker::new();
        let record = unpacker.unpack(record).unwrap();
        assert_eq!(record.rdata, [before, b"\x01a\x00"].concat(), "{rtype}");
    }
}

#[test]
fn names_in_rdata_are_refused_compressed_for_all_other_types() {
    for (rtype, before) in [
        (Rtype::DNAME, &b""[..]),
        (Rtype::NSEC, b""),
        (Rtype::RRSIG, &[0; 18]),
    ] {
        let error = first_error(&with_pointer(rtype, before));
        let told =
            matches!(error, Some(ReadError::Rdata { rtype: r, offset: 12, .. }) if r == rtype);
        assert!(told, "{rtype}: {error:?}");
    }
}

#[test]
fn name_in_rdata_that_runs_past_it_is_refused() {
    let mut octets = header(2);
    octets.extend_from_slice(b"\x00\x00\x02\x00\x01\x00\x00\x00\x00\x00\x02\x05a");
    octets.extend_from_slice(b"\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x01\x02\x03\x04");
    assert!(matches!(
        first_error(&octets),
        Some(ReadError::Rdata {
            rtype: Rtype::NS,
            offset: 12,
            ..
        })
    ));
}

#[test]
fn ttl_with_its_highest_bit_set_is_zero() {
    let ttl = |raw: u32| {
        let mut octets = header(1);
        octets.extend_from_slice(b"\x00\x00\x01\x00\x01");
        octets.extend(raw.to_be_bytes());
        octets.extend_from_slice(b"\x00\x04\x01\x02\x03\x04");
        let (_, record) = Message::new(&octets)
            .unwrap()
            .records()
            .unwrap()
            .next()
            .unwrap()
            .unwrap();
        Unpacker::new().unpack(record).unwrap().ttl
    };
    assert_eq!(
        [ttl(0), ttl(i32::MAX as u32), ttl(1 << 31), ttl(u32::MAX)],
        [0, i32::MAX as u32, 0, 0]
    );
}

#[test]
fn header_reads_back_every_bit() {
    for bits in 0..=u16::MAX {
        let [high, low] = bits.to_be_bytes();
        let octets = [0xab, 0xcd, high, low, 0, 1, 0, 2, 0, 3, 0, 4];
        assert_eq!(Header::from_octets(octets).to_octets(), octets);
    }
    let header = Header {
        id: 7,
        opcode: Opcode::NOTIFY,
        rd: true,
        cd: true,
        ad: true,
        ..Header::default()
    };
    assert_eq!(
        header.reply(),
        Header {
            qr: true,
            ad: false,
            ..header
        }
    );
}

#[test]
fn opt_takes_the_room_reserved_for_it_and_reads_back() {
    let options = [
        EdnsOption {
            code: EdnsOption::NSID,
            data: b"me",
        },
        EdnsOption {
            code: 65001,
            data: b"",
        },
    ];
    let opt = OptRepr {
        do_bit: true,
        rcode: Rcode::BADCOOKIE,
        options: &options,
        ..OptRepr::default()
    };
    let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
    let mut writer = MessageWriter::new(&mut octets, 12 + 15 + opt.wire_len(), &mut compressor);
    writer.set_header(Header {
        rcode: Rcode::BADCOOKIE,
        ..Header::default()
    });
    writer.reserve(opt.wire_len());
    let record = Record {
        owner: Name::ROOT,
        rtype: Rtype::A,
        class: Class::IN,
        ttl: 0,
        rdata: &[0; 4],
    };
    writer.record(Section::Answer, &record).unwrap();
    assert_eq!(writer.record(Section::Answer, &record), Err(MessageFull));
    writer.opt(&opt).unwrap();
    assert_eq!(writer.opt(&opt), Err(MessageFull));
    writer.finish();

    let message = Message::new(&octets).unwrap();
    let read = message.opt().unwrap().unwrap();
    assert_eq!(
        (read.udp_size(), read.version(), read.do_bit()),
        (1232, 0, true)
    );
    assert_eq!(read.rcode(message.header().rcode), Rcode::BADCOOKIE);
    assert_eq!(read.options().collect::<Vec<_>>(), options);
    assert_eq!(read.option(EdnsOption::NSID), Some(&b"me"[..]));
    assert_eq!(read.option(EdnsOption::COOKIE), None);
}

#[test]
fn opt_twice_or_out_of_place_or_with_half_an_option_is_refused() {
    let opt = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00";
    let message = |answers, additionals, records: &[&[u8]]| {
        let mut octets = Header {
            answers,
            additionals,
            ..Header::default()
        }
        .to_octets()
        .to_vec();
        octets.extend(records.concat());
        Message::new(&octets)
            .unwrap()
            .opt()
            .map(|opt| opt.is_some())
    };
    assert_eq!(message(0, 1, &[opt]), Ok(true));
    assert_eq!(message(0, 0, &[]), Ok(false));
    assert_eq!(
        message(0, 2, &[opt, opt]),
        Err(ReadError::OptOutOfPlace { offset: 23 })
    );
    assert_eq!(
        message(1, 0, &[opt]),
        Err(ReadError::OptOutOfPlace { offset: 12 })
    );
    let named = b"\x01a\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00";
    assert_eq!(
        message(0, 1, &[named]),
        Err(ReadError::OptOutOfPlace { offset: 12 })
    );
    let half = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x05\x00\x03\x00\x02a";
    assert!(matches!(
        message(0, 1, &[half]),
        Err(ReadError::Rdata {
            rtype: Rtype::OPT,
            offset: 12,
            ..
        })
    ));
}

#[test]
fn compression_keeps_case_and_reaches_no_further_than_14_bits() {
    let mut octets = Vec::new();
    let mut compressor = Compressor::new();
    let mut writer = MessageWriter::new(&mut octets, 65_535, &mut compressor);
    let names: Vec<NameBuf> = (0..2000)
        .map(|n| format!("host{n}.example.org").parse().unwrap())
        .collect();
    let upper: NameBuf = "host0.EXAMPLE.org".parse().unwrap();
    let record = |owner: &NameBuf, writer: &mut MessageWriter<'_>| {
        let owner = owner.as_name();
        let record = Record {
            owner,
            rtype: Rtype::A,
            class: Class::IN,
            ttl: 0,
            rdata: &[0; 4],
        };
        let before = writer.len();
        writer.record(Section::Answer, &record).unwrap();
        writer.len() - before - 14
    };
    assert_eq!(record(&names[0], &mut writer), 19);
    assert_eq!(record(&names[1], &mut writer), 6 + 2);
    assert_eq!(record(&names[0], &mut writer), 2);
    assert_eq!(
        record(&upper, &mut writer),
        6 + 8 + 2,
        "only org is the same octets"
    );
    for name in &names[2..] {
        assert!(record(name, &mut writer) <= 9 + 2);
    }
    // Too far for a pointer: its labels again, but the suffix stays in reach.
    assert_eq!(record(&names[1998], &mut writer), 9 + 2);
    writer.finish();
    let mut unpacker = Unpacker::new();
    let owners: Vec<_> = Message::new(&octets)
        .unwrap()
        .records()
        .unwrap()
        .map(|item| unpacker.unpack(item.unwrap().1).unwrap().owner.to_string())
        .collect();
    assert_eq!(owners[3], "host0.EXAMPLE.org.");
    assert_eq!(owners[2002], "host1998.example.org.");
}
