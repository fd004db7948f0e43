//! What holds for all zones of a contract.

use axum::http::StatusCode;

use super::{
    Call,
    shape::{About, Quota},
};
use crate::{
    Service,
    answer::{Answer, json},
};

/// Addresses to allow and to notify, name servers, quota.
#[utoipa::path(
    get,
    path = "/v1/service",
    tag = "service",
    operation_id = "readService",
    responses(
        (status = 200, description = "What holds for all zones of the contract", body = About),
    )
)]
pub(super) async fn read<S: Service>(call: Call<S>) -> Answer {
    let service = &call.app.service;
    let quota = service.quota(&call.holder.contract).await?;
    let texts = |addresses: &[std::net::IpAddr]| {
        let texts = addresses.iter().map(ToString::to_string);
        texts.collect()
    };
    Ok(json(
        StatusCode::OK,
        &About {
            contract: call.holder.contract.to_string(),
            transfer_addresses: texts(&service.transfer_addresses()),
            notify_addresses: texts(&service.notify_addresses()),
            nameservers: service.nameservers().to_vec(),
            zones: Quota {
                limit: quota.limits.secondary_zones,
                used: quota.usage.secondary_zones,
            },
            records: Quota {
                limit: quota.limits.records,
                used: quota.usage.records,
            },
            keys: Quota {
                limit: quota.limits.tsig_keys,
                used: quota.usage.tsig_keys,
            },
        },
    ))
}
