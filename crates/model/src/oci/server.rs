//! The addresses that the service transfers from.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// A server of ours that talks to primaries.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransferServer {
    /// Its address.
    pub address: IpAddr,
    /// Whether zones are taken from it: none of ours is a primary.
    pub is_transfer_source: bool,
    /// Whether zones are sent to it: whom a primary must allow.
    pub is_transfer_destination: bool,
}

impl TransferServer {
    /// One for each address, each a destination of transfers.
    pub fn all(addresses: &[IpAddr]) -> Vec<Self> {
        let server = |&address: &IpAddr| Self {
            address,
            is_transfer_source: false,
            is_transfer_destination: true,
        };
        addresses.iter().map(server).collect()
    }
}
