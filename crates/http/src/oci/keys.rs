//! TSIG keys.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use zonekit_model::{
    Command, KeyDraft, KeyQuery, LabelsEdit, Refusal, TsigKey, Uuid,
    oci::{CompartmentChange, KeyCreate, KeyItem, KeySummary, KeyUpdate, Kind, Lifecycle, Ocid},
};

use super::{
    Shared,
    caller::{Caller, Surroundings, empty, is_private, key_id, limit, order, paged, within},
    conditions::{expected, fresh, key_tag, tagged},
};
use crate::{
    Service, ServiceError,
    answer::{Answer, Problem, json},
    audit::{self, Action},
    request::{Parameters, Query, WholeBody},
    router::App,
};

pub(super) async fn list<S: Service>(
    State(app): Shared<S>,
    caller: Caller,
    Parameters(parameters): Parameters,
) -> Answer {
    let selection = match key_query(&parameters, &caller)? {
        Some(query) => app.service.select_keys(&caller.contract, query).await?,
        None => Default::default(),
    };
    let surroundings = Surroundings::of(&app);
    let viewer = surroundings.viewer(&caller);
    let items: Vec<_> = { selection.items.iter() }
        .map(|key| KeySummary::new(key, viewer))
        .collect();
    let next = selection.next.map(|next| next.to_string());
    Ok(paged(json(StatusCode::OK, &items), next, selection.total))
}

pub(super) async fn create<S: Service>(
    State(app): Shared<S>,
    caller: Caller,
    WholeBody(body): WholeBody,
) -> Answer {
    let draft = KeyDraft::from(KeyCreate::parse(&body)?);
    let name = draft.name.clone();
    let command = Command::CreateKey {
        contract: caller.contract.clone(),
        id: Uuid::now_v7(),
        draft,
    };
    let result = command_key(&app, command).await;
    let id = result.as_ref().ok().map(|key| key.id);
    audit::write(
        &caller.contract,
        Action::CreateKey,
        id,
        Some(&name),
        &result,
    );
    let key = result?;
    let mut response = shown(&app, &caller, &key, StatusCode::CREATED);
    let ocid = ocid_of(&key);
    let location = format!("{}/20180115/tsigKeys/{ocid}", caller.base);
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

pub(super) async fn read<S: Service>(
    State(app): Shared<S>,
    caller: Caller,
    Path(text): Path<String>,
    Parameters(parameters): Parameters,
    headers: HeaderMap,
) -> Answer {
    let key = found(&app, &caller, &text, &parameters).await?;
    let answer = shown(&app, &caller, &key, StatusCode::OK);
    let changed = key.modified.unwrap_or(key.created);
    Ok(fresh(&headers, &key_tag(&key), Some(changed), answer))
}

pub(super) async fn change<S: Service>(
    State(app): Shared<S>,
    caller: Caller,
    Path(text): Path<String>,
    Parameters(parameters): Parameters,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Answer {
    let edit = LabelsEdit::from(KeyUpdate::parse(&body)?);
    let key = edited(
        &app,
        &caller,
        &text,
        &parameters,
        &headers,
        edit,
        Action::ChangeKey,
    )
    .await?;
    Ok(shown(&app, &caller, &key, StatusCode::OK))
}

pub(super) async fn relocate<S: Service>(
    State(app): Shared<S>,
    caller: Caller,
    Path(text): Path<String>,
    Parameters(parameters): Parameters,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Answer {
    let edit = LabelsEdit::from(CompartmentChange::parse(&body)?);
    let key = edited(
        &app,
        &caller,
        &text,
        &parameters,
        &headers,
        edit,
        Action::MoveKey,
    )
    .await?;
    Ok(tagged(empty(StatusCode::ACCEPTED), &key_tag(&key)))
}

pub(super) async fn remove<S: Service>(
    State(app): Shared<S>,
    caller: Caller,
    Path(text): Path<String>,
    Parameters(parameters): Parameters,
    headers: HeaderMap,
) -> Answer {
    let expected = expected(&headers)?;
    let key = found(&app, &caller, &text, &parameters).await?;
    let command = Command::RemoveKey {
        contract: caller.contract.clone(),
        id: key.id,
        expected,
    };
    let result = app.service.command(command).await;
    let id = Some(key.id);
    audit::write(
        &caller.contract,
        Action::RemoveKey,
        id,
        Some(&key.name),
        &result,
    );
    result?;
    let compartment = key.labels.compartment.clone();
    let compartment = compartment.unwrap_or_else(|| caller.tenancy.clone());
    Ok(app.oci.works.removed(&caller, ocid_of(&key), compartment))
}

async fn found<S: Service>(
    app: &App<S>,
    caller: &Caller,
    text: &str,
    parameters: &Query,
) -> Result<Arc<TsigKey>, Problem> {
    if is_private(parameters)? {
        return Err(ServiceError::from(Refusal::UnknownKey).into());
    }
    Ok(app.service.key(&caller.contract, key_id(text)).await?)
}

/// Has the labels of a key changed.
async fn edited<S: Service>(
    app: &App<S>,
    caller: &Caller,
    text: &str,
    parameters: &Query,
    headers: &HeaderMap,
    edit: LabelsEdit,
    action: Action,
) -> Result<Arc<TsigKey>, Problem> {
    let expected = expected(headers)?;
    let key = found(app, caller, text, parameters).await?;
    let command = Command::ChangeKey {
        contract: caller.contract.clone(),
        id: key.id,
        edit,
        expected,
    };
    let result = command_key(app, command).await;
    audit::write(
        &caller.contract,
        action,
        Some(key.id),
        Some(&key.name),
        &result,
    );
    Ok(result?)
}

async fn command_key<S: Service>(
    app: &App<S>,
    command: Command,
) -> Result<Arc<TsigKey>, ServiceError> {
    let about = app.service.command(command).await?.key;
    about.ok_or_else(|| ServiceError::Internal("a command about a key told of none".into()))
}

/// A key by itself, with what it looks like.
fn shown<S: Service>(app: &App<S>, caller: &Caller, key: &TsigKey, status: StatusCode) -> Response {
    let surroundings = Surroundings::of(app);
    let item = KeyItem::new(key, surroundings.viewer(caller));
    tagged(json(status, &item), &key_tag(key))
}

fn ocid_of(key: &TsigKey) -> Ocid {
    Ocid {
        kind: Kind::Key,
        id: key.id,
    }
}

/// The keys that are asked for; none where nothing there is can be meant.
fn key_query(query: &Query, caller: &Caller) -> Result<Option<KeyQuery>, Problem> {
    let (order, after) = order(query, &[])?;
    let asked = KeyQuery {
        within: Some(within(query, caller)?),
        id: query.value("id").map(key_id),
        name: query.value("name").map(Into::into),
        order,
        after,
        limit: limit(query)?,
    };
    let is_active = match query.value("lifecycleState").map(Lifecycle::from_word) {
        None | Some(Some(Lifecycle::Active)) => true,
        Some(Some(_)) => false,
        Some(None) => {
            let expected = "ACTIVE, CREATING, DELETED, DELETING, FAILED or UPDATING";
            return Err(query.unexpected("lifecycleState", expected));
        }
    };
    Ok((is_active && !is_private(query)?).then_some(asked))
}
