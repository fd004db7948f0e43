//! The threads that a node runs on.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// By how much the threads of [`runtime`] give way: to a thread that does not, each counts as a tenth.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// A runtime whose threads give way to those that answer over UDP: whatever is taken in, written down or told over HTTP
/// meanwhile, answers come first. Only Linux knows threads that differ in this; elsewhere it is a runtime like any other.
///
/// Call [`Secondary::start`](crate::Secondary::start) within its `block_on`, which runs on the calling thread: those that
/// answer have the priority of that one.
///
/// ```
/// # use std::error::Error;
/// use zonekit_secondary::{Config, Secondary};
///
/// # fn main() -> Result<(), Box<dyn Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("secondary.toml");
/// let config = Config::parse("data_dir = \"var\"\n[dns]\nlisten = [\"127.0.0.1:0\"]", &path)?;
/// zonekit_secondary::runtime()?.block_on(async {
///     let secondary = Secondary::start(config).await?;
///     secondary.shutdown().await;
///     Ok(())
/// })
/// # }
/// ```
///
/// # Errors
///
/// When its threads cannot be started.
pub fn runtime() -> io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder.enable_all();
    #[cfg(target_os = "linux")]
    {
        // A number of its own, since threads start each other: of one to add, some would get it twice.
        let niceness = rustix::process::getpriority_process(None)? + NICENESS;
        // Of the calling thread, and not of the process as elsewhere. Lowering it needs no privilege.
        let give_way = move || _ = rustix::process::setpriority_process(None, niceness);
        builder.on_thread_start(give_way);
    }
    builder.build()
}
