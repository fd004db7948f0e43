//! The console: one page for people, over our own face of the API.
//!
//! | path | what |
//! |---|---|
//! | `/console` | the page |
//! | `/console/{file}` | its style and its modules |
//!
//! Plain HTML, CSS and ES modules, part of the binary, as they stand beside this file; packed for whoever takes that. They hold no data: whoever opens the
//! page gives a token, with which the browser asks `/v1` as any other client does. The policy that goes with the files has
//! the browser run nothing else, load nothing from elsewhere, make no markup of text, and show the page in no frame.

use std::io::{self, Write};
use std::sync::LazyLock;

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

/// The routes, open to everybody.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let page = Router::new()
        .route("/console", get(|request: HeaderMap| PAGE.answer(request)))
        .route("/console/", get(async || Redirect::permanent("../console")));
    FILES.iter().fold(page, |router, file| {
        let path = format!("/console/{}", file.name);
        router.route(&path, get(|request: HeaderMap| file.answer(request)))
    })
}

/// A file of the page.
struct File {
    name: &'static str,
    content_type: &'static str,
    text: &'static str,
    tag: LazyLock<String>,
    /// The text in gzip, if it could be packed.
    packed: LazyLock<Option<Bytes>>,
}

macro_rules! file {
    ($name:literal, $content_type:expr) => {
        File {
            name: $name,
            content_type: $content_type,
            text: include_str!($name),
            tag: LazyLock::new(|| tag(include_str!($name))),
            packed: LazyLock::new(|| packed(include_str!($name)).ok()),
        }
    };
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

static PAGE: File = file!("index.html", "text/html; charset=utf-8");

static FILES: [File; 15] = [
    file!("style.css", "text/css; charset=utf-8"),
    file!("icon.svg", "image/svg+xml"),
    file!("main.js", SCRIPT),
    file!("api.js", SCRIPT),
    file!("dom.js", SCRIPT),
    file!("words.js", SCRIPT),
    file!("zones.js", SCRIPT),
    file!("zone.js", SCRIPT),
    file!("plot.js", SCRIPT),
    file!("records.js", SCRIPT),
    file!("versions.js", SCRIPT),
    file!("form.js", SCRIPT),
    file!("keys.js", SCRIPT),
    file!("aside.js", SCRIPT),
    file!("names.js", SCRIPT),
];

/// A browser keeps the files, but asks each time whether they are still these: a new release is seen at once.
const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (header::CACHE_CONTROL, "no-cache"),
    (header::VARY, "accept-encoding"),
];

impl File {
    async fn answer(&'static self, request: HeaderMap) -> Response {
        let known = request.get(header::IF_NONE_MATCH);
        let mut response = if known.is_some_and(|tag| tag.as_bytes() == self.tag.as_bytes()) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let packed = takes_gzip(&request).then(|| self.packed.clone()).flatten();
            let mut response = match packed {
                None => Bytes::from_static(self.text.as_bytes()).into_response(),
                Some(packed) => {
                    let mut response = packed.into_response();
                    let gzip = HeaderValue::from_static("gzip");
                    { response.headers_mut() }.insert(header::CONTENT_ENCODING, gzip);
                    response
                }
            };
            let content_type = HeaderValue::from_static(self.content_type);
            { response.headers_mut() }.insert(header::CONTENT_TYPE, content_type);
            response
        };
        let headers = response.headers_mut();
        for (name, value) in HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Ok(tag) = HeaderValue::from_str(&self.tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }
}

fn tag(text: &str) -> String {
    let digest = Sha256::digest(text);
    let hex = digest.iter().take(8).map(|octet| format!("{octet:02x}"));
    // Weak: the same of a text, packed or not.
    format!("W/\"{}\"", hex.collect::<String>())
}

fn packed(text: &str) -> io::Result<Bytes> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(text.as_bytes())?;
    packer.finish().map(Into::into)
}

