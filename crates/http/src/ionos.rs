//! The face of IONOS Cloud DNS: its paths, its statuses, its words.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode, Uri, header},
    middleware,
    response::Response,
    routing::get,
};
use zonekit_model::{
    Uuid, ZoneDraft,
    ionos::{Collection, Place, QuotaAnswer, RecordItem, TransferStatus, ZoneItem, ZoneWrite},
};

use crate::{
    Service, TransferOrder, ZoneView,
    answer::{Answer, done, json, to_the_end},
    audit::Action,
    request::{Id, Query, Tenant, WholeBody, authenticate},
    router::App,
};

type Shared<S> = State<Arc<App<S>>>;

/// The routes, closed to whoever has no token.
pub(crate) fn routes<S: Service>(app: &Arc<App<S>>) -> Router<Arc<App<S>>> {
    Router::new()
        .route("/secondaryzones", get(list::<S>).post(create::<S>))
        .route(
            "/secondaryzones/{id}",
            get(read::<S>).put(ensure::<S>).delete(remove::<S>),
        )
        .route("/secondaryzones/{id}/records", get(records::<S>))
        .route(
            "/secondaryzones/{id}/axfr",
            get(transfer_status::<S>).put(transfer_now::<S>),
        )
        .route("/quota", get(quota::<S>))
        .route_layer(middleware::from_fn_with_state(
            Arc::clone(app),
            authenticate::<S>,
        ))
}

async fn list<S: Service>(State(app): Shared<S>, Tenant(holder): Tenant, uri: Uri) -> Answer {
    let parameters = Query::of(&uri)?;
    let (page, filter) = (parameters.page()?, parameters.filter()?);
    let zones = app.service.zones(&holder.contract, filter, page).await?;
    let filters = ["filter.state", "filter.zoneName"];
    let place = Place {
        path: "/secondaryzones",
        filters: filters
            .into_iter()
            .filter_map(|name| Some((name, parameters.value(name)?)))
            .collect(),
    };
    let nameservers = app.service.nameservers();
    let items = zones
        .items
        .iter()
        .map(|ZoneView { zone, state, .. }| ZoneItem::new(zone, *state, &nameservers))
        .collect();
    Ok(json(
        StatusCode::OK,
        &Collection::new(Uuid::new_v4(), &place, page, items, zones.total),
    ))
}

async fn create<S: Service>(
    State(app): Shared<S>,
    Tenant(holder): Tenant,
    WholeBody(body): WholeBody,
) -> Answer {
    let draft = ZoneDraft::from(ZoneWrite::parse(&body)?);
    to_the_end(async move {
        let name = draft.name.clone();
        let result = app.service.create(&holder.contract, draft).await;
        let id = result.as_ref().ok().map(|view| view.zone.id);
        holder.wrote(Action::CreateZone, id, Some(&name), &result);
        let mut response = accepted(&*app, &result?);
        if let Some(location) =
            id.and_then(|id| HeaderValue::try_from(format!("/secondaryzones/{id}")).ok())
        {
            response.headers_mut().insert(header::LOCATION, location);
        }
        Ok(response)
    })
    .await
}

async fn read<S: Service>(State(app): Shared<S>, Tenant(holder): Tenant, Id(id): Id) -> Answer {
    let ZoneView { zone, state, .. } = app.service.zone(&holder.contract, id).await?;
    Ok(json(
        StatusCode::OK,
        &ZoneItem::new(&zone, state, &app.service.nameservers()),
    ))
}

async fn ensure<S: Service>(
    State(app): Shared<S>,
    Tenant(holder): Tenant,
    Id(id): Id,
    WholeBody(body): WholeBody,
) -> Answer {
    let draft = ZoneDraft::from(ZoneWrite::parse(&body)?);
    to_the_end(async move {
        let name = draft.name.clone();
        let result = app.service.ensure(&holder.contract, id, draft).await;
        holder.wrote(Action::EnsureZone, Some(id), Some(&name), &result);
        Ok(accepted(&*app, &result?))
    })
    .await
}

async fn remove<S: Service>(State(app): Shared<S>, Tenant(holder): Tenant, Id(id): Id) -> Answer {
    to_the_end(async move {
        let result = app.service.remove(&holder.contract, id).await;
        holder.wrote(Action::RemoveZone, Some(id), None, &result);
        result?;
        Ok(done())
    })
    .await
}

async fn records<S: Service>(
    State(app): Shared<S>,
    Tenant(holder): Tenant,
    Id(id): Id,
    uri: Uri,
) -> Answer {
    let page = Query::of(&uri)?.page()?;
    let view = app.service.records(&holder.contract, id, page).await?;
    let path = format!("/secondaryzones/{id}/records");
    let place = Place {
        path: &path,
        filters: Vec::new(),
    };
    let items = view
        .page
        .items
        .iter()
        .map(|record| RecordItem::new(&view.zone, record))
        .collect();
    let mut answer = Collection::new(id, &place, page, items, view.page.total);
    answer.metadata = Some((&*view.zone).into());
    Ok(json(StatusCode::OK, &answer))
}

async fn transfer_status<S: Service>(
    State(app): Shared<S>,
    Tenant(holder): Tenant,
    Id(id): Id,
) -> Answer {
    let view = app.service.status(&holder.contract, id).await?;
    Ok(json(
        StatusCode::OK,
        &TransferStatus::new(&view.zone, &view.status),
    ))
}

async fn transfer_now<S: Service>(
    State(app): Shared<S>,
    Tenant(holder): Tenant,
    Id(id): Id,
) -> Answer {
    to_the_end(async move {
        let result = { &app.service }
            .transfer_now(&holder.contract, id, TransferOrder::default())
            .await;
        holder.wrote(Action::TransferNow, Some(id), None, &result);
        result?;
        Ok(done())
    })
    .await
}

async fn quota<S: Service>(State(app): Shared<S>, Tenant(holder): Tenant) -> Answer {
    Ok(json(
        StatusCode::OK,
        &QuotaAnswer::from(app.service.quota(&holder.contract).await?),
    ))
}

/// The answer to a write of a zone: taken on, and begun.
fn accepted<S: Service>(app: &App<S>, ZoneView { zone, state, .. }: &ZoneView) -> Response {
    json(
        StatusCode::ACCEPTED,
        &ZoneItem::new(zone, *state, &app.service.nameservers()),
    )
}
