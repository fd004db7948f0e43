//! AXFR, IXFR, SOA checks, NOTIFY and refresh timers as state machines, and a tokio client over them
