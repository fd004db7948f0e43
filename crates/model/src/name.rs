//! Names of zones and of keys, as text that compares the way DNS names do.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use zonekit_wire::NameBuf;

/// Why a text is not a domain name that a zone or key can have.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing was given. The root is written `.`.
    #[error("a name cannot be empty")]
    Empty,
    /// Blanks, control characters and letters outside ASCII are not taken as they are.
    #[error("{0:?} cannot stand in a name as it is: write international names in their xn-- form")]
    Character(char),
    /// Not a domain name: a label that is empty or over 63 octets, a name over 255, or a broken escape.
    #[error(transparent)]
    Syntax(#[from] zonekit_wire::NameError),
}

macro_rules! domain_name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(Arc<str>);

        impl $type {
            /// Lower case, without the final dot; the root is `.`.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The name as DNS software handles it.
            pub fn to_name(&self) -> NameBuf {
                // What `normalise` made reads back; the root stands for a text that no constructor lets through.
                self.0.parse().unwrap_or_default()
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                normalise(text).map(|text| Self(text.into()))
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<zonekit_wire::Name<'_>> for $type {
            fn from(name: zonekit_wire::Name<'_>) -> Self {
                Self(plain(name.to_buf()).into())
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0.as_ref().into()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

domain_name! {
    /// The name of a zone. Two names that DNS holds equal are equal here: letter case and the final dot are gone.
    ///
    /// ```
    /// # use zonekit_model::ZoneName;
    /// let name: ZoneName = "Example.ORG.".parse()?;
    /// assert_eq!(name.as_str(), "example.org");
    /// assert_eq!(name, "example.org".parse()?);
    /// assert_eq!(".".parse::<ZoneName>()?.as_str(), ".");
    /// # Ok::<(), zonekit_model::NameError>(())
    /// ```
    ZoneName
}

domain_name! {
    /// The name of a TSIG key, a domain name like any other ([RFC 8945 §4.2]).
    ///
    /// [RFC 8945 §4.2]: https://www.rfc-editor.org/rfc/rfc8945#section-4.2
    KeyName
}

/// The one text for all texts of the same name.
fn normalise(text: &str) -> Result<String, NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if let Some(odd) = text.chars().find(|c| !c.is_ascii_graphic()) {
        return Err(NameError::Character(odd));
    }
    Ok(plain(text.parse()?))
}

fn plain(name: NameBuf) -> String {
    let mut text = name.to_lowercase().to_string();
    if text.len() > 1 {
        text.pop(); // the final dot: an absolute name's text always ends in one
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str) -> Result<String, NameError> {
        text.parse::<ZoneName>().map(String::from)
    }

    #[test]
    fn case_and_final_dot_do_not_count() {
        assert_eq!(check("WWW.Example.Org.").unwrap(), "www.example.org");
        assert_eq!(
            check("0/25.2.0.192.in-addr.arpa").unwrap(),
            "0/25.2.0.192.in-addr.arpa"
        );
        assert_eq!(check("_tcp.example").unwrap(), "_tcp.example");
        assert_eq!(check(".").unwrap(), ".");
    }

    #[test]
    fn an_escaped_dot_at_the_end_is_not_the_final_dot() {
        assert_eq!(check(r"example.a\.").unwrap(), r"example.a\.");
        assert_eq!(check(r"example.a\046.").unwrap(), r"example.a\.");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        assert_eq!(check(""), Err(NameError::Empty));
        assert_eq!(check("exa mple.org"), Err(NameError::Character(' ')));
        assert_eq!(
            check("b\u{fc}cher.example"),
            Err(NameError::Character('\u{fc}'))
        );
        for text in ["a..b", ".a", "..", "a\\"] {
            assert!(matches!(check(text), Err(NameError::Syntax(_))), "{text}");
        }
        assert!(check(&"a".repeat(63)).is_ok());
        assert!(check(&"a".repeat(64)).is_err());
        assert!(check(&vec!["a".repeat(63); 3].join(".")).is_ok());
        assert!(
            check(
                &[
                    "a".repeat(63),
                    "a".repeat(63),
                    "a".repeat(63),
                    "a".repeat(62)
                ]
                .join(".")
            )
            .is_err()
        );
    }

    proptest! {
        /// What is accepted reads back as itself, and is the same name to DNS software.
        #[test]
        fn an_accepted_name_is_its_own_normal_form(text in r"[a-zA-Z0-9_*\\./-]{0,30}") {
            if let Ok(name) = text.parse::<ZoneName>() {
                prop_assert_eq!(name.as_str().parse::<ZoneName>(), Ok(name.clone()));
                prop_assert_eq!(name.to_name(), text.parse::<NameBuf>().unwrap());
                prop_assert_eq!(ZoneName::from(name.to_name().as_name()), name);
            }
        }

        /// No text panics.
        #[test]
        fn any_text_is_a_name_or_an_error(text in any::<String>()) {
            let _ = text.parse::<ZoneName>();
        }
    }
}
