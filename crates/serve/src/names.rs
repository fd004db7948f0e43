//! A handful of names, remembered without an allocation for each.

use zonekit_wire::Name;

/// Names one behind the other, in memory that is used again.
#[derive(Default)]
pub(crate) struct NameList(Vec<u8>);

impl NameList {
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds a name; false if it was there already.
    pub(crate) fn insert(&mut self, name: Name<'_>) -> bool {
        let mut rest = self.0.as_slice();
        while let Ok((listed, behind)) = Name::split_from(rest) {
            if listed == name {
                return false;
            }
            rest = behind;
        }
        self.0.extend_from_slice(name.as_octets());
        true
    }
}

#[cfg(test)]
mod tests {
    use zonekit_wire::NameBuf;

    use super::*;

    #[test]
    fn a_name_is_listed_once_whatever_its_case() {
        let mut list = NameList::default();
        let name = |text: &str| text.parse::<NameBuf>().unwrap();
        assert!(list.insert(Name::ROOT));
        assert!(list.insert(name("a.example").as_name()));
        assert!(list.insert(name("b.example").as_name()));
        assert!(!list.insert(name("A.EXAMPLE").as_name()));
        assert!(!list.insert(Name::ROOT));
        list.clear();
        assert!(list.insert(name("a.example").as_name()));
    }
}
