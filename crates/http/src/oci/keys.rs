//! TSIG keys.

use std::sync::Arc;

use axum::{
    extract::Path,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use zonekit_model::{
    Command, KeyDraft, KeyQuery, LabelsEdit, Refusal, TsigKey, Uuid,
    oci::{CompartmentChange, KeyCreate, KeyItem, KeySummary, KeyUpdate, Kind, Lifecycle, Ocid},
};

use super::{
    call::Call,
    caller::{Caller, Surroundings, is_private, key_id, limit, order, paged, within},
};
use crate::{
    Service, ServiceError,
    answer::{Answer, Problem, empty, json},
    audit::{self, Action},
    conditions::{fresh, key_tag, tagged},
    request::{Query, WholeBody},
    router::App,
};

pub(super) async fn list<S: Service>(call: Call<S>) -> Answer {
    let selection = match key_query(&call.query, &call.caller)? {
        Some(query) => {
            call.app
                .service
                .select_keys(&call.caller.contract, query)
                .await?
        }
        None => Default::default(),
    };
    let surroundings = Surroundings::of(&call.app);
    let viewer = surroundings.viewer(&call.caller);
    let items: Vec<_> = { selection.items.iter() }
        .map(|key| KeySummary::new(key, viewer))
        .collect();
    let next = selection.next.map(|next| next.to_string());
    Ok(paged(json(StatusCode::OK, &items), next, selection.total))
}

pub(super) async fn create<S: Service>(call: Call<S>, WholeBody(body): WholeBody) -> Answer {
    let draft = KeyDraft::from(KeyCreate::parse(&body)?);
    let name = draft.name.clone();
    let command = Command::CreateKey {
        contract: call.caller.contract.clone(),
        id: Uuid::now_v7(),
        draft,
    };
    let result = command_key(&call.app, command).await;
    let id = result.as_ref().ok().map(|key| key.id);
    audit::write(
        &call.caller.contract,
        Action::CreateKey,
        id,
        Some(&name),
        &result,
    );
    let key = result?;
    let mut response = shown(&call, &key, StatusCode::CREATED);
    let ocid = ocid_of(&key);
    let location = format!("{}/20180115/tsigKeys/{ocid}", call.caller.base);
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

pub(super) async fn read<S: Service>(call: Call<S>, Path(text): Path<String>) -> Answer {
    let key = found(&call, &text).await?;
    let answer = shown(&call, &key, StatusCode::OK);
    let changed = key.modified.unwrap_or(key.created);
    Ok(fresh(&call.headers, &key_tag(&key), Some(changed), answer))
}

pub(super) async fn change<S: Service>(
    call: Call<S>,
    Path(text): Path<String>,
    WholeBody(body): WholeBody,
) -> Answer {
    let edit = LabelsEdit::from(KeyUpdate::parse(&body)?);
    let key = edited(&call, &text, edit, Action::ChangeKey).await?;
    Ok(shown(&call, &key, StatusCode::OK))
}

pub(super) async fn relocate<S: Service>(
    call: Call<S>,
    Path(text): Path<String>,
    WholeBody(body): WholeBody,
) -> Answer {
    let edit = LabelsEdit::from(CompartmentChange::parse(&body)?);
    let key = edited(&call, &text, edit, Action::MoveKey).await?;
    Ok(tagged(empty(StatusCode::ACCEPTED), &key_tag(&key)))
}

pub(super) async fn remove<S: Service>(call: Call<S>, Path(text): Path<String>) -> Answer {
    let expected = call.expected()?;
    let key = found(&call, &text).await?;
    let command = Command::RemoveKey {
        contract: call.caller.contract.clone(),
        id: key.id,
        expected,
    };
    let result = call.app.service.command(command).await;
    let id = Some(key.id);
    audit::write(
        &call.caller.contract,
        Action::RemoveKey,
        id,
        Some(&key.name),
        &result,
    );
    result?;
    let compartment = key.labels.compartment.clone();
    let compartment = compartment.unwrap_or_else(|| call.caller.tenancy.clone());
    Ok(call
        .app
        .oci
        .works
        .removed(&call.caller, ocid_of(&key), compartment))
}

async fn found<S: Service>(call: &Call<S>, text: &str) -> Result<Arc<TsigKey>, Problem> {
    if is_private(&call.query)? {
        return Err(ServiceError::from(Refusal::UnknownKey).into());
    }
    Ok(call
        .app
        .service
        .key(&call.caller.contract, key_id(text))
        .await?)
}

/// Has the labels of a key changed.
async fn edited<S: Service>(
    call: &Call<S>,
    text: &str,
    edit: LabelsEdit,
    action: Action,
) -> Result<Arc<TsigKey>, Problem> {
    let expected = call.expected()?;
    let key = found(call, text).await?;
    let command = Command::ChangeKey {
        contract: call.caller.contract.clone(),
        id: key.id,
        edit,
        expected,
    };
    let result = command_key(&call.app, command).await;
    audit::write(
        &call.caller.contract,
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
fn shown<S: Service>(call: &Call<S>, key: &TsigKey, status: StatusCode) -> Response {
    let surroundings = Surroundings::of(&call.app);
    let item = KeyItem::new(key, surroundings.viewer(&call.caller));
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
