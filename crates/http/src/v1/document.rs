//! The OpenAPI document, made from the routes' own descriptions.

use std::sync::LazyLock;

use axum::{http::StatusCode, response::Response};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use super::{records, service, zones};
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
        zones::history,
        records::list,
        records::export,
        records::versions,
        records::difference,
    ),
    security(("bearer" = [])),
    modifiers(&Bearer),
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

/// The document, made once.
static DOCUMENT: LazyLock<openapi::OpenApi> = LazyLock::new(Document::openapi);

pub(super) async fn read() -> Response {
    json(StatusCode::OK, &*DOCUMENT)
}
