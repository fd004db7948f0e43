//! TSIG keys.

use std::sync::Arc;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use axum::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use zonekit_model::{
    Command, KeyDraft, KeyQuery, Labels, Order, OrderBy, Refusal, Secret, TsigKey, Uuid,
};

use super::{
    Call, Named, body,
    body::KeyCreate,
    located,
    query::PageParameters,
    shape::{Error, Key, Keys, NewKey},
    uuid,
};
use crate::{
    Service, ServiceError,
    answer::{Answer, Problem, empty, json, to_the_end},
    audit::Action,
    conditions::{key_tag, tagged},
    request::WholeBody,
};

/// The keys of the contract, without their secrets.
#[utoipa::path(
    get,
    path = "/v1/keys",
    tag = "keys",
    operation_id = "listKeys",
    params(PageParameters),
    responses((status = 200, description = "A page of keys, by name", body = Keys)),
)]
pub(super) async fn list<S: Service>(call: Call<S>) -> Answer {
    let order = Order {
        by: OrderBy::Name,
        descending: false,
    };
    let query = KeyQuery {
        within: None,
        id: None,
        name: None,
        order,
        after: call.query.after(order)?,
        limit: usize::try_from(call.query.page()?.limit).unwrap_or(usize::MAX),
    };
    let found = call
        .app
        .service
        .select_keys(&call.holder.contract, query)
        .await?;
    Ok(json(
        StatusCode::OK,
        &Keys {
            items: found.items.iter().map(|key| Key::from(&**key)).collect(),
            total: found.total,
            next: found.next.map(|place| place.to_string()),
        },
    ))
}

/// Makes a key. If no secret is given the service makes one, and tells it in this answer and never again.
#[utoipa::path(
    post,
    path = "/v1/keys",
    tag = "keys",
    operation_id = "createKey",
    request_body = KeyCreate,
    responses(
        (status = 201, description = "The key", body = NewKey,
            headers(("Location" = String, description = "Its path"), ("ETag" = String, description = "What it looks like"))),
        (status = 403, description = "The quota is used up", body = Error),
        (status = 409, description = "The name is in use", body = Error),
    )
)]
pub(super) async fn create<S: Service>(call: Call<S>, WholeBody(body): WholeBody) -> Answer {
    let wanted = body::key(&body)?;
    let made = match &wanted.secret {
        Some(_) => None,
        None => Some(random(wanted.algorithm.hash_len())?),
    };
    let Some(secret) = wanted.secret.or_else(|| made.clone()) else {
        return Err(Problem::internal(&"a key without a secret"));
    };
    let draft = KeyDraft {
        name: wanted.name,
        algorithm: wanted.algorithm,
        secret,
        labels: Labels::default(),
    };
    to_the_end(async move {
        let name = draft.name.clone();
        let command = Command::CreateKey {
            contract: call.holder.contract.clone(),
            id: Uuid::now_v7(),
            draft,
        };
        let done = { call.carry_out(command, Action::CreateKey, None, &name) }.await?;
        let key = done
            .key
            .ok_or_else(|| Problem::internal(&"a command about a key told of none"))?;
        let body = NewKey {
            key: Key::from(&*key),
            secret: made.map(|secret| STANDARD.encode(secret.octets())),
        };
        let response = tagged(json(StatusCode::CREATED, &body), &key_tag(&key));
        Ok(located(response, format!("/v1/keys/{}", key.id)))
    })
    .await
}

/// One key, without its secret.
#[utoipa::path(
    get,
    path = "/v1/keys/{key}",
    tag = "keys",
    operation_id = "readKey",
    params(("key" = String, Path, description = "The id of the key, or its name")),
    responses(
        (status = 200, description = "The key", body = Key,
            headers(("ETag" = String, description = "What it looks like"))),
        (status = 404, description = "There is no such key", body = Error),
    )
)]
pub(super) async fn read<S: Service>(call: Call<S>, named: Named) -> Answer {
    let key = call.key(&named).await?;
    Ok(tagged(
        json(StatusCode::OK, &Key::from(&*key)),
        &key_tag(&key),
    ))
}

/// Removes a key that no zone uses.
#[utoipa::path(
    delete,
    path = "/v1/keys/{key}",
    tag = "keys",
    operation_id = "removeKey",
    params(
        ("key" = String, Path, description = "The id of the key, or its name"),
        ("If-Match" = Option<String>, Header, description = "What it must look like: its ETag"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is no such key", body = Error),
        (status = 409, description = "Zones use it", body = Error),
        (status = 412, description = "It is not what was expected", body = Error),
    )
)]
pub(super) async fn remove<S: Service>(call: Call<S>, named: Named) -> Answer {
    let expected = call.expected()?;
    let key = call.key(&named).await?;
    to_the_end(async move {
        let command = Command::RemoveKey {
            contract: call.holder.contract.clone(),
            id: key.id,
            expected,
        };
        { call.carry_out(command, Action::RemoveKey, Some(key.id), &key.name) }.await?;
        Ok(empty(StatusCode::NO_CONTENT))
    })
    .await
}

/// As many octets of chance as the algorithm has use for (RFC 2104, section 3).
fn random(octets: usize) -> Result<Secret, Problem> {
    let mut secret = vec![0; octets];
    let drawn = SystemRandom::new().fill(&mut secret);
    drawn.map_err(|_| Problem::internal(&"the system gives no random octets"))?;
    Secret::new(secret).map_err(|error| Problem::internal(&error))
}

impl<S: Service> Call<S> {
    /// The key that is meant: by its id, or else by its name.
    async fn key(&self, Named(text): &Named) -> Result<Arc<TsigKey>, Problem> {
        let unknown = || Problem::from(ServiceError::from(Refusal::UnknownKey));
        let service = &self.app.service;
        if let Some(id) = uuid(text) {
            return Ok(service.key(&self.holder.contract, id).await?);
        }
        let name: zonekit_model::KeyName = text.parse().map_err(|_| unknown())?;
        let query = KeyQuery {
            within: None,
            id: None,
            name: Some(name.to_string()),
            order: Order::default(),
            after: None,
            limit: 1,
        };
        let found = service.select_keys(&self.holder.contract, query).await?;
        found.items.into_iter().next().ok_or_else(unknown)
    }
}
