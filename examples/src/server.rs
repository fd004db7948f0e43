//! A server as `dig` takes it: `@192.0.2.1`, `@192.0.2.1:5300`, `@[2001:db8::1]:5300`, `@ns1.example.net`.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use anyhow::Context;

/// Reads (and for a host name, resolves) a server; port 53 if none is given. The leading `@` may be left out.
pub fn parse(text: &str) -> anyhow::Result<SocketAddr> {
    let text = text.strip_prefix('@').unwrap_or(text);
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(SocketAddr::new(address, 53));
    }
    let resolved = match text.rsplit_once(':') {
        Some(_) => text.to_socket_addrs(),
        None => (text, 53).to_socket_addrs(),
    };
    { resolved.with_context(|| format!("finding the address of {text}"))? }
        .next()
        .with_context(|| format!("{text} has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_and_without_a_port() {
        for (text, address) in [
            ("@192.0.2.1", "192.0.2.1:53"),
            ("192.0.2.1:5300", "192.0.2.1:5300"),
            ("@2001:db8::1", "[2001:db8::1]:53"),
            ("@[2001:db8::1]", "[2001:db8::1]:53"),
            ("@[2001:db8::1]:5300", "[2001:db8::1]:5300"),
        ] {
            assert_eq!(parse(text).unwrap(), address.parse().unwrap(), "{text}");
        }
    }

    #[test]
    fn a_server_that_cannot_be_is_told() {
        assert!(parse("@192.0.2.1:port").is_err());
    }
}
