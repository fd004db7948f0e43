//! Zones.

use axum::{
    extract::Path,
    http::{StatusCode, header},
};
use zonekit_model::{
    Command, Timestamp, Uuid, ZoneDraft, ZoneEdit, ZoneQuery,
    oci::{
        CompartmentChange, Kind, Lifecycle, Ocid, Viewer, ZoneCreate, ZoneItem, ZoneSight,
        ZoneSummary, ZoneUpdate,
    },
};

use super::{
    call::{Call, Written},
    caller::{Caller, Surroundings, is_private, limit, order, paged, within},
    kept::Kept,
};
use crate::{
    Commanded, Service, ZoneView,
    answer::{Answer, Problem, json},
    audit::Action,
    conditions::{fresh, tagged, zone_tag},
    request::{Query, WholeBody},
};

pub(super) async fn list<S: Service>(call: Call<S>) -> Answer {
    let query = zone_query(&call.query, &call.caller)?;
    let selection = match query {
        Some(query) => {
            call.app
                .service
                .select(&call.caller.holder.contract, query)
                .await?
        }
        None => Default::default(),
    };
    let surroundings = Surroundings::of(&call.app);
    let viewer = surroundings.viewer(&call.caller);
    let items: Vec<_> = { selection.items.iter() }
        .map(|view| ZoneSummary::new(sight(view), viewer))
        .collect();
    let next = selection.next.map(|next| next.to_string());
    Ok(paged(json(StatusCode::OK, &items), next, selection.total))
}

pub(super) async fn create<S: Service>(call: Call<S>, WholeBody(body): WholeBody) -> Answer {
    let create = ZoneCreate::parse(&body)?;
    if is_private(&call.query)? {
        return Err(call.query.unexpected("scope", "GLOBAL"));
    }
    let retry = call.retry_token(&body)?;
    let name = create.name.clone();
    let command = Command::CreateZone {
        contract: call.caller.holder.contract.clone(),
        // Version 7: ids in the order of their making lie side by side in every index.
        id: Uuid::now_v7(),
        draft: ZoneDraft::from(create),
        retry,
    };
    let written = Written {
        action: Action::CreateZone,
        id: None,
        name: &name,
    };
    let (surroundings, caller) = (Surroundings::of(&call.app), call.caller.clone());
    let answer = move |done: &Commanded| {
        let view = done.zone.as_ref()?;
        let path = format!("{}/20180115/zones/{}", caller.base, ocid_of(view));
        let shown = shown(view, surroundings.viewer(&caller), StatusCode::CREATED);
        Some(shown.with(header::LOCATION, &path))
    };
    call.carry_out(command, written, Vec::new(), answer).await
}

pub(super) async fn read<S: Service>(call: Call<S>, Path(text): Path<String>) -> Answer {
    let view = call.zone(&text).await?;
    let surroundings = Surroundings::of(&call.app);
    let item = ZoneItem::new(sight(&view), surroundings.viewer(&call.caller));
    let answer = tagged(json(StatusCode::OK, &item), &zone_tag(&view));
    // When its content last changed is not known for as long as its settings are: only the tag tells.
    Ok(fresh(&call.headers, &zone_tag(&view), None, answer))
}

pub(super) async fn change<S: Service>(
    call: Call<S>,
    Path(text): Path<String>,
    WholeBody(body): WholeBody,
) -> Answer {
    let edit = ZoneEdit::from(ZoneUpdate::parse(&body)?);
    let (surroundings, caller) = (Surroundings::of(&call.app), call.caller.clone());
    let answer = move |view: &ZoneView| shown(view, surroundings.viewer(&caller), StatusCode::OK);
    edited(&call, &text, edit, Action::ChangeZone, answer).await
}

pub(super) async fn relocate<S: Service>(
    call: Call<S>,
    Path(text): Path<String>,
    WholeBody(body): WholeBody,
) -> Answer {
    let edit = ZoneEdit {
        labels: CompartmentChange::parse(&body)?.into(),
        ..ZoneEdit::default()
    };
    let answer =
        |view: &ZoneView| Kept::empty(StatusCode::ACCEPTED).with(header::ETAG, &zone_tag(view));
    let moving = edited(&call, &text, edit, Action::MoveZone, answer);
    call.once(&[b"zone ", text.as_bytes(), b" ", &body].concat(), moving)
        .await
}

