//! What can be asked of a [`Registry`](crate::Registry), what it changes, and why it may be refused.

use std::sync::Arc;

use uuid::Uuid;

use crate::{
    CatalogMember, Contract, KeyDraft, KeyName, LabelsEdit, Primaries, PrimariesError, RetryToken,
    SecondaryZone, Timestamp, TsigKey, ZoneDraft, ZoneEdit, ZoneName,
};

/// Something asked of the registry. Ids are made by whoever asks, so that the judge needs no source of chance.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Command {
    /// Make a zone.
    CreateZone {
        /// Whose it will be.
        contract: Contract,
        /// A fresh id.
        id: Uuid,
        /// What it should be like.
        draft: ZoneDraft,
        /// Marks the request, so that it makes one zone however often it comes.
        retry: Option<RetryToken>,
    },
    /// Change the zone of that id, or make it under that id.
    EnsureZone {
        /// Whose it is or will be.
        contract: Contract,
        /// Its id, chosen by the client.
        id: Uuid,
        /// What it should be like.
        draft: ZoneDraft,
        /// What the zone must be like now; if anything is said, it must be there.
        expected: Expected,
    },
    /// Change some settings of a zone.
    ChangeZone {
        /// Whose it is.
        contract: Contract,
        /// Its id.
        id: Uuid,
        /// What to replace.
        edit: ZoneEdit,
        /// What the zone must be like now.
        expected: Expected,
    },
    /// Remove a zone.
    RemoveZone {
        /// Whose it is.
        contract: Contract,
        /// Its id.
        id: Uuid,
        /// What the zone must be like now.
        expected: Expected,
    },
    /// Make a key.
    CreateKey {
        /// Whose it will be.
        contract: Contract,
        /// A fresh id.
        id: Uuid,
        /// What it should be.
        draft: KeyDraft,
    },
    /// Change the labels of a key; its name, algorithm and secret never change.
    ChangeKey {
        /// Whose it is.
        contract: Contract,
        /// Its id.
        id: Uuid,
        /// What to replace.
        edit: LabelsEdit,
        /// What the key must be like now.
        expected: Expected,
    },
    /// Remove a key that no zone uses.
    RemoveKey {
        /// Whose it is.
        contract: Contract,
        /// Its id.
        id: Uuid,
        /// What the key must be like now.
        expected: Expected,
    },
    /// Make the declared zones and keys exactly these; what was declared before and is not among them goes.
    Declare {
        /// The zones of the configuration.
        zones: Vec<DeclaredZone>,
        /// The keys of the configuration.
        keys: Vec<DeclaredKey>,
    },
    /// Make the members of a catalog exactly these, as far as they are not somebody else's
    /// ([`Registry::clashes`](crate::Registry::clashes)).
    Follow {
        /// The catalog.
        catalog: ZoneName,
        /// What it names.
        zones: Vec<FollowedZone>,
    },
}

impl Command {
    /// Make a zone.
    pub fn create(contract: &Contract, id: Uuid, draft: ZoneDraft) -> Self {
        Self::CreateZone {
            contract: contract.clone(),
            id,
            draft,
            retry: None,
        }
    }

    /// Change a zone or make it, whatever it is like now.
    pub fn ensure(contract: &Contract, id: Uuid, draft: ZoneDraft) -> Self {
        Self::EnsureZone {
            contract: contract.clone(),
            id,
            draft,
            expected: Expected::default(),
        }
    }

    /// Remove a zone, whatever it is like now.
    pub fn remove(contract: &Contract, id: Uuid) -> Self {
        Self::RemoveZone {
            contract: contract.clone(),
            id,
            expected: Expected::default(),
        }
    }
}

/// What a command expects of what it changes, so that nobody overwrites what he has not seen. The default: nothing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Expected {
    /// At one of these generations.
    pub generations: Option<Vec<u64>>,
    /// Not changed after this moment, to the second.
    pub unmodified_since: Option<Timestamp>,
}

impl Expected {
    /// At this generation.
    pub fn at(generation: u64) -> Self {
        Self {
            generations: Some(vec![generation]),
            unmodified_since: None,
        }
    }

    /// Whether something of that generation, last changed then, is as expected.
    pub fn is_met(&self, generation: u64, modified: Timestamp) -> bool {
        let at_one = self.generations.as_ref();
        let since = self.unmodified_since;
        at_one.is_none_or(|expected| expected.contains(&generation))
            && since.is_none_or(|since| modified.as_seconds() <= since.as_seconds())
    }
}

/// A zone that the configuration declares.
#[derive(Clone, Debug)]
pub struct DeclaredZone {
    /// The contract that sees it, if one does.
    pub contract: Option<Contract>,
    /// The id to give it if it is new.
    pub id: Uuid,
    /// What it should be like.
    pub draft: ZoneDraft,
}

