//! What requests of this face carry: who asks, and what they all can say in their queries.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, request::Parts},
    response::Response,
};
use zonekit_model::{
    Compartment, Cursor, Order, OrderBy, Uuid, Within,
    oci::{Kind, Ocid, Viewer},
};

use crate::{Service, answer::Problem, audit::Holder, request::Query, router::App};

/// Who asks, and where.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) holder: Holder,
    /// The compartment at the root of what the contract has.
    pub(super) tenancy: Compartment,
    /// The beginning of the URL that was asked.
    pub(super) base: String,
    /// The digest of the signature of the request.
    pub(super) signature: [u8; 32],
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get().cloned();
        caller.ok_or_else(|| Problem::internal(&"a route was reached without a caller"))
    }
}

/// What the service tells of itself, to show things with.
pub(super) struct Surroundings {
    nameservers: Arc<[String]>,
    transfer_addresses: Arc<[IpAddr]>,
}

impl Surroundings {
    pub(super) fn of<S: Service>(app: &App<S>) -> Self {
        Self {
            nameservers: app.service.nameservers(),
            transfer_addresses: app.service.transfer_addresses(),
        }
    }

    pub(super) fn viewer<'a>(&'a self, caller: &'a Caller) -> Viewer<'a> {
        Viewer {
            root: &caller.tenancy,
            base: &caller.base,
            nameservers: &self.nameservers,
            transfer_addresses: &self.transfer_addresses,
        }
    }
}

/// The compartment that must be named in every list.
pub(super) fn compartment(query: &Query) -> Result<Compartment, Problem> {
    match query.value("compartmentId") {
        None => Err(Problem::bad_request(
            "compartmentId: an OCID was expected, but nothing is there",
        )
        .with_code("MissingParameter")),
        Some(text) => text
            .parse()
            .map_err(|_| query.unexpected("compartmentId", "an OCID")),
    }
}

/// What is in the compartment that is named.
pub(super) fn within(query: &Query, caller: &Caller) -> Result<Within, Problem> {
    let compartment = compartment(query)?;
    Ok(Within {
        is_root: compartment == caller.tenancy,
        compartment,
    })
}

/// Whether private zones are asked for, of which there are none.
pub(super) fn is_private(query: &Query) -> Result<bool, Problem> {
    match query.value("scope") {
        None | Some("GLOBAL") => Ok(false),
        Some("PRIVATE") => Ok(true),
        Some(_) => Err(query.unexpected("scope", "GLOBAL or PRIVATE")),
    }
}

/// The id of the key in a path.
pub(super) fn key_id(text: &str) -> Uuid {
    Ocid::id_of(Kind::Key, text).unwrap_or_default() // the id of no key, as it is of none of ours
}

/// How many items a page has: 100 if nothing is said.
pub(super) fn limit(query: &Query) -> Result<usize, Problem> {
    let Some(text) = query.value("limit") else {
        return Ok(100);
    };
    let is_plain = text.bytes().all(|octet| octet.is_ascii_digit());
    let limit = text.parse().ok().filter(|_| is_plain);
    limit
        .filter(|limit| (1..=1_000).contains(limit))
        .ok_or_else(|| query.unexpected("limit", "an integer from 1 to 1000"))
}

/// Whether the order is the other way round.
pub(super) fn is_descending(query: &Query) -> Result<bool, Problem> {
    match query.value("sortOrder") {
        None | Some("ASC") => Ok(false),
        Some("DESC") => Ok(true),
        Some(_) => Err(query.unexpected("sortOrder", "ASC or DESC")),
    }
}

/// The order of a list and the place where it goes on; words beside `name` and `timeCreated` are those of `more`.
pub(super) fn order(query: &Query, more: &[&str]) -> Result<(Order, Option<Cursor>), Problem> {
    let by = match query.value("sortBy") {
        None | Some("timeCreated") => OrderBy::Created,
        Some("name") => OrderBy::Name,
        Some(word) if more.contains(&word) => OrderBy::Created,
        Some(_) => return Err(query.unexpected("sortBy", "name or timeCreated")),
    };
    let order = Order {
        by,
        descending: is_descending(query)?,
    };
    let place = |text: &str| {
        let cursor = text
            .parse()
            .ok()
            .filter(|cursor: &Cursor| cursor.is_for(by));
        cursor.ok_or_else(|| query.unexpected("page", "what opc-next-page said"))
    };
    Ok((order, query.value("page").map(place).transpose()?))
}

/// The same answer with where the list goes on, if it does, and how long it is.
pub(super) fn paged(mut response: Response, next: Option<String>, total: u64) -> Response {
    let headers = response.headers_mut();
    headers.insert("opc-total-items", HeaderValue::from(total));
    if let Some(next) = next.and_then(|next| HeaderValue::try_from(next).ok()) {
        headers.insert("opc-next-page", next);
    }
    response
}
