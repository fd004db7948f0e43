//! TSIG keys.

use std::sync::Arc;

use axum::{
    extract::Path,
    http::{StatusCode, header},
};
use zonekit_model::{
    Command, KeyDraft, KeyQuery, LabelsEdit, Refusal, TsigKey, Uuid,
    oci::{
        CompartmentChange, KeyCreate, KeyItem, KeySummary, KeyUpdate, Kind, Lifecycle, Ocid, Viewer,
    },
};

use super::{
    call::{Call, Written},
    caller::{Caller, Surroundings, is_private, key_id, limit, order, paged, within},
    kept::Kept,
};
use crate::{
    Commanded, Service, ServiceError,
    answer::{Answer, Problem, json},
    audit::Action,
    conditions::{fresh, key_tag, tagged},
    request::{Query, WholeBody},
};

pub(super) async fn list<S: Service>(call: Call<S>) -> Answer {
    let selection = match key_query(&call.query, &call.caller)? {
        Some(query) => {
            call.app
                .service
                .select_keys(&call.caller.holder.contract, query)
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
        contract: call.caller.holder.contract.clone(),
        id: Uuid::now_v7(),
        draft,
    };
    let written = Written {
        action: Action::CreateKey,
        id: None,
        name: &name,
    };
    let (surroundings, caller) = (Surroundings::of(&call.app), call.caller.clone());
    let answer = move |done: &Commanded| {
        let key = done.key.as_ref()?;
        let path = format!("{}/20180115/tsigKeys/{}", caller.base, ocid_of(key));
        let shown = shown(key, surroundings.viewer(&caller), StatusCode::CREATED);
        Some(shown.with(header::LOCATION, &path))
    };
    call.carry_out(command, written, Vec::new(), answer).await
}

pub(super) async fn read<S: Service>(call: Call<S>, Path(text): Path<String>) -> Answer {
    let key = found(&call, &text).await?;
    let surroundings = Surroundings::of(&call.app);
    let item = KeyItem::new(&key, surroundings.viewer(&call.caller));
    let answer = tagged(json(StatusCode::OK, &item), &key_tag(&key));
    let changed = key.modified.unwrap_or(key.created);
    Ok(fresh(&call.headers, &key_tag(&key), Some(changed), answer))
}

pub(super) async fn change<S: Service>(
    call: Call<S>,
    Path(text): Path<String>,
    WholeBody(body): WholeBody,
) -> Answer {
    let edit = LabelsEdit::from(KeyUpdate::parse(&body)?);
    let (surroundings, caller) = (Surroundings::of(&call.app), call.caller.clone());
    let answer = move |key: &TsigKey| shown(key, surroundings.viewer(&caller), StatusCode::OK);
    edited(&call, &text, edit, Action::ChangeKey, answer).await
}

pub(super) async fn relocate<S: Service>(
    call: Call<S>,
    Path(text): Path<String>,
    WholeBody(body): WholeBody,
) -> Answer {
    let edit = LabelsEdit::from(CompartmentChange::parse(&body)?);
    let answer =
        |key: &TsigKey| Kept::empty(StatusCode::ACCEPTED).with(header::ETAG, &key_tag(key));
    let moving = edited(&call, &text, edit, Action::MoveKey, answer);
    call.once(&[b"key ", text.as_bytes(), b" ", &body].concat(), moving)
        .await
}

pub(super) async fn remove<S: Service>(call: Call<S>, Path(text): Path<String>) -> Answer {
    let expected = call.expected()?;
    let key = found(&call, &text).await?;
    let command = Command::RemoveKey {
        contract: call.caller.holder.contract.clone(),
        id: key.id,
        expected,
    };
    let written = Written {
        action: Action::RemoveKey,
        id: Some(key.id),
        name: &key.name,
    };
    let compartment = key.labels.compartment.clone();
    { call.remove(command, written, ocid_of(&key), compartment) }.await
}

async fn found<S: Service>(call: &Call<S>, text: &str) -> Result<Arc<TsigKey>, Problem> {
    if is_private(&call.query)? {
        return Err(ServiceError::from(Refusal::UnknownKey).into());
    }
    Ok(call
        .app
        .service
        .key(&call.caller.holder.contract, key_id(text))
        .await?)
}

/// Has the labels of a key changed.
async fn edited<S: Service>(
    call: &Call<S>,
    text: &str,
    edit: LabelsEdit,
    action: Action,
    answer: impl Fn(&TsigKey) -> Kept + Send + Sync + 'static,
) -> Answer {
    let expected = call.expected()?;
    let key = found(call, text).await?;
    let command = Command::ChangeKey {
        contract: call.caller.holder.contract.clone(),
        id: key.id,
        edit,
        expected,
    };
    let written = Written {
        action,
        id: Some(key.id),
        name: &key.name,
    };
    let answer = move |done: &Commanded| done.key.as_deref().map(&answer);
    call.carry_out(command, written, Vec::new(), answer).await
}

/// A key by itself after a write, with what it looks like.
fn shown(key: &TsigKey, viewer: Viewer<'_>, status: StatusCode) -> Kept {
    let summary = KeySummary::new(key, viewer);
    Kept::of_key(status, key, &summary).with(header::ETAG, &key_tag(key))
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
