//! Records, and zones as master files.

use axum::{
    extract::Path,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use zonekit_model::{
    ContentVersion, PageRequest, RecordOrder, RecordQuery, Refusal,
    oci::{RecordItem, RecordItems},
};

use super::{
    call::Call,
    caller::{is_descending, limit, paged},
};
use crate::{
    RecordsView, Service, ServiceError, ZoneView,
    answer::{Answer, Problem, json},
    conditions::fresh,
    request::Query,
};

pub(super) async fn all<S: Service>(call: Call<S>, Path(text): Path<String>) -> Answer {
    let (order, descending) = order(&call.query, true)?;
    let wanted = RecordQuery {
        owner: call
            .query
            .value("domain")
            .map(|text| name(&call.query, text))
            .transpose()?,
        owner_contains: call.query.value("domainContains").map(Into::into),
        contains: None,
        rtype: call
            .query
            .value("rtype")
            .map(|text| rtype(&call.query, text))
            .transpose()?,
        order,
        descending,
    };
    let view = call.zone(&text).await?;
    listed(&call, view, wanted).await
}

pub(super) async fn of_domain<S: Service>(
    call: Call<S>,
    Path((text, domain)): Path<(String, String)>,
) -> Answer {
    let (order, descending) = order(&call.query, false)?;
    let wanted = RecordQuery {
        owner: Some(name(&call.query, &domain)?),
        owner_contains: None,
        contains: None,
        rtype: call
            .query
            .value("rtype")
            .map(|text| rtype(&call.query, text))
            .transpose()?,
        order,
        descending,
    };
    let view = call.zone(&text).await?;
    listed(&call, view, wanted).await
}

pub(super) async fn of_set<S: Service>(
    call: Call<S>,
    Path((text, domain, rtype_text)): Path<(String, String, String)>,
) -> Answer {
    let wanted = RecordQuery {
        owner: Some(name(&call.query, &domain)?),
        rtype: Some(rtype(&call.query, &rtype_text)?),
        ..RecordQuery::default()
    };
    let view = call.zone(&text).await?;
    let (begin, limit) = (Begin::of(&call.query)?, limit(&call.query)?);
    // All of the set, of which there are never many: their order is that of what they hash to.
    let records = selected(&call, &view, wanted, PageRequest::ALL).await?;
    begin.fits(&records)?;
    let total = records.page.total;
    let mut items = shown(&records);
    items.sort_by(|one, other| one.record_hash.cmp(&other.record_hash));
    let from = usize::try_from(begin.offset).unwrap_or(usize::MAX);
    let items = items.into_iter().skip(from).take(limit).collect();
    Ok(answer(
        items,
        begin.offset,
        total,
        records.version,
        &call.headers,
    ))
}

pub(super) async fn content<S: Service>(call: Call<S>, Path(text): Path<String>) -> Answer {
    let view = call.zone(&text).await?;
    let contract = &call.caller.holder.contract;
    let content = { &call.app.service }
        .content(contract, view.zone.id)
        .await?;
    let tag = version_tag(content.version);
    let response = call.app.export(contract, "text/dns", content)?;
    Ok(fresh(&call.headers, &tag, None, response))
}

/// Whatever would write records of a zone.
pub(super) async fn written<S: Service>(
    call: Call<S>,
    Path(texts): Path<Vec<(String, String)>>,
) -> Answer {
    let text = texts.first().map_or("", |(_, text)| text.as_str());
    call.zone(text).await?;
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "the records of a secondary zone come from its primaries and are changed there",
    ))
}

async fn listed<S: Service>(call: &Call<S>, view: ZoneView, wanted: RecordQuery) -> Answer {
    let begin = Begin::of(&call.query)?;
    let limit = limit(&call.query)?;
    let page = PageRequest {
        offset: begin.offset,
        limit: u32::try_from(limit).unwrap_or(u32::MAX),
    };
    let records = selected(call, &view, wanted, page).await?;
    begin.fits(&records)?;
    let total = records.page.total;
    Ok(answer(
        shown(&records),
        begin.offset,
        total,
        records.version,
        &call.headers,
    ))
}

