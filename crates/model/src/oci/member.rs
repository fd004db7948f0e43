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
        self.shaped("freeformTags", "an object of texts")
    }

    pub(super) fn defined_tags(&self) -> Result<Option<DefinedTags>, BodyError> {
        self.shaped("definedTags", "an object of objects")
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
