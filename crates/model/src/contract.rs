//! Whose a zone is.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

/// The name of a contract: the wall between tenants. 1 to 64 ASCII letters, digits, `.`, `_` or `-`; cheap to clone.
///
/// ```
/// use zonekit_model::Contract;
///
/// let contract: Contract = "customer-4711".parse()?;
/// assert_eq!(contract.as_str(), "customer-4711");
/// assert!("no spaces".parse::<Contract>().is_err());
/// # Ok::<(), zonekit_model::ContractError>(())
/// ```
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Contract(Arc<str>);

/// Why a text names no contract.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ContractError {
    /// Empty, or longer than 64 octets.
    #[error("a contract's name has 1 to 64 characters, not {0}")]
    Length(usize),
    /// A character outside letters, digits, `.`, `_` and `-`.
    #[error("{0:?} cannot stand in a contract's name: letters, digits, '.', '_' and '-' can")]
    Character(char),
}

impl Contract {
    /// The name as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Contract {
    type Err = ContractError;

    fn from_str(text: &str) -> Result<Self, ContractError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        match text.chars().find(|&c| !allowed(c)) {
            Some(odd) => Err(ContractError::Character(odd)),
            None if matches!(text.len(), 1..=64) => Ok(Self(text.into())),
            None => Err(ContractError::Length(text.len())),
        }
    }
}

impl TryFrom<String> for Contract {
    type Error = ContractError;

    fn try_from(text: String) -> Result<Self, ContractError> {
        text.parse()
    }
}

impl From<Contract> for String {
    fn from(contract: Contract) -> Self {
        contract.0.as_ref().into()
    }
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_short_names_are_contracts() {
        assert_eq!(
            "demo-1.x_y".parse::<Contract>().unwrap().as_str(),
            "demo-1.x_y"
        );
        assert_eq!("".parse::<Contract>(), Err(ContractError::Length(0)));
        assert_eq!(
            "a/b".parse::<Contract>(),
            Err(ContractError::Character('/'))
        );
        assert_eq!(
            "a".repeat(65).parse::<Contract>(),
            Err(ContractError::Length(65))
        );
    }
}
