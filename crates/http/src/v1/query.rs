//! Parameters, as the routes of this face read them.

use utoipa::IntoParams;
use zonekit_model::{Cursor, Order, OrderBy, SurveyQuery, Trouble};

use crate::{
    answer::Problem,
    request::{Query, digits},
};

/// Which zones.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code)] // for the document: what is read below
pub(super) struct ZonesParameters {
    /// Zones whose name contains this, in any letter case.
    contains: Option<String>,
    /// Zones in this compartment: its OCID.
    compartment: Option<String>,
    /// Zones in any of these troubles, separated by commas: `failing`, `primary_failing`, `stale`, `expiring`, `expired`,
    /// `never_loaded`, `behind`.
    #[param(example = "failing,behind")]
    trouble: Option<String>,
    /// Seconds before its expiry from which on a zone is `expiring`; a day if not given. Given without `expiring` among the
    /// troubles, it adds that.
    #[param(maximum = 4_294_967_295_u64)]
    expiring_within: Option<u64>,
    /// `created`, the default: the oldest first; or `name`.
    order: Option<String>,
    /// What the page before said as `next`.
    after: Option<String>,
    /// How many zones at most; 100 if not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Which part of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // for the document: what is read below
pub(super) struct PageParameters {
    /// What the page before said as `next`.
    after: Option<String>,
    /// How many at most; 100 if not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Which records.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code)] // for the document: what is read in records.rs
pub(super) struct RecordsParameters {
    /// Records of this owner.
    name: Option<String>,
    /// Records whose owner contains this, in any letter case.
    contains: Option<String>,
    /// Records whose owner or data contains this, in any letter case.
    search: Option<String>,
    /// Records of this type.
    #[param(example = "MX")]
    r#type: Option<String>,
    /// How many to pass over.
    #[param(maximum = 18_446_744_073_709_551_615_u64)]
    offset: Option<u64>,
    /// How many records at most; 100 if not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Between which versions.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code)] // for the document: what is read in records.rs
pub(super) struct DifferenceParameters {
    /// The serial of the older version.
    from: u32,
    /// The serial of the newer version; that of the one held if not given.
    to: Option<u32>,
}

impl Query {
    /// The zones asked for.
    pub(super) fn survey(&self) -> Result<SurveyQuery, Problem> {
        let order = Order {
            by: match self.value("order") {
                None | Some("created") => OrderBy::Created,
                Some("name") => OrderBy::Name,
                Some(_) => return Err(self.unexpected("order", "created or name")),
            },
            descending: false,
        };
        let mut troubles = Vec::new();
        for word in self
            .value("trouble")
            .into_iter()
            .flat_map(|words| words.split(','))
        {
            let trouble = word.parse().map_err(|_| {
                let words: Vec<_> = Trouble::ALL
                    .iter()
                    .map(|trouble| trouble.as_str())
                    .collect();
                self.unexpected("trouble", &format!("some of {}", words.join(", ")))
            })?;
            troubles.push(trouble);
        }
        let within = self.number("expiringWithin", u64::from(u32::MAX))?;
        if within.is_some() && !troubles.contains(&Trouble::Expiring) {
            troubles.push(Trouble::Expiring);
        }
        let defaults = SurveyQuery::default();
        Ok(SurveyQuery {
            name_contains: self.value("contains").map(Into::into),
            compartment: { self.value("compartment") }
                .map(str::parse)
                .transpose()
                .map_err(|_| self.unexpected("compartment", "an OCID"))?,
            troubles,
            horizon: within.map_or(defaults.horizon, |seconds| seconds * 1_000),
            order,
            after: self.after(order)?,
            limit: usize::try_from(self.page()?.limit).unwrap_or(defaults.limit),
        })
    }

    /// The place behind which a page begins.
    pub(super) fn after(&self, order: Order) -> Result<Option<Cursor>, Problem> {
        let Some(text) = self.value("after") else {
            return Ok(None);
        };
        let cursor = text.parse().ok();
        match cursor.filter(|cursor: &Cursor| cursor.is_for(order.by)) {
            Some(cursor) => Ok(Some(cursor)),
            None => Err(self.unexpected("after", "what the page before said as next")),
        }
    }

    /// A serial, if one is given.
    pub(super) fn serial(&self, name: &str) -> Result<Option<u32>, Problem> {
        let number = self.number(name, u32::MAX.into())?;
        Ok(number.and_then(|number| u32::try_from(number).ok()))
    }

    fn number(&self, name: &str, most: u64) -> Result<Option<u64>, Problem> {
        let Some(text) = self.value(name) else {
            return Ok(None);
        };
        let number = digits(text).filter(|number| *number <= most);
        match number {
            Some(number) => Ok(Some(number)),
            None => Err(self.unexpected(name, &format!("an integer from 0 to {most}"))),
        }
    }
}
