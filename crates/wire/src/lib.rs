//! DNS names, records and messages: read in place, written once
