//! The OpenAPI document, made from the routes' own descriptions.

use std::sync::LazyLock;

use axum::{http::StatusCode, response::Response};
use utoipa::{
    Modify, OpenApi, ToSchema,
    openapi::{
        self, Content, Ref, ResponseBuilder,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use super::{Error, delegation, events, keys, records, service, zones};
use crate::answer::json;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Zonekit",
        description = "Secondary DNS zones: how they do, what is in them, and where they come from. Whatever belongs to \
            another contract behaves as if it were not there. Every answer has an x-request-id, by which the log of the \
            service knows the request."
    ),
    paths(
        service::read,
        zones::list,
        zones::read,
        zones::create,
        zones::change,
        zones::remove,
        zones::transfer,
        zones::history,
        delegation::check,
        records::list,
        records::export,
        records::versions,
        records::difference,
        events::stream,
        keys::list,
        keys::create,
        keys::read,
        keys::remove,
    ),
    security(("bearer" = [])),
    modifiers(&Bearer, &Everywhere),
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", scheme);
    }
}

/// What any request may be answered, whatever it asks for.
struct Everywhere;

impl Modify for Everywhere {
    fn modify(&self, document: &mut openapi::OpenApi) {
        for path in document.paths.paths.values_mut() {
            let bare = [&mut path.get, &mut path.delete];
            for operation in bare.into_iter().flatten() {
                add(operation, &ALWAYS);
            }
            let with_body = [&mut path.post, &mut path.patch];
            for operation in with_body.into_iter().flatten() {
                add(operation, &ALWAYS);
                add(operation, &WITH_BODY);
            }
        }
    }
}

const ALWAYS: [(&str, &str); 4] = [
    (
        "400",
        "Something is not as it should be: which member or parameter, and what was expected",
    ),
    ("401", "No valid token"),
    ("503", "Not now; the same request may succeed later"),
    (
        "504",
        "It took too long; what was asked for may still happen",
    ),
];
const WITH_BODY: [(&str, &str); 2] = [
    ("408", "The body did not arrive in time"),
    ("413", "The body is too large"),
];

fn add(operation: &mut openapi::path::Operation, answers: &[(&str, &str)]) {
    for (status, description) in answers {
        let content = Content::new(Some(Ref::from_schema_name(Error::name())));
        let response = ResponseBuilder::new()
            .description(*description)
            .content("application/json", content);
        let responses = &mut operation.responses.responses;
        { responses.entry((*status).to_owned()) }.or_insert_with(|| response.build().into());
    }
}

/// The document, made once.
static DOCUMENT: LazyLock<openapi::OpenApi> = LazyLock::new(Document::openapi);

pub(super) async fn read() -> Response {
    json(StatusCode::OK, &*DOCUMENT)
}
