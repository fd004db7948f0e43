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
    /// Blanks, control characters and letters outside ASCII are not taken as they are; of zones, the latter are with feature
    /// `idna`.
    #[error("{0:?} cannot stand in a name as it is: write international names in their xn-- form")]
    Character(char),
    /// With letters outside ASCII, but not as names may have them.
    #[error("this is no international name (UTS 46): it cannot be written in its xn-- form")]
    International,
    /// Not a domain name: a label that is empty or over 63 octets, a name over 255, or a broken escape.
    #[error(transparent)]
    Syntax(#[from] zonekit_wire::NameError),
}

macro_rules! domain_name {
    ($(#[$doc:meta])* $type:ident, $normalise:path) => {
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
                $normalise(text).map(|text| Self(text.into()))
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
    ///
    /// With feature `idna`, letters outside ASCII are taken too and become their `xn--` form ([UTS 46], as registries and
    /// browsers have it).
    ///
    /// [UTS 46]: https://www.unicode.org/reports/tr46/
    ZoneName, normalise_international
}

domain_name! {
    /// The name of a TSIG key, a domain name like any other ([RFC 8945 §4.2]).
    ///
    /// [RFC 8945 §4.2]: https://www.rfc-editor.org/rfc/rfc8945#section-4.2
    KeyName, normalise
}

/// The same for names that may be in other scripts.
fn normalise_international(text: &str) -> Result<String, NameError> {
    #[cfg(feature = "idna")]
    if !text.is_ascii() {
        return normalise(&international(text)?);
    }
    normalise(text)
}

/// A name with letters outside ASCII in its `xn--` form.
#[cfg(feature = "idna")]
fn international(text: &str) -> Result<std::borrow::Cow<'_, str>, NameError> {
    use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
    // Underscores and the like stand in zone names. What other characters may turn into must not be read as an escape.
    const NEVER: AsciiDenyList = AsciiDenyList::new(true, "\\\"");
    { Uts46::new().to_ascii(text.as_bytes(), NEVER, Hyphens::Allow, DnsLength::Ignore) }
        .map_err(|_| NameError::International)
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
        let key = "b\u{fc}cher.example".parse::<KeyName>();
        assert_eq!(key, Err(NameError::Character('\u{fc}')));
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

    #[test]
    #[cfg(not(feature = "idna"))]
    fn other_scripts_are_refused() {
        let refused = Err(NameError::Character('\u{fc}'));
        assert_eq!(check("b\u{fc}cher.example"), refused);
    }

    #[test]
    #[cfg(feature = "idna")]
    fn other_scripts_become_ascii() {
        for (text, name) in [
            ("B\u{dc}CHER.Example.", "xn--bcher-kva.example"),
            ("bu\u{308}cher.example", "xn--bcher-kva.example"), // the same letter, put together
            ("_dns.b\u{fc}cher.example", "_dns.xn--bcher-kva.example"),
            ("\u{4f8b}\u{3002}\u{6d4b}\u{8bd5}", "xn--fsq.xn--0zwm56d"), // with a full stop of its own
        ] {
            assert_eq!(check(text).as_deref(), Ok(name), "{text}");
        }
        for text in [
            "\u{fc}\\046example", // an escape has no place in such a name
            "\u{ff3c}.example",   // nor has what would become one
            "\u{200d}.example",
            "\u{fc} .example",
            "xn--a.b\u{fc}cher.example",
        ] {
            assert_eq!(check(text), Err(NameError::International), "{text:?}");
        }
        let long = "\u{fc}".repeat(64);
        assert!(matches!(check(&long), Err(NameError::Syntax(_))), "{long}");
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

        /// No text panics, and what is taken is ASCII and its own normal form.
        #[test]
        fn any_text_is_a_name_or_an_error(text in any::<String>()) {
            if let Ok(name) = text.parse::<ZoneName>() {
                prop_assert!(name.as_str().is_ascii());
                prop_assert_eq!(name.as_str().parse::<ZoneName>(), Ok(name.clone()));
            }
        }
    }
}
