//! The face of Oracle Cloud Infrastructure's DNS API (version 20180115): its paths, its statuses, its words.

mod auth;
mod call;
mod caller;
mod kept;
mod keys;
mod records;
mod replay;
mod retries;
mod signature;
mod work;
mod zones;

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    http::Method,
    middleware,
    routing::{any, get, post},
};
use zonekit_model::{Timestamp, oci::TransferServer};

use self::{call::Call, replay::Replays, retries::Retries, work::Works};
use crate::{
    OciKeys, Service,
    answer::{Answer, json},
    router::App,
};

/// Where the paths of this face begin.
pub(crate) const ROOTS: [&str; 2] = ["/20180115", "/20160918"];

/// What this face keeps beside the service.
#[derive(Debug)]
pub(crate) struct Face {
    pub(crate) keys: OciKeys,
    replays: Replays,
    works: Works,
    retries: Retries,
}

impl Face {
    /// With what the service kept of it.
    pub(crate) fn new<S: Service>(keys: OciKeys, service: &S) -> Self {
        let kept = kept::read(service);
        Self {
            keys,
            replays: Replays::of(kept.writes, Instant::now(), now()),
            works: Works::of(kept.works),
            retries: Retries::default(),
        }
    }
}

/// The routes, closed to whoever has not signed.
pub(crate) fn routes<S: Service>(app: &Arc<App<S>>) -> Router<Arc<App<S>>> {
    let zones = "/20180115/zones";
    let one = format!("{zones}/{{zone}}");
    let keys = "/20180115/tsigKeys";
    let key = format!("{keys}/{{key}}");
    // Records come from the primaries: whoever wants to write them is told so.
    let records = |reading| {
        let writing = any(records::written::<S>);
        writing.merge(reading)
    };
    Router::new()
        .route(zones, get(zones::list::<S>).post(zones::create::<S>))
        .route(
            &one,
            get(zones::read::<S>)
                .put(zones::change::<S>)
                .delete(zones::remove::<S>),
        )
        .route(
            &format!("{one}/actions/changeCompartment"),
            post(zones::relocate::<S>),
        )
        .route(&format!("{one}/records"), records(get(records::all::<S>)))
        .route(
            &format!("{one}/records/{{domain}}"),
            records(get(records::of_domain::<S>)),
        )
        .route(
            &format!("{one}/records/{{domain}}/{{rtype}}"),
            records(get(records::of_set::<S>)),
        )
        .route(&format!("{one}/content"), get(records::content::<S>))
        .route(keys, get(keys::list::<S>).post(keys::create::<S>))
        .route(
            &key,
            get(keys::read::<S>)
                .put(keys::change::<S>)
                .delete(keys::remove::<S>),
        )
        .route(
            &format!("{key}/actions/changeCompartment"),
            post(keys::relocate::<S>),
        )
        .route("/20180115/zoneTransferServers", get(servers::<S>))
        .route("/20160918/workRequests/{id}", get(work::read::<S>))
        .route_layer(middleware::from_fn_with_state(
            Arc::clone(app),
            auth::authenticate::<S>,
        ))
}

async fn servers<S: Service>(call: Call<S>) -> Answer {
    caller::compartment(&call.query)?;
    if call.query.value("page").is_some() {
        return Err(call
            .query
            .unexpected("page", "nothing: there is one page only"));
    }
    let servers = match caller::is_private(&call.query)? {
        true => Vec::new(),
        false => TransferServer::all(&call.app.service.transfer_addresses()),
    };
    Ok(json(axum::http::StatusCode::OK, &servers))
}

/// Whether a request changes something.
fn is_write(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

fn now() -> Timestamp {
    std::time::SystemTime::now().into()
}