pub(super) async fn remove<S: Service>(call: Call<S>, Path(text): Path<String>) -> Answer {
    let expected = call.expected()?;
    let view = call.zone(&text).await?;
    let command = Command::RemoveZone {
        contract: call.caller.holder.contract.clone(),
        id: view.zone.id,
        expected,
    };
    let written = Written {
        action: Action::RemoveZone,
        id: Some(view.zone.id),
        name: &view.zone.name,
    };
    let compartment = view.zone.labels.compartment.clone();
    { call.remove(command, written, ocid_of(&view), compartment) }.await
}

/// Has some settings of a zone changed.
async fn edited<S: Service>(
    call: &Call<S>,
    text: &str,
    edit: ZoneEdit,
    action: Action,
    answer: impl Fn(&ZoneView) -> Kept + Send + Sync + 'static,
) -> Answer {
    let expected = call.expected()?;
    let view = call.zone(text).await?;
    let command = Command::ChangeZone {
        contract: call.caller.holder.contract.clone(),
        id: view.zone.id,
        edit,
        expected,
    };
    let written = Written {
        action,
        id: Some(view.zone.id),
        name: &view.zone.name,
    };
    let answer = move |done: &Commanded| done.zone.as_ref().map(&answer);
    call.carry_out(command, written, Vec::new(), answer).await
}

/// A zone by itself after a write, with what it looks like.
fn shown(view: &ZoneView, viewer: Viewer<'_>, status: StatusCode) -> Kept {
    Kept::json(status, &ZoneItem::new(sight(view), viewer)).with(header::ETAG, &zone_tag(view))
}

fn sight(view: &ZoneView) -> ZoneSight<'_> {
    ZoneSight {
        zone: &view.zone,
        state: view.state,
        serial: view.serial,
        version: view.version,
        keys: &view.keys,
    }
}

fn ocid_of(view: &ZoneView) -> Ocid {
    Ocid {
        kind: Kind::Zone,
        id: view.zone.id,
    }
}

/// The zones that are asked for; none where nothing there is can be meant.
fn zone_query(query: &Query, caller: &Caller) -> Result<Option<ZoneQuery>, Problem> {
    let (order, after) = order(query, &["zoneType"])?;
    let moment = |name: &str| {
        let parse = |text: &str| {
            let moment = text.parse::<Timestamp>();
            moment.map_err(|_| query.unexpected(name, "a date and time of RFC 3339"))
        };
        query.value(name).map(parse).transpose()
    };
    let asked = ZoneQuery {
        within: Some(within(query, caller)?),
        name: query.value("name").map(Into::into),
        name_contains: query.value("nameContains").map(Into::into),
        created_from: moment("timeCreatedGreaterThanOrEqualTo")?,
        created_before: moment("timeCreatedLessThan")?,
        state: None,
        key: query.value("tsigKeyId").map(super::caller::key_id),
        order,
        after,
        limit: limit(query)?,
    };
    let one_of = |name: &str, meant: &str, not_meant: &[&str]| match query.value(name) {
        None => Ok(true),
        Some(word) if word == meant => Ok(true),
        Some(word) if not_meant.contains(&word) => Ok(false),
        Some(_) => Err(query.unexpected(name, meant)),
    };
    let can_be = one_of("zoneType", "SECONDARY", &["PRIMARY"])?
        & one_of("dnssecState", "DISABLED", &["ENABLED"])?
        & !is_private(query)?
        & query.value("viewId").is_none();
    let state = match query.value("lifecycleState") {
        None => return Ok(can_be.then_some(asked)),
        Some(word) => Lifecycle::from_word(word)
            .ok_or_else(|| {
                query.unexpected(
                    "lifecycleState",
                    "ACTIVE, CREATING, DELETED, DELETING, FAILED or UPDATING",
                )
            })?
            .to_state(),
    };
    Ok(state.filter(|_| can_be).map(|state| ZoneQuery {
        state: Some(state),
        ..asked
    }))
}