/// A zone that a catalog names.
#[derive(Clone, Debug)]
pub struct FollowedZone {
    /// The contract that sees it, if one does.
    pub contract: Option<Contract>,
    /// The id to give it if it is new.
    pub id: Uuid,
    /// What the catalog says of it.
    pub member: CatalogMember,
    /// The servers to take it from.
    pub primaries: Primaries,
}

/// A key that the configuration declares.
#[derive(Clone, Debug)]
pub struct DeclaredKey {
    /// The id to give it if it is new.
    pub id: Uuid,
    /// What it should be.
    pub draft: KeyDraft,
}

/// What a command changes: to be made durable as one, then applied.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes(Vec<Change>);

impl Changes {
    /// The changes, in the order in which they must be made.
    pub fn iter(&self) -> std::slice::Iter<'_, Change> {
        self.0.iter()
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The zone that the command was about, as it will be: of a removal, as it was.
    pub fn zone(&self) -> Option<&Arc<SecondaryZone>> {
        self.0.iter().find_map(|change| match change {
            Change::PutZone(zone) | Change::RemoveZone(zone) => Some(zone),
            Change::PutKey(_) | Change::RemoveKey(_) => None,
        })
    }

    /// The key that the command was about, as it will be: of a removal, as it was.
    pub fn key(&self) -> Option<&Arc<TsigKey>> {
        self.0.iter().find_map(|change| match change {
            Change::PutKey(key) | Change::RemoveKey(key) => Some(key),
            Change::PutZone(_) | Change::RemoveZone(_) => None,
        })
    }

    pub(crate) fn push(&mut self, change: Change) {
        self.0.push(change);
    }
}

impl IntoIterator for Changes {
    type Item = Change;
    type IntoIter = std::vec::IntoIter<Change>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl From<Change> for Changes {
    fn from(change: Change) -> Self {
        Self(vec![change])
    }
}

impl FromIterator<Change> for Changes {
    fn from_iter<I: IntoIterator<Item = Change>>(changes: I) -> Self {
        Self(changes.into_iter().collect())
    }
}

/// One thing that changes.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The zone is new, or takes the place of the one with its [`ZoneId`](crate::ZoneId).
    PutZone(Arc<SecondaryZone>),
    /// The zone goes.
    RemoveZone(Arc<SecondaryZone>),
    /// The key is new, or takes the place of the one with its name.
    PutKey(Arc<TsigKey>),
    /// The key goes.
    RemoveKey(Arc<TsigKey>),
}

/// Why a command is not carried out.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The contract has no zone of that id; another may.
    #[error("there is no such zone")]
    UnknownZone,
    /// The contract already has a zone of that id.
    #[error("a zone of that id exists")]
    IdTaken,
    /// The service has a zone of that name; whose it is is not told.
    #[error("the zone name {0} is already in use")]
    NameTaken(ZoneName),
    /// A zone keeps its name.
    #[error("zoneName: a zone keeps its name, {is}; it cannot become {wanted}")]
    NameFixed {
        /// The name that it has.
        is: ZoneName,
        /// The name that was asked for.
        wanted: ZoneName,
    },
    /// The configuration declares it; only there can it be changed.
    #[error("the service's configuration declares this: it cannot be changed here")]
    Declared,
    /// It was changed by someone else in between.
    #[error("it has been changed in between, or is not what was expected")]
    Changed,
    /// The retry token came before, with another request.
    #[error("the retry token was used for another request before")]
    TokenReused,
    /// The contract has as many zones as it may.
    #[error("the contract has {limit} secondary zones, as many as its quota allows")]
    TooManyZones {
        /// The limit.
        limit: u64,
    },
    /// The contract would have more records than it may.
    #[error("the contract would hold {wanted} records; its quota allows {limit}")]
    TooManyRecords {
        /// The limit.
        limit: u64,
        /// What it would have.
        wanted: u64,
    },
    /// The contract has as many TSIG keys as it may.
    #[error("the contract has {limit} TSIG keys, as many as its quota allows")]
    TooManyKeys {
        /// The limit.
        limit: u64,
    },
    /// The primaries together are not a list that a zone can have.
    #[error(transparent)]
    Primaries(#[from] PrimariesError),
    /// A primary names a key that the contract does not have; another may.
    #[error("there is no key named {0}")]
    UnknownKeyName(KeyName),
    /// A primary names a key by an id that the contract does not have; another may.
    #[error("externalMasters: there is no TSIG key of the id that the primary {0} is given with")]
    UnknownKeyId(std::net::IpAddr),
    /// The contract has no key of that id; another may.
    #[error("there is no such key")]
    UnknownKey,
    /// The service has a key of that name; whose it is is not told.
    #[error("the key name {0} is already in use")]
    KeyNameTaken(KeyName),
    /// Zones are signed with the key.
    #[error("the key {name} is used by {zones} zones")]
    KeyInUse {
        /// Its name.
        name: KeyName,
        /// How many zones use it.
        zones: usize,
    },
}
