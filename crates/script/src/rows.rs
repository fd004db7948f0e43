//! The table: what arrives, and what we do.
//!
//! Each part is a list of rows and a macro that hands their names to another macro, so that whoever plays a part at some
//! level has one test for each row, and no row can be missing at any level:
//!
//! ```
//! macro_rules! played {
//!     ($($name:ident)*) => {
//!         $(fn $name() {
//!             let row = zonekit_script::row(stringify!($name));
//!             assert_eq!(row.name, stringify!($name));
//!         })*
//!         $($name();)*
//!     };
//! }
//! zonekit_script::each_tsig_row!(played);
//! ```

mod axfr;
mod datagram;
mod ixfr;
mod message;
mod slow;
mod tsig;

use crate::Row;

/// Rows by name: `name = row;`, and `$each!(play)` for `play! { name name … }`.
macro_rules! rows {
    ($each:ident: $($name:ident = $row:expr;)*) => {
        pub(super) fn rows() -> Vec<crate::Row> {
            vec![$({ $row }.named(stringify!($name)),)*]
        }

        #[macro_export]
        macro_rules! $each {
            ($play:ident) => { $play! { $($name)* } };
        }
    };
}
use rows;

/// All of them.
pub fn all() -> Vec<Row> {
    let parts = [
        message::rows,
        datagram::rows,
        axfr::rows,
        ixfr::rows,
        tsig::rows,
        slow::rows,
    ];
    parts.into_iter().flat_map(|rows| rows()).collect()
}

/// The row of this name.
pub fn row(name: &str) -> Row {
    let mut rows = all().into_iter().filter(|row| row.name == name);
    let row = rows.next().unwrap_or_else(|| panic!("no row {name}"));
    assert!(rows.next().is_none(), "two rows {name}");
    row
}
