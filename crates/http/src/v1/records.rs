//! What is in a zone, and what has changed in it.

use axum::http::{HeaderValue, StatusCode, header};
use zonekit_model::{ContentVersion, RecordQuery};

use super::{
    Call, Named,
    query::{DifferenceParameters, RecordsParameters},
    shape::{Error, Record, Records, Versions},
};
use crate::{
    Content, Service,
    answer::{Answer, Problem, json},
};

/// A page of the records of a zone, or of those that are searched for.
#[utoipa::path(
    get,
    path = "/v1/zones/{zone}/records",
    tag = "records",
    operation_id = "listRecords",
    params(
        ("zone" = String, Path, description = "The id of the zone, or its name"),
        RecordsParameters,
    ),
    responses(
        (status = 200, description = "A page of records", body = Records),
        (status = 404, description = "There is no such zone", body = Error),
        (status = 429, description = "There are as many searches under way as there may be", body = Error),
    )
)]
pub(super) async fn list<S: Service>(call: Call<S>, named: Named) -> Answer {
    let page = call.query.page()?;
    let query = call.wanted()?;
    let id = call.zone(&named).await?.zone.id;
    let found = { &call.app.service }
        .select_records(&call.holder.contract, id, query, page)
        .await?;
    Ok(json(
        StatusCode::OK,
        &Records {
            items: found.page.items.iter().map(Record::from).collect(),
            total: found.page.total,
            version: found.version.to_string(),
        },
    ))
}

/// The whole zone as a master file, streamed.
#[utoipa::path(
    get,
    path = "/v1/zones/{zone}/export",
    tag = "records",
    operation_id = "exportZone",
    params(("zone" = String, Path, description = "The id of the zone, or its name")),
    responses(
        (status = 200, description = "The zone; empty as long as nothing is held",
            content_type = "text/dns", body = String,
            headers(("ETag" = String, description = "Which version it is"))),
        (status = 404, description = "There is no such zone", body = Error),
        (status = 429, description = "The contract is taking as many exports as it may", body = Error),
    )
)]
pub(super) async fn export<S: Service>(call: Call<S>, named: Named) -> Answer {
    let id = call.zone(&named).await?.zone.id;
    let content = call.app.service.content(&call.holder.contract, id).await?;
    streamed(&call, "text/dns", content)
}

/// The versions of a zone that differences can be told between.
#[utoipa::path(
    get,
    path = "/v1/zones/{zone}/versions",
    tag = "records",
    operation_id = "listVersions",
    params(("zone" = String, Path, description = "The id of the zone, or its name")),
    responses(
        (status = 200, description = "Their serials", body = Versions),
        (status = 404, description = "There is no such zone", body = Error),
    )
)]
pub(super) async fn versions<S: Service>(call: Call<S>, named: Named) -> Answer {
    let id = call.zone(&named).await?.zone.id;
    let serials = call.app.service.serials(&call.holder.contract, id).await?;
    Ok(json(StatusCode::OK, &Versions { serials }))
}

/// What changed between two versions: a line for each record, `-` before those that went and `+` before those that came.
#[utoipa::path(
    get,
    path = "/v1/zones/{zone}/difference",
    tag = "records",
    operation_id = "readDifference",
    params(
        ("zone" = String, Path, description = "The id of the zone, or its name"),
        DifferenceParameters,
    ),
    responses(
        (status = 200, description = "The difference", content_type = "text/plain", body = String),
        (status = 404, description = "There is no such zone, or a version is not known any more", body = Error),
        (status = 429, description = "The contract is taking as many exports or differences as it may", body = Error),
    )
)]
pub(super) async fn difference<S: Service>(call: Call<S>, named: Named) -> Answer {
    let (from, to) = (call.query.serial("from")?, call.query.serial("to")?);
    let from = from.ok_or_else(|| {
        let expected = "the serial of the older version";
        Problem::bad_request(format!("from: {expected} was expected")).about("from", expected)
    })?;
    let id = call.zone(&named).await?.zone.id;
    let found = { &call.app.service }
        .difference(&call.holder.contract, id, from, to)
        .await?;
    let content = found.ok_or_else(|| {
        let message = "nothing is known of how one of these versions became the other";
        Problem::new(StatusCode::NOT_FOUND, message)
    })?;
    streamed(&call, "text/plain; charset=utf-8", content)
}

fn streamed<S: Service>(call: &Call<S>, content_type: &'static str, content: Content) -> Answer {
    let tag = HeaderValue::try_from(tag(content.version));
    let mut response = { &call.app }.export(&call.holder.contract, content_type, content)?;
    if let Ok(tag) = tag {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

fn tag(version: ContentVersion) -> String {
    format!("\"{version}\"")
}

impl<S> Call<S> {
    /// The records that are searched for.
    fn wanted(&self) -> Result<RecordQuery, Problem> {
        let owner = { self.query.value("name") }
            .map(|text| text.parse())
            .transpose()
            .map_err(|_| self.query.unexpected("name", "a domain name"))?;
        let rtype = { self.query.value("type") }
            .map(|text| text.to_ascii_uppercase().parse())
            .transpose()
            .map_err(|_| self.query.unexpected("type", "the type of a record"))?;
        Ok(RecordQuery {
            owner,
            owner_contains: self.query.value("contains").map(Into::into),
            contains: self.query.value("search").map(Into::into),
            rtype,
            ..RecordQuery::default()
        })
    }
}
