//! Questions made up from what a zone holds, and from what it does not.

use zonekit_wire::{
    Class, Compressor, Header, MessageWriter, Name, NameBuf, OptRepr, Rtype, master,
};

/// One question, and what else about the request may matter.
#[derive(Clone, Debug)]
pub struct Query {
    pub name: NameBuf,
    pub rtype: Rtype,
    /// Room for the answer, if the client speaks EDNS.
    pub edns: Option<u16>,
    pub dnssec: bool,
}

impl Query {
    /// The request's octets.
    pub fn request(&self, id: u16) -> Vec<u8> {
        let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
        let mut writer = MessageWriter::new(&mut octets, 65_535, &mut compressor);
        writer.set_header(Header {
            id,
            rd: true,
            ..Header::default()
        });
        writer
            .question(self.name.as_name(), self.rtype, Class::IN)
            .unwrap();
        if let Some(udp_size) = self.edns {
            let opt = OptRepr {
                udp_size,
                do_bit: self.dnssec,
                ..OptRepr::default()
            };
            writer.opt(&opt).unwrap();
        }
        writer.finish();
        octets
    }
}

/// Makes questions about one zone, the same for the same seed.
pub struct Asker {
    apex: NameBuf,
    /// Owners, and the names in their records' RDATA.
    names: Vec<NameBuf>,
    random: Random,
}

impl Asker {
    pub fn new(apex: &str, text: &str, seed: u64) -> Self {
        let apex: NameBuf = apex.parse().unwrap();
        let mut names = Vec::new();
        let mut reader = master::Reader::new(text.as_bytes(), apex.as_name());
        while let Some(record) = reader.next_record().unwrap() {
            names.push(record.owner.to_buf());
            names.extend(zonekit_wire::rdata::names(record.rtype, record.rdata).map(Name::to_buf));
        }
        names.sort_unstable();
        names.dedup();
        Self {
            apex,
            names,
            random: Random(seed),
        }
    }

    /// Any question: most are about names that are there or nearly so.
    pub fn next(&mut self) -> Query {
        let name = self.name();
        let edns = match self.random.below(10) {
            0..=2 => None,
            3 => Some(512),
            4..=7 => Some(1232),
            _ => Some(4096),
        };
        Query {
            name,
            rtype: self.rtype(),
            edns,
            dnssec: edns.is_some() && self.random.below(3) > 0,
        }
    }

    fn name(&mut self) -> NameBuf {
        let known = self.names[self.random.below(self.names.len())].clone();
        let mut name = match self.random.below(12) {
            0..=3 => known,
            // Above it: an empty non-terminal, a delegation, the apex.
            4 => {
                let labels = known.as_name().label_count();
                known
                    .as_name()
                    .ancestor(self.random.below(labels + 1))
                    .to_buf()
            }
            // Below it: below a cut, a DNAME, a host.
            5 | 6 => self.below(known),
            7 => {
                let below = self.below(known);
                self.below(below)
            }
            // Beside it.
            8 | 9 => {
                let parent = known.as_name().parent().unwrap_or(Name::ROOT).to_buf();
                self.below(parent)
            }
            // Below what is above it: below the apex, or beside an empty non-terminal that may be a wildcard.
            10 => {
                let most = known.as_name().label_count();
                let least = self.apex.as_name().label_count().min(most);
                let labels = least + self.random.below(most - least + 1);
                self.below(known.as_name().ancestor(labels).to_buf())
            }
            _ => {
                let other = self.names[self.random.below(self.names.len())].clone();
                graft(other.as_name(), known.as_name())
            }
        };
        if self.random.below(4) == 0 {
            name = self.in_odd_case(&name);
        }
        name
    }

    /// One more label, of the kinds that matter.
    fn below(&mut self, mut name: NameBuf) -> NameBuf {
        let label = match self.random.below(10) {
            0 | 1 => b"*".to_vec(),
            2 => b"www".to_vec(),
            3 => b"\0".to_vec(),
            4 => b"zzzz".to_vec(),
            5 => b"-".to_vec(),
            6 => b"a".to_vec(),
            7 => format!("domain{}", self.random.below(500)).into_bytes(),
            _ => format!("x{}", self.random.below(1000)).into_bytes(),
        };
        _ = name.prepend_label(&label); // one that is too long stays as it is
        name
    }

    fn in_odd_case(&mut self, name: &NameBuf) -> NameBuf {
        let mut odd = NameBuf::default();
        let labels: Vec<_> = name.as_name().labels().collect();
        for label in labels.iter().rev() {
            let label: Vec<u8> = { label.iter() }
                .map(|octet| match self.random.below(2) {
                    0 => octet.to_ascii_uppercase(),
                    _ => *octet,
                })
                .collect();
            odd.prepend_label(&label).unwrap();
        }
        odd
    }

    fn rtype(&mut self) -> Rtype {
        const TYPES: [Rtype; 24] = [
            Rtype::A,
            Rtype::A,
            Rtype::A,
            Rtype::AAAA,
            Rtype::NS,
            Rtype::NS,
            Rtype::SOA,
            Rtype::MX,
            Rtype::TXT,
            Rtype::TXT,
            Rtype::CNAME,
            Rtype::DNAME,
            Rtype::DS,
            Rtype::DS,
            Rtype::DNSKEY,
            Rtype::NSEC,
            Rtype::NSEC3,
            Rtype::NSEC3PARAM,
            Rtype::RRSIG,
            Rtype::ANY,
            Rtype::SRV,
            Rtype::HTTPS,
            Rtype(65280),
            Rtype(731),
        ];
        match self.random.below(20) {
            0 => Rtype(1 + self.random.below(127) as u16),
            _ => TYPES[self.random.below(TYPES.len())],
        }
    }
}

/// The first label of one name on the rest of another.
fn graft(label_of: Name<'_>, rest_of: Name<'_>) -> NameBuf {
    let mut name = rest_of.parent().unwrap_or(Name::ROOT).to_buf();
    if let Some(label) = label_of.labels().next() {
        _ = name.prepend_label(label);
    }
    name
}

/// SplitMix64: the same questions for the same seed, everywhere.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}
