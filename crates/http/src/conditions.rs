//! Requests that hold only as long as things are as the client last saw them.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use jiff::fmt::rfc2822;
use zonekit_model::{Expected, Timestamp, TsigKey};

use crate::{
    ZoneView,
    answer::{Problem, empty},
};

/// What a zone looks like now. In front stands the generation of its settings, which is all that a write is held
/// against: a transfer in between takes nothing from what its owner has seen of them.
pub(crate) fn zone_tag(view: &ZoneView) -> String {
    let state = view.state.as_str().to_ascii_lowercase();
    format!("\"{:x}-{}-{state}\"", view.zone.generation, view.version)
}

/// What a key looks like now.
pub(crate) fn key_tag(key: &TsigKey) -> String {
    format!("\"{:x}\"", key.generation)
}

/// What a write expects of what it changes.
pub(crate) fn expected(headers: &HeaderMap) -> Result<Expected, Problem> {
    let tags = values(headers, header::IF_MATCH.as_str());
    let generations = match tags.as_slice() {
        [] => None,
        tags if tags.contains(&"*") => None,
        // What is no tag of ours was never seen on anything.
        tags => Some(tags.iter().filter_map(|tag| generation(tag)).collect()),
    };
    let since = headers.get(header::IF_UNMODIFIED_SINCE);
    let since = since.map(|value| {
        let date = value.to_str().ok().and_then(http_date);
        date.ok_or_else(|| Problem::bad_request("if-unmodified-since: a date was expected"))
    });
    Ok(Expected {
        generations,
        unmodified_since: since.transpose()?,
    })
}

/// The answer, or that nothing has changed since the client last saw it.
pub(crate) fn fresh(
    headers: &HeaderMap,
    tag: &str,
    changed: Option<Timestamp>,
    mut answer: Response,
) -> Response {
    let tags = values(headers, header::IF_NONE_MATCH.as_str());
    let is_known = match tags.as_slice() {
        [] => {
            let since = headers.get(header::IF_MODIFIED_SINCE);
            let since = since.and_then(|value| http_date(value.to_str().ok()?));
            changed
                .zip(since)
                .is_some_and(|(changed, since)| changed.as_seconds() <= since.as_seconds())
        }
        tags => tags
            .iter()
            .any(|given| *given == "*" || bare(given) == bare(tag)),
    };
    if is_known {
        answer = empty(StatusCode::NOT_MODIFIED);
    }
    tagged(answer, tag)
}

/// The answer with what the thing looks like.
pub(crate) fn tagged(mut answer: Response, tag: &str) -> Response {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        answer.headers_mut().insert(header::ETAG, tag);
    }
    answer
}

/// The members of a header that is a list.
fn values<'h>(headers: &'h HeaderMap, name: &str) -> Vec<&'h str> {
    let lines = headers.get_all(name).iter();
    lines
        .flat_map(|line| line.to_str().unwrap_or("?").split(','))
        .map(str::trim)
        .filter(|value| !value.is_empty())
        .collect()
}

/// A tag without what stands around it; people type it without.
fn bare(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"')
}

/// A date as headers have it.
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    let moment = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    let milliseconds = u64::try_from(moment.as_millisecond()).ok()?;
    text.ends_with("GMT").then_some(Timestamp(milliseconds))
}

fn generation(tag: &str) -> Option<u64> {
    let digits = bare(tag).split('-').next()?;
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let line = |&(name, value): &(&'static str, &str)| {
            (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())
        };
        lines
            .iter()
            .map(line)
            .collect::<Vec<(header::HeaderName, _)>>()
            .into_iter()
            .collect()
    }

    #[test]
    fn tags_are_taken_as_given_quoted_or_weak_and_a_star_is_any() {
        let check = |value: &str| {
            expected(&headers(&[("if-match", value)]))
                .unwrap()
                .generations
        };
        assert_eq!(check("\"1f-00-available\""), Some(vec![0x1f]));
        assert_eq!(check("1f"), Some(vec![0x1f]));
        assert_eq!(check("W/\"1f\", \"20\""), Some(vec![0x1f, 0x20]));
        assert_eq!(check("*"), None);
        assert_eq!(check("\"unlike\""), Some(vec![]));
        assert_eq!(expected(&headers(&[])).unwrap(), Expected::default());
    }

    #[test]
    fn dates_bind_writes_to_the_second() {
        let date = "Sun, 22 Nov 2026 00:08:03 GMT";
        let found = expected(&headers(&[("if-unmodified-since", date)])).unwrap();
        assert_eq!(found.unmodified_since, http_date(date));
        assert!(expected(&headers(&[("if-unmodified-since", "today")])).is_err());
    }

    #[test]
    fn what_is_known_is_not_told_again() {
        let check = |lines: &[(&'static str, &str)], changed: u64| {
            fresh(
                &headers(lines),
                "\"1f\"",
                Some(Timestamp(changed)),
                empty(StatusCode::OK),
            )
            .status()
            .as_u16()
        };
        assert_eq!(check(&[], 0), 200);
        assert_eq!(check(&[("if-none-match", "\"1f\"")], 0), 304);
        assert_eq!(check(&[("if-none-match", "\"1e\", 1f")], 0), 304);
        assert_eq!(check(&[("if-none-match", "\"1e\"")], 0), 200);
        let since = ("if-modified-since", "Thu, 01 Jan 1970 00:00:10 GMT");
        assert_eq!(check(&[since], 10_999), 304);
        assert_eq!(check(&[since], 11_000), 200);
        assert_eq!(check(&[("if-none-match", "\"1e\""), since], 0), 200);
    }
}
