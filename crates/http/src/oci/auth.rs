//! What stands before every route: whose request it is, and whether it came before.

use std::{sync::Arc, time::Instant};

use axum::{
    body::{Body, to_bytes},
    extract::{FromRequest, Request, State},
    http::{StatusCode, Uri, header, request::Parts},
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    caller::Caller,
    is_write,
    kept::{self, Kept, Write},
    now,
    replay::Claim,
    signature::{self, Signed},
};
use crate::{
    Service,
    answer::{Answer, Problem, to_the_end},
    audit::{Credential, Holder},
    request::WholeBody,
    router::App,
    serve::OverTls,
};

/// Lets a request pass if a key of a contract has signed it, and what it says and when; a write only once.
pub(super) async fn authenticate<S: Service>(
    State(app): State<Arc<App<S>>>,
    request: Request,
    next: Next,
) -> Answer {
    let (parts, body) = request.into_parts();
    let signed = signature::verify(&parts, &app.oci.keys, now()).map_err(nobody)?;
    let id = Credential::Key(Arc::clone(&signed.key.key_id));
    let holder = Holder::new(signed.key.contract.clone(), id);
    let (method, uri) = (parts.method.clone(), parts.uri.clone());
    let answer = once(app, signed, holder.clone(), parts, body, next).await;
    holder.answered(&method, &uri, &answer);
    answer
}

/// Answers a request that was signed; a write that came before as before.
async fn once<S: Service>(
    app: Arc<App<S>>,
    signed: Signed,
    holder: Holder,
    mut parts: Parts,
    body: Body,
    next: Next,
) -> Answer {
    let Signed {
        key,
        octets,
        digest,
    } = signed;
    let body = match digest {
        None => Bytes::new(), // not read by any route
        Some(digest) => {
            let whole = Request::from_parts(parts.clone(), body);
            let WholeBody(body) = WholeBody::from_request(whole, &app).await?;
            let found = Sha256::digest(&body);
            if !bool::from(found.as_slice().ct_eq(&digest)) {
                return Err(nobody("the body is not the one that was signed"));
            }
            body
        }
    };
    let scheme = match parts.extensions.get::<OverTls>() {
        Some(OverTls) => "https",
        None => "http",
    };
    let host = parts.headers.get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let digest = Sha256::digest(&octets).into();
    let caller = Caller {
        holder,
        tenancy: key.tenancy.clone(),
        base: Uri::builder()
            .scheme(scheme)
            .authority(host)
            .path_and_query("/")
            .build()
            .map_or_else(|_| String::new(), |_| format!("{scheme}://{host}")),
        signature: digest,
    };
    parts.extensions.insert(caller);
    let is_write = is_write(&parts.method);
    let request = Request::from_parts(parts, Body::from(body));
    if !is_write {
        return Ok(next.run(request).await);
    }

    let (replays, contract) = (&app.oci.replays, key.contract);
    let (claim, forgotten) = replays.claim(&contract, digest, Instant::now(), now());
    kept::forget(&*app.service, &contract, forgotten);
    match claim {
        Claim::First(ticket) => {
            let app = Arc::clone(&app);
            to_the_end(async move {
                let (response, kept) = keep(next.run(request).await).await?;
                if kept.may_come_again() {
                    app.oci.replays.release(&contract, &digest);
                }
                if kept.is_refusal() {
                    let (name, value) = Write {
                        contract,
                        digest,
                        at: now(),
                        answer: Some(kept.clone()),
                    }
                    .to_named();
                    app.service.keep(name, Some(value));
                }
                ticket.keep(kept);
                Ok(response)
            })
            .await
        }
        Claim::Again(mut answer) => {
            // The first may still be under way.
            let kept = match answer.wait_for(Option::is_some).await {
                Ok(kept) => kept.clone(),
                Err(_) => None,
            };
            match kept {
                Some(kept) => Ok(kept.told_by(&*app.service, &contract).await),
                None => Err(Problem::new(
                    StatusCode::CONFLICT,
                    "this very request was carried out before; its answer is not known any more",
                )),
            }
        }
        Claim::TooMany => Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too many writes in a short time",
        )),
    }
}

/// The same words for whatever is wrong, so that nobody learns which part of a forged request was right.
fn nobody(why: impl std::fmt::Display) -> Problem {
    tracing::debug!(%why, "a request of this face is nobody's");
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "the required information to complete authentication was not provided or was incorrect",
    )
}

/// An answer read whole, to give and to keep. Those to writes are short.
async fn keep(response: Response) -> Result<(Response, Kept), Problem> {
    let (head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX)
        .await
        .map_err(|error| Problem::internal(&error))?;
    let kept = Kept::of(&head, body.clone());
    Ok((Response::from_parts(head, Body::from(body)), kept))
}
