//! TSIG (RFC 8945): keys, and signing and checking one message or a stream of them