async fn selected<S: Service>(
    call: &Call<S>,
    view: &ZoneView,
    wanted: RecordQuery,
    page: PageRequest,
) -> Result<RecordsView, Problem> {
    let id = view.zone.id;
    let records = call
        .app
        .service
        .select_records(&call.caller.holder.contract, id, wanted, page)
        .await?;
    match call.query.value("zoneVersion") {
        // Only the version held can be shown.
        Some(version) if version != records.version.to_string() => {
            Err(ServiceError::from(Refusal::UnknownZone).into())
        }
        _ => Ok(records),
    }
}

fn shown(records: &RecordsView) -> Vec<RecordItem> {
    let item = |record| RecordItem::new(records.version, record);
    records.page.items.iter().map(item).collect()
}

fn answer(
    items: Vec<RecordItem>,
    offset: u64,
    total: u64,
    version: ContentVersion,
    headers: &HeaderMap,
) -> Response {
    let end = offset.saturating_add(items.len() as u64);
    let next = (end < total && !items.is_empty()).then(|| Begin::at(end, version));
    let response = json(StatusCode::OK, &RecordItems { items });
    fresh(
        headers,
        &version_tag(version),
        None,
        paged(response, next, total),
    )
}

fn version_tag(version: ContentVersion) -> String {
    format!("\"{version}\"")
}

/// Where a page begins: after so many records of which version.
struct Begin {
    offset: u64,
    /// None: of the one held, whichever that is.
    version: Option<String>,
}

impl Begin {
    fn of(query: &Query) -> Result<Self, Problem> {
        let Some(text) = query.value("page") else {
            return Ok(Self {
                offset: 0,
                version: None,
            });
        };
        let said = text.strip_prefix("r.").and_then(|rest| {
            let (offset, version) = rest.split_once('.')?;
            Some(Self {
                offset: offset.parse().ok()?,
                version: Some(version.to_owned()),
            })
        });
        said.ok_or_else(|| query.unexpected("page", "what opc-next-page said"))
    }

    /// The word for a place in a version.
    fn at(offset: u64, version: ContentVersion) -> String {
        format!("r.{offset}.{version}")
    }

    /// The pages of one list are of one version: else records would be missing or come twice, and nobody would know.
    fn fits(&self, records: &RecordsView) -> Result<(), Problem> {
        match &self.version {
            Some(version) if *version != records.version.to_string() => {
                let message =
                    "page: the zone was transferred anew since that page; list from the beginning";
                Err(Problem::bad_request(message))
            }
            _ => Ok(()),
        }
    }
}

fn order(query: &Query, has_domains: bool) -> Result<(RecordOrder, bool), Problem> {
    let order = match query.value("sortBy") {
        None => RecordOrder::Zone,
        Some("domain") if has_domains => RecordOrder::Zone,
        Some("rtype") => RecordOrder::Rtype,
        Some("ttl") => RecordOrder::Ttl,
        Some(_) if has_domains => return Err(query.unexpected("sortBy", "domain, rtype or ttl")),
        Some(_) => return Err(query.unexpected("sortBy", "rtype or ttl")),
    };
    // The records of one name are in the order of their types anyway, but by number.
    let order = match order {
        RecordOrder::Zone if !has_domains => RecordOrder::Rtype,
        order => order,
    };
    Ok((order, is_descending(query)?))
}

fn name<N: std::str::FromStr>(query: &Query, text: &str) -> Result<N, Problem> {
    text.parse()
        .map_err(|_| query.found("domain", "a domain name", text))
}

fn rtype<R: std::str::FromStr>(query: &Query, text: &str) -> Result<R, Problem> {
    text.to_ascii_uppercase()
        .parse()
        .map_err(|_| query.found("rtype", "the type of a record", text))
}
