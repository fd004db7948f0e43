//! Whether zones are delegated as they are to be.

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use zonekit_model::{ServerAnswer, ServerSaid, ZoneName};

use super::{
    Call, Named,
    shape::{Error, Failure, Moment},
    words::Verdict,
};
use crate::{
    Service,
    answer::{Answer, json},
};

/// Whether a zone is delegated to the service's name servers.
#[derive(Serialize, ToSchema)]
struct Delegation {
    verdict: Verdict,
    /// When it was asked.
    at: Moment,
    /// The name servers that it is to be delegated to, without final dots.
    #[schema(example = json!(["ns1.example.net"]))]
    wanted: Vec<String>,
    /// What each server said that was asked.
    answers: Vec<DelegationAnswer>,
    /// What the zone itself says at its apex, as its primaries gave it; null while nothing is held.
    apex: Option<NameServers>,
}

/// What one server said of a delegation.
#[derive(Serialize, ToSchema)]
struct DelegationAnswer {
    #[schema(example = "192.0.2.53:53")]
    server: String,
    said: Said,
    /// The name servers that it named, if it named any.
    #[serde(flatten)]
    servers: NameServers,
    /// Why it said nothing of use, if it is so.
    error: Option<Failure>,
}

/// How a server knows of a delegation.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Said {
    /// It refers to these name servers, as a server of the parent zone does: the delegation itself.
    Referral,
    /// It has found these name servers, as a resolver does; the zone's own servers have the last word in that.
    Answer,
    /// There is no such delegation.
    Nothing,
    /// It did not answer, or not to the question.
    Error,
}

/// An NS set.
#[derive(Serialize, ToSchema)]
struct NameServers {
    /// Its name servers, without final dots.
    nameservers: Vec<String>,
    /// Those that are wanted and not among them.
    missing: Vec<String>,
}

/// Asks the servers that the configuration names for that whether a zone is delegated to the service's name servers, and
/// holds what they say against the zone's own NS records.
///
/// Nobody else is asked. A server of the parent zone tells the delegation itself; a resolver tells what it has found.
#[utoipa::path(
    post,
    path = "/v1/zones/{zone}/delegation",
    tag = "zones",
    operation_id = "checkDelegation",
    params(("zone" = String, Path, description = "The id of the zone, or its name")),
    responses(
        (status = 200, description = "What was found", body = Delegation),
        (status = 404, description = "There is no such zone", body = Error),
        (status = 409, description = "The configuration names nobody to ask, or no name servers", body = Error),
        (status = 429, description = "The contract has had as many checks as it may for now", body = Error),
    )
)]
pub(super) async fn check<S: Service>(call: Call<S>, named: Named) -> Answer {
    let id = call.zone(&named).await?.zone.id;
    let found = call
        .app
        .service
        .delegation(&call.holder.contract, id)
        .await?;
    let set = |servers: &[ZoneName]| NameServers {
        nameservers: servers.iter().map(ToString::to_string).collect(),
        missing: { found.missing(servers).into_iter() }
            .map(ToString::to_string)
            .collect(),
    };
    let answer = |ServerAnswer { server, said }: &ServerAnswer| DelegationAnswer {
        server: server.to_string(),
        servers: set(said.as_ref().map_or(&[], ServerSaid::servers)),
        said: match said {
            Ok(ServerSaid::Referral(_)) => Said::Referral,
            Ok(ServerSaid::Answer(_)) => Said::Answer,
            Ok(ServerSaid::Nothing) => Said::Nothing,
            Err(_) => Said::Error,
        },
        error: said.as_ref().err().map(Into::into),
    };
    Ok(json(
        StatusCode::OK,
        &Delegation {
            verdict: found.verdict().into(),
            at: found.at.into(),
            wanted: found.wanted.iter().map(ToString::to_string).collect(),
            answers: found.answers.iter().map(answer).collect(),
            apex: found.apex.as_ref().map(|apex| set(apex.as_slice())),
        },
    ))
}