/// Whether a client says that it takes gzip (RFC 9110 §12.5.3).
fn takes_gzip(request: &HeaderMap) -> bool {
    let lines = request.get_all(header::ACCEPT_ENCODING).iter();
    let codings = lines.flat_map(|line| line.to_str().unwrap_or_default().split(','));
    codings.into_iter().any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").map(str::parse::<f32>);
        name.trim().eq_ignore_ascii_case("gzip") && weight != Some(Ok(0.0))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use axum::{body::Body, http::Request};
    use tower::ServiceExt;

    use super::*;

    async fn asked(path: &str, known: Option<&str>) -> Response {
        let mut request = Request::get(path);
        if let Some(tag) = known {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        let request = request.body(Body::empty()).unwrap();
        routes().oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn every_file_is_served_with_the_policy_and_once_only() {
        let files = FILES.iter().map(|file| format!("/console/{}", file.name));
        for path in files.chain(["/console".to_owned()]) {
            let first = asked(&path, None).await;
            assert_eq!(first.status(), 200, "{path}");
            let policy = first.headers()[header::CONTENT_SECURITY_POLICY].to_str();
            assert!(policy.unwrap().starts_with("default-src 'none'"), "{path}");
            let tag = first.headers()[header::ETAG].to_str().unwrap();
            assert_eq!(asked(&path, Some(tag)).await.status(), 304, "{path}");
        }
        assert_eq!(asked("/console/mod.rs", None).await.status(), 404);
        let elsewhere = asked("/console/", None).await;
        assert_eq!(elsewhere.headers()[header::LOCATION], "../console");
    }

    #[tokio::test]
    async fn whoever_takes_gzip_gets_the_same_in_less() {
        let files = FILES
            .iter()
            .map(|file| (format!("/console/{}", file.name), file.text));
        let mut octets = 0;
        for (path, text) in files.chain([("/console".to_owned(), PAGE.text)]) {
            let asked = async |takes: &str| {
                let request = Request::get(&path).header(header::ACCEPT_ENCODING, takes);
                let answer = routes()
                    .oneshot(request.body(Body::empty()).unwrap())
                    .await
                    .unwrap();
                let coding = answer.headers().get(header::CONTENT_ENCODING).cloned();
                assert_eq!(answer.headers()[header::VARY], "accept-encoding", "{path}");
                (
                    coding,
                    axum::body::to_bytes(answer.into_body(), usize::MAX)
                        .await
                        .unwrap(),
                )
            };
            for takes in ["identity", "br", "gzip;q=0"] {
                assert_eq!(
                    asked(takes).await,
                    (None, text.as_bytes().into()),
                    "{path} {takes}"
                );
            }
            let (coding, packed) = asked("br;q=1.0, GZIP;q=0.8").await;
            assert_eq!(coding.unwrap(), "gzip", "{path}");
            let mut unpacked = String::new();
            flate2::read::GzDecoder::new(&packed[..])
                .read_to_string(&mut unpacked)
                .unwrap();
            assert_eq!(unpacked, text, "{path}");
            octets += packed.len();
        }
        assert!(octets < 25_000, "{octets} octets on the wire");
        eprintln!("{octets} octets on the wire");
    }

    /// Whatever a module imports is among the files, and no module makes markup of text or styles of its own.
    #[test]
    fn the_modules_are_whole_and_plain() {
        let all: Vec<_> = FILES.iter().map(|file| file.name).collect();
        let mut octets = PAGE.text.len();
        for file in &FILES {
            octets += file.text.len();
            for line in file.text.lines().filter(|line| line.starts_with("import")) {
                let (_, path) = line.split_once("\"./").unwrap();
                assert!(all.contains(&path.trim_end_matches("\";")), "{line}");
            }
            for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "eval("] {
                assert!(!file.text.contains(word), "{word} in {}", file.name);
            }
        }
        for word in ["style=", "<style", "onclick", "<script>"] {
            assert!(!PAGE.text.contains(word), "{word} in the page");
        }
        assert!(octets < 60 * 1024, "{octets} octets in all");
    }
}
