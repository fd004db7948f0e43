//! Lists and the links between their pages.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Kind, RecordsMetadata};
use crate::PageRequest;

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Collection<T> {
    /// Of zones: the listing's own. Of records: the zone's.
    pub id: Uuid,
    /// [`Kind::Collection`].
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The path of this page.
    pub href: String,
    /// What belongs to the list as a whole; only lists of records have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<RecordsMetadata>,
    /// The items of this page.
    pub items: Vec<T>,
    /// How many were passed over.
    pub offset: u64,
    /// How many may stand on a page.
    pub limit: u32,
    /// Where the pages beside this one are.
    #[serde(rename = "_links")]
    pub links: Links,
}

impl<T> Collection<T> {
    /// A page of a list of `total` items in all.
    pub fn new(id: Uuid, place: &Place<'_>, page: PageRequest, items: Vec<T>, total: u64) -> Self {
        Self {
            id,
            kind: Kind::Collection,
            href: place.at(page.offset, page.limit),
            metadata: None,
            items,
            offset: page.offset,
            limit: page.limit,
            links: Links::new(place, page, total),
        }
    }
}

/// Where the pages beside a page are.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Links {
    /// The page before, if this is not the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<String>,
    /// This page.
    #[serde(rename = "self")]
    pub this: String,
    /// The page behind, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Links {
    /// The links of a page of a list of `total` items in all.
    pub fn new(place: &Place<'_>, page: PageRequest, total: u64) -> Self {
        let PageRequest { offset, limit } = page;
        let behind = offset.saturating_add(limit.into());
        Self {
            prev: (offset > 0).then(|| place.at(offset.saturating_sub(limit.into()), limit)),
            this: place.at(offset, limit),
            next: (behind < total).then(|| place.at(behind, limit)),
        }
    }
}

/// A list's path, with the filters in force: they stay on the way from page to page.
#[derive(Clone, Debug)]
pub struct Place<'p> {
    /// The path.
    pub path: &'p str,
    /// Names and values of the filters, not encoded.
    pub filters: Vec<(&'p str, &'p str)>,
}

impl Place<'_> {
    fn at(&self, offset: u64, limit: u32) -> String {
        let mut href = format!("{}?", self.path);
        for (name, value) in &self.filters {
            encode(name, &mut href);
            href.push('=');
            encode(value, &mut href);
            href.push('&');
        }
        // Writing to a string cannot fail.
        let _ = write!(href, "limit={limit}&offset={offset}");
        href
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986 §2.3.
fn encode(text: &str, out: &mut String) {
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            out.push(char::from(octet));
        } else {
            let _ = write!(out, "%{octet:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(offset: u64, limit: u32, total: u64) -> (Option<String>, Option<String>) {
        let place = Place {
            path: "/z",
            filters: vec![],
        };
        let links = Links::new(&place, PageRequest { offset, limit }, total);
        assert_eq!(links.this, format!("/z?limit={limit}&offset={offset}"));
        (links.prev, links.next)
    }

    #[test]
    fn prev_and_next_are_there_only_where_there_is_something() {
        assert_eq!(check(0, 10, 10), (None, None));
        assert_eq!(
            check(0, 10, 11),
            (None, Some("/z?limit=10&offset=10".into()))
        );
        assert_eq!(
            check(5, 10, 16),
            (
                Some("/z?limit=10&offset=0".into()),
                Some("/z?limit=10&offset=15".into())
            )
        );
        assert_eq!(check(u64::MAX, 1000, 3).1, None);
    }

    #[test]
    fn filters_stay_on_the_way_to_the_next_page() {
        let place = Place {
            path: "/z",
            filters: vec![("filter.zoneName", "a&b=\u{e4}")],
        };
        assert_eq!(
            place.at(1, 2),
            "/z?filter.zoneName=a%26b%3D%C3%A4&limit=2&offset=1"
        );
    }
}
