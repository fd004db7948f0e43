//! Zones and how they do.

use axum::{http::StatusCode, response::Response};
use zonekit_model::{Command, Primary};

use super::{
    Call, Named, body,
    body::{TransferWrite, ZoneChange, ZoneCreate},
    located,
    query::ZonesParameters,
    shape::{Error, History, Visit, Zone, Zones, etag},
};
use crate::{
    Service, StatusView, TransferOrder, ZoneView,
    answer::{Answer, Problem, empty, json, to_the_end},
    audit::Action,
    conditions::tagged,
    request::WholeBody,
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
    )
)]
pub(super) async fn list<S: Service>(call: Call<S>) -> Answer {
    let query = call.query.survey()?;
    let found = call
        .app
        .service
        .survey(&call.holder.contract, query)
        .await?;
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
        (status = 404, description = "There is no such zone", body = Error),
    )
)]
pub(super) async fn read<S: Service>(call: Call<S>, named: Named) -> Answer {
    let view = call.status(&named).await?;
    Ok(shown(StatusCode::OK, &view))
}

/// Makes a zone and begins to transfer it.
#[utoipa::path(
    post,
    path = "/v1/zones",
    tag = "zones",
    operation_id = "createZone",
    request_body = ZoneCreate,
    responses(
        (status = 201, description = "The zone", body = Zone,
            headers(("Location" = String, description = "Its path"), ("ETag" = String, description = "What its settings look like"))),
        (status = 403, description = "The quota is used up", body = Error),
        (status = 409, description = "The name is in use", body = Error),
    )
)]
pub(super) async fn create<S: Service>(call: Call<S>, WholeBody(body): WholeBody) -> Answer {
    let draft = body::zone_draft(&body)?;
    to_the_end(async move {
        let name = draft.name.clone();
        let result = call.app.service.create(&call.holder.contract, draft).await;
        let id = result.as_ref().ok().map(|view| view.zone.id);
        call.holder
            .wrote(Action::CreateZone, id, Some(&name), &result);
        let view = call.status_of(result?).await?;
        let path = format!("/v1/zones/{}", view.zone.id);
        Ok(located(shown(StatusCode::CREATED, &view), path))
    })
    .await
}

/// Changes some settings of a zone; others stay as they are. New primaries are visited at once.
#[utoipa::path(
    patch,
    path = "/v1/zones/{zone}",
    tag = "zones",
    operation_id = "changeZone",
    params(
        ("zone" = String, Path, description = "The id of the zone, or its name"),
        ("If-Match" = Option<String>, Header, description = "What its settings must look like: its ETag"),
    ),
    request_body = ZoneChange,
    responses(
        (status = 200, description = "The zone as it is now", body = Zone,
            headers(("ETag" = String, description = "What its settings look like"))),
        (status = 404, description = "There is no such zone", body = Error),
        (status = 409, description = "The configuration declares it", body = Error),
        (status = 412, description = "It is not what was expected", body = Error),
    )
)]
pub(super) async fn change<S: Service>(
    call: Call<S>,
    named: Named,
    WholeBody(body): WholeBody,
) -> Answer {
    let edit = body::zone_edit(&body)?;
    let expected = call.expected()?;
    let view = call.zone(&named).await?;
    to_the_end(async move {
        let (id, name) = (view.zone.id, &view.zone.name);
        let command = Command::ChangeZone {
            contract: call.holder.contract.clone(),
            id,
            edit,
            expected,
        };
        let done = { call.carry_out(command, Action::ChangeZone, Some(id), name) }.await?;
        let zone = done.zone;
        let zone = zone.ok_or_else(|| Problem::internal(&"a command about a zone told of none"))?;
        Ok(shown(StatusCode::OK, &call.status_of(zone).await?))
    })
    .await
}

/// Removes a zone.
#[utoipa::path(
    delete,
    path = "/v1/zones/{zone}",
    tag = "zones",
    operation_id = "removeZone",
    params(
        ("zone" = String, Path, description = "The id of the zone, or its name"),
        ("If-Match" = Option<String>, Header, description = "What its settings must look like: its ETag"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is no such zone", body = Error),
        (status = 409, description = "The configuration declares it", body = Error),
        (status = 412, description = "It is not what was expected", body = Error),
    )
)]
pub(super) async fn remove<S: Service>(call: Call<S>, named: Named) -> Answer {
    let expected = call.expected()?;
    let view = call.zone(&named).await?;
    to_the_end(async move {
        let (id, name) = (view.zone.id, &view.zone.name);
        let command = Command::RemoveZone {
            contract: call.holder.contract.clone(),
            id,
            expected,
        };
        { call.carry_out(command, Action::RemoveZone, Some(id), name) }.await?;
        Ok(empty(StatusCode::NO_CONTENT))
    })
    .await
}

/// Has the primaries of a zone visited at once, or one of them; the status tells what comes of it.
#[utoipa::path(
    post,
    path = "/v1/zones/{zone}/transfer",
    tag = "zones",
    operation_id = "transferZone",
    params(("zone" = String, Path, description = "The id of the zone, or its name")),
    request_body = Option<TransferWrite>,
    responses(
        (status = 202, description = "It is ordered", body = Zone),
        (status = 404, description = "There is no such zone", body = Error),
        (status = 412, description = "Its primaries were changed in between", body = Error),
    )
)]
pub(super) async fn transfer<S: Service>(
    call: Call<S>,
    named: Named,
    WholeBody(body): WholeBody,
) -> Answer {
    let wanted = body::transfer(&body)?;
    let zone = call.zone(&named).await?.zone;
    let primary = match wanted.primary {
        None => None,
        Some((address, port)) => {
            let is_meant = |primary: &&Primary| {
                primary.address == address && (port.is_none() || primary.port == port)
            };
            // The default port is not known here: a port that no primary was given with may be that.
            let by_port = zone.primaries.iter().find(is_meant);
            let found = by_port.or_else(|| {
                let is_at = |primary: &&Primary| primary.address == address;
                zone.primaries
                    .iter()
                    .find(|primary| is_at(primary) && primary.port.is_none())
            });
            let expected = "the address of a primary of the zone, with its port if it has one";
            let found = found.ok_or_else(|| {
                Problem::bad_request(format!("primary: {expected} was expected"))
                    .about("primary", expected)
            });
            Some(found?.clone())
        }
    };
    to_the_end(async move {
        let order = TransferOrder {
            whole: wanted.whole,
            primary,
        };
        let (id, name) = (zone.id, &zone.name);
        let result = call
            .app
            .service
            .transfer_now(&call.holder.contract, id, order)
            .await;
        call.holder
            .wrote(Action::TransferNow, Some(id), Some(name), &result);
        result?;
        let view = call.app.service.status(&call.holder.contract, id).await?;
        Ok(json(StatusCode::ACCEPTED, &Zone::new(&view)))
    })
    .await
}

/// A zone, with what its settings look like.
fn shown(status: StatusCode, view: &StatusView) -> Response {
    tagged(json(status, &Zone::new(view)), &etag(&view.zone))
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
        self.status_of(self.zone(named).await?).await
    }

    async fn status_of(&self, view: ZoneView) -> Result<StatusView, Problem> {
        let id = view.zone.id;
        Ok(self.app.service.status(&self.holder.contract, id).await?)
    }
}
