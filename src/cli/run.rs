//! `banto run`: the daemon.

use clap::Args;

use super::{Exit, Failure, Globals, Outcome};
use crate::daemon;
use crate::lifecycle::ExitReason;

/// Run the daemon until it is told to stop
#[derive(Args, Debug)]
pub struct Run {}

impl Run {
    /// Runs it. A wrong config is told before anything starts.
    pub(super) async fn run(self, globals: &Globals) -> Outcome {
        let config = globals.config()?;
        match daemon::run(config).await.map_err(Failure::from)? {
            ExitReason::Clean => Ok(Exit::Ok),
            // A task that does not yield cannot be dropped: end the process rather than wait for it. What was cut off
            // is repeated after the next start, so the stop itself went well.
            ExitReason::GaveUp(_) => std::process::exit(i32::from(Exit::Ok.code())),
        }
    }
}
