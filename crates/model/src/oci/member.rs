//! Members of a body, each read as what it should be; `null` is the same as not there.

use serde_json::{Map, Value};

use crate::{BodyError, Compartment, DefinedTags, FreeformTags, NameError, body::missing_or};

/// The members of one object.
pub(super) struct Members(Map<String, Value>);

impl Members {
    pub(super) fn of(body: &[u8]) -> Result<Self, BodyError> {
        Ok(Self(crate::body::object(body)?))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Text that must be there.
    pub(super) fn text(&self, name: &str, expected: &'static str) -> Result<&str, BodyError> {
        match self.get(name) {
            Some(Value::String(text)) => Ok(text),
            other => Err(missing_or(name, expected, other)),
        }
    }

    /// Something that must be there and is written as text.
    pub(super) fn parsed<T: std::str::FromStr>(
        &self,
        name: &str,
        expected: &'static str,
    ) -> Result<T, BodyError> {
        let text = self.text(name, expected)?;
        text.parse()
            .map_err(|_| BodyError::unexpected(name, expected, &text.into()))
    }

    /// A name that must be there.
    pub(super) fn name<T: std::str::FromStr<Err = NameError>>(&self) -> Result<T, BodyError> {
        let text = self.text("name", "a domain name")?;
        text.parse().map_err(|error| {
            BodyError::unexpected("name", format!("a domain name ({error})"), &text.into())
        })
    }

    /// A word that may be missing, and must be this one otherwise.
    pub(super) fn only(&self, name: &str, word: &str) -> Result<(), BodyError> {
        match self.get(name) {
            None => Ok(()),
            Some(Value::String(text)) if text == word => Ok(()),
            Some(other) => Err(BodyError::unexpected(name, word, other)),
        }
    }

    /// A list that may be missing, and must be empty otherwise.
    pub(super) fn no(&self, name: &str) -> Result<(), BodyError> {
        match self.get(name) {
            None => Ok(()),
            Some(Value::Array(items)) if items.is_empty() => Ok(()),
            Some(other) => Err(BodyError::unexpected(name, "nothing", other)),
        }
    }

    pub(super) fn compartment(&self) -> Result<Compartment, BodyError> {
        self.parsed("compartmentId", "an OCID")
    }

    pub(super) fn freeform_tags(&self) -> Result<Option<FreeformTags>, BodyError> {
        let tags: Option<FreeformTags> = self.shaped("freeformTags", "an object of texts")?;
        let tag = |(name, value): (&String, &String)| is_short(name, value.chars().count());
        let is_bounded = tags.iter().all(|tags| {
            tags.len() <= FREEFORM_TAGS && tags.iter().all(tag) && in_json(tags) <= TAGS_OCTETS
        });
        self.within("freeformTags", FREEFORM_TAGS, is_bounded)?;
        Ok(tags)
    }

    pub(super) fn defined_tags(&self) -> Result<Option<DefinedTags>, BodyError> {
        let tags: Option<DefinedTags> = self.shaped("definedTags", "an object of objects")?;
        let tag = |(name, value): (&String, &Value)| {
            let text = value.as_str().map(|text| text.chars().count());
            is_short(name, text.unwrap_or_else(|| in_json(value)))
        };
        let is_bounded = tags.iter().all(|spaces| {
            let count: usize = spaces.values().map(|tags| tags.len()).sum();
            count <= DEFINED_TAGS
                && spaces.len() <= DEFINED_TAGS
                && spaces.keys().all(|name| is_short(name, 0))
                && spaces.values().flatten().all(tag)
                && in_json(spaces) <= TAGS_OCTETS
        });
        self.within("definedTags", DEFINED_TAGS, is_bounded)?;
        Ok(tags)
    }

    fn within(&self, name: &str, most: usize, is_so: bool) -> Result<(), BodyError> {
        match self.get(name) {
            Some(value) if !is_so => {
                let expected = format!(
                    "{most} tags at most, with names of 1 to {TAG_NAME} characters and values of up to {TAG_VALUE}, \
                     {TAGS_OCTETS} octets in all,"
                );
                Err(BodyError::unexpected(name, expected, value))
            }
            _ => Ok(()),
        }
    }

    fn shaped<T: serde::de::DeserializeOwned>(
        &self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, BodyError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        match T::deserialize(value) {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(BodyError::unexpected(name, expected, value)),
        }
    }
}

/// The vendor's limits on the tags of one thing.
const FREEFORM_TAGS: usize = 10;
const DEFINED_TAGS: usize = 64;
/// Characters of a name, also that of a namespace, and of a value.
const TAG_NAME: usize = 100;
const TAG_VALUE: usize = 256;
/// Octets of all of them, as JSON.
const TAGS_OCTETS: usize = 5 * 1_024;

fn is_short(name: &str, value: usize) -> bool {
    (1..=TAG_NAME).contains(&name.chars().count()) && value <= TAG_VALUE
}

fn in_json(value: &impl serde::Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |octets| octets.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tags_are_as_many_and_as_long_as_the_vendor_takes() {
        let check = |body: Value| {
            let members = Members::of(body.to_string().as_bytes()).unwrap();
            members.freeform_tags().is_ok() && members.defined_tags().is_ok()
        };
        let freeform = |count: usize, name: usize, value: usize| {
            let tag = |number: usize| {
                let name: String = format!("{number:\u{e4}<name$}")
                    .chars()
                    .take(name)
                    .collect();
                (name, json!("\u{e4}".repeat(value)))
            };
            let tags: Map<String, Value> = (0..count).map(tag).collect();
            check(json!({"freeformTags": tags}))
        };
        assert!(freeform(0, 1, 1) && freeform(10, 100, 100) && freeform(1, 100, 256));
        assert!(!freeform(11, 2, 1));
        assert!(!freeform(1, 101, 1));
        assert!(!freeform(1, 0, 1));
        assert!(!freeform(1, 1, 257));
        assert!(!freeform(10, 100, 256), "all of them are too much");
        let defined = |spaces: usize, count: usize, name: usize, value: Value| {
            let tag = |number: usize| (format!("{number:x<name$}"), value.clone());
            let tags: Map<String, Value> = (0..count).map(tag).collect();
            let spaces = (0..spaces).map(|number| (format!("s{number}"), json!(tags)));
            check(json!({"definedTags": spaces.collect::<Map<String, Value>>()}))
        };
        assert!(defined(2, 32, 10, json!("value")) && defined(1, 1, 1, json!(true)));
        assert!(!defined(1, 65, 10, json!("")));
        assert!(!defined(65, 0, 1, json!("")));
        assert!(!defined(1, 1, 101, json!("")));
        assert!(!defined(1, 1, 1, json!("x".repeat(257))));
        assert!(!defined(1, 1, 1, json!(["x".repeat(257)])));
    }
}
