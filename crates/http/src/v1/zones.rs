//! Zones and how they do.

use axum::http::{HeaderValue, StatusCode, header};

use super::{
    Call, Named,
    query::ZonesParameters,
    shape::{Error, History, Visit, Zone, Zones},
};
use crate::{
    Service, StatusView,
    answer::{Answer, Problem, json},
};

/// Many zones with their status.
///
/// Pages stay put whatever comes and goes between them: a zone that is there all the time is in exactly one of them.
#[utoipa::path(
    get,
    path = "/v1/zones",
    tag = "zones",
    operation_id = "listZones",
    params(ZonesParameters),
    responses(
        (status = 200, description = "A page of zones", body = Zones),
        (status = 400, description = "A parameter is not as it should be", body = Error),
        (status = 401, description = "No valid token", body = Error),
    )
)]
pub(super) async fn list<S: Service>(call: Call<S>) -> Answer {
    let query = call.query.survey()?;
    let found = call.app.service.survey(&call.contract, query).await?;
    Ok(json(
        StatusCode::OK,
        &Zones {
            items: found.items.iter().map(Zone::new).collect(),
            total: found.total,
            next: found.next.map(|place| place.to_string()),
        },
    ))
}

/// One zone with its status.
#[utoipa::path(
    get,
    path = "/v1/zones/{zone}",
    tag = "zones",
    operation_id = "readZone",
    params(("zone" = String, Path, description = "The id of the zone, or its name")),
    responses(
        (status = 200, description = "The zone", body = Zone,
            headers(("ETag" = String, description = "What its settings look like"))),
        (status = 401, description = "No valid token", body = Error),
        (status = 404, description = "There is no such zone", body = Error),
    )
)]
pub(super) async fn read<S: Service>(call: Call<S>, named: Named) -> Answer {
    let view = call.status(&named).await?;
    let zone = Zone::new(&view);
    let tag = HeaderValue::try_from(super::shape::etag(&view.zone)).ok();
    let mut response = json(StatusCode::OK, &zone);
    if let Some(tag) = tag {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

/// The last visits to the primaries of a zone, the newest first.
#[utoipa::path(
    get,
    path = "/v1/zones/{zone}/history",
    tag = "zones",
    operation_id = "readHistory",
    params(("zone" = String, Path, description = "The id of the zone, or its name")),
    responses(
        (status = 200, description = "The visits", body = History),
        (status = 401, description = "No valid token", body = Error),
        (status = 404, description = "There is no such zone", body = Error),
    )
)]
pub(super) async fn history<S: Service>(call: Call<S>, named: Named) -> Answer {
    let view = call.status(&named).await?;
    let items = view.status.history.iter().rev().map(Visit::from).collect();
    Ok(json(StatusCode::OK, &History { items }))
}

impl<S: Service> Call<S> {
    /// The zone that is meant with its status.
    pub(super) async fn status(&self, named: &Named) -> Result<StatusView, Problem> {
        let id = self.zone(named).await?.zone.id;
        Ok(self.app.service.status(&self.contract, id).await?)
    }
}
