//! A part of a list.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use crate::{SecondaryZone, Timestamp, Within, ZoneState};

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PageRequest {
    /// How many to pass over.
    pub offset: u64,
    /// How many to give at most.
    pub limit: u32,
}

impl PageRequest {
    /// Everything there is.
    pub const ALL: Self = Self {
        offset: 0,
        limit: u32::MAX,
    };
}

/// Part of a list, and how long the whole is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page<T> {
    /// The part asked for; shorter than the limit only at the end of the list.
    pub items: Vec<T>,
    /// How many there are in all, from the beginning of the list.
    pub total: u64,
}

impl<T> Page<T> {
    /// The same page of something made from each item.
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(each).collect(),
            total: self.total,
        }
    }
}

/// Which zones are asked for; the default is all.
///
/// ```
/// use zonekit_model::{Contract, PageRequest, Registry, ZoneFilter, ZoneState};
///
/// let registry = Registry::default();
/// let contract: Contract = "demo".parse()?;
/// let filter = ZoneFilter { name: Some("example".to_owned()), ..ZoneFilter::default() };
/// let page = registry.list(&contract, &filter, PageRequest { offset: 0, limit: 10 }, |_| ZoneState::Available);
/// assert_eq!((page.items.len(), page.total), (0, 0)); // there is none yet
/// # Ok::<(), zonekit_model::ContractError>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ZoneFilter {
    /// Zones whose name contains this, in any letter case. A zone named exactly this comes first.
    pub name: Option<String>,
    /// Zones in this state.
    pub state: Option<ZoneState>,
}

/// Which zones are asked for, in which order, from where on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ZoneQuery {
    /// Those in a compartment; none: in any.
    pub within: Option<Within>,
    /// The one whose name is written exactly so.
    pub name: Option<String>,
    /// Those whose name contains this, in any letter case.
    pub name_contains: Option<String>,
    /// Those made at this moment or later.
    pub created_from: Option<Timestamp>,
    /// Those made before this moment.
    pub created_before: Option<Timestamp>,
    /// Those in this state.
    pub state: Option<ZoneState>,
    /// Those with a primary that is asked with the key of this id.
    pub key: Option<Uuid>,
    /// In which order.
    pub order: Order,
    /// Those behind this place only.
    pub after: Option<Cursor>,
    /// How many to give at most.
    pub limit: usize,
}

impl ZoneQuery {
    /// All zones, in that order, from there on.
    pub fn all(order: Order, after: Option<Cursor>, limit: usize) -> Self {
        Self {
            within: None,
            name: None,
            name_contains: None,
            created_from: None,
            created_before: None,
            state: None,
            key: None,
            order,
            after,
            limit,
        }
    }
}

/// Which keys are asked for, in which order, from where on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyQuery {
    /// Those in a compartment; none: in any.
    pub within: Option<Within>,
    /// The one of this id.
    pub id: Option<Uuid>,
    /// The one whose name is written exactly so.
    pub name: Option<String>,
    /// In which order.
    pub order: Order,
    /// Those behind this place only.
    pub after: Option<Cursor>,
    /// How many to give at most.
    pub limit: usize,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Order {
    /// By what.
    pub by: OrderBy,
    /// The other way round.
    pub descending: bool,
}

impl Order {
    /// The place of a zone in a list that is ordered so.
    pub fn place(self, zone: &SecondaryZone) -> Cursor {
        match self.by {
            OrderBy::Created => Cursor::Created(zone.created, zone.id),
            OrderBy::Name => Cursor::Name(zone.name.as_str().into()),
        }
    }
}

/// What a list is ordered by.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OrderBy {
    /// The moment of making; the id where it is the same.
    #[default]
    Created,
    /// The name, as text.
    Name,
}

/// A place in a list that stays where it is whatever comes and goes around it: that of an item by which it is ordered.
///
/// As text it is fit for a query; what it says is nobody's business but ours.
///
/// ```
/// # use zonekit_model::Cursor;
/// let cursor: Cursor = "n.example.org".parse()?;
/// assert_eq!(cursor.to_string(), "n.example.org");
/// assert!("elsewhere".parse::<Cursor>().is_err());
/// # Ok::<(), zonekit_model::CursorError>(())
/// ```
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Cursor {
    /// In a list by the moment of making.
    Created(Timestamp, Uuid),
    /// In a list by name.
    Name(Box<str>),
}

/// A text is not a place in a list that we gave.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("this is no place in a list")]
pub struct CursorError;

impl Cursor {
    /// The moment and the id, in a list by the moment of making.
    pub fn created(&self) -> Option<(Timestamp, Uuid)> {
        match self {
            Self::Created(at, id) => Some((*at, *id)),
            Self::Name(_) => None,
        }
    }

    /// Whether it is a place in a list that is ordered so.
    pub fn is_for(&self, by: OrderBy) -> bool {
        matches!(
            (self, by),
            (Self::Created(..), OrderBy::Created) | (Self::Name(_), OrderBy::Name)
        )
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created(at, id) => write!(f, "c.{}.{}", at.0, id.simple()),
            Self::Name(name) => write!(f, "n.{name}"),
        }
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        match text.split_once('.').ok_or(CursorError)? {
            ("c", rest) => {
                let (at, id) = rest.split_once('.').ok_or(CursorError)?;
                let at = at.parse().map_err(|_| CursorError)?;
                let id = Uuid::try_parse(id).map_err(|_| CursorError)?;
                Ok(Self::Created(Timestamp(at), id))
            }
            ("n", name) => Ok(Self::Name(name.into())),
            _ => Err(CursorError),
        }
    }
}

/// Part of a list, how long the whole is, and where to go on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Selection<T> {
    /// The part.
    pub items: Vec<T>,
    /// How many there are in all, those in front included.
    pub total: u64,
    /// Where the next part begins, if there is one.
    pub next: Option<Cursor>,
}

impl<T> Selection<T> {
    /// The same part of something made from each item.
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Selection<U> {
        Selection {
            items: self.items.into_iter().map(each).collect(),
            total: self.total,
            next: self.next,
        }
    }
}

impl<T> Default for Selection<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            total: 0,
            next: None,
        }
    }
}
