//! Exit statuses of the programs that ask a server for something.

use zonekit_xfr::{ClientError, ErrorKind};

/// Something went wrong on this side.
pub const HERE: u8 = 1;
/// The server answers with an error.
pub const REFUSED: u8 = 3;
/// Signatures or certificates are the matter.
pub const BAD_KEY: u8 = 4;
/// No connection, no TLS, or nothing came in time.
pub const TIME_OUT: u8 = 5;
/// What came is not what it should be.
pub const BROKEN: u8 = 6;

/// The status for an error: of the server's, if there is one in its chain.
pub fn status(error: &anyhow::Error) -> u8 {
    let client = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<ClientError>());
    match client.and_then(ClientError::kind) {
        None => HERE,
        Some(ErrorKind::Refused | ErrorKind::NotAuthoritative | ErrorKind::Rcode) => REFUSED,
        Some(
            ErrorKind::BadKey
            | ErrorKind::BadSignature
            | ErrorKind::BadTime
            | ErrorKind::Unsigned
            | ErrorKind::Certificate,
        ) => BAD_KEY,
        Some(
            ErrorKind::Timeout
            | ErrorKind::ConnectionRefused
            | ErrorKind::Unreachable
            | ErrorKind::Tls,
        ) => TIME_OUT,
        Some(_) => BROKEN,
    }
}
