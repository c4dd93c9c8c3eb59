//! `banto demo`: the whole house on loopback.

use std::path::PathBuf;
use std::time::Duration;

use banto_channel::Clock;
use clap::Args;

use super::{Exit, Failure, Globals, Out, Outcome};
use crate::clock::SystemClock;
use crate::config::LogFormat;
use crate::demo::Demo;

/// Show banto at its job: shops of every kind, buyers, faults and a mail server on loopback
#[derive(Args, Debug)]
pub struct DemoCommand {
    /// End by itself after this long, with a report: 20s, 5m
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    time: Option<Duration>,
    /// Repeat the buyers and faults of an earlier run
    #[arg(long)]
    seed: Option<u64>,
    /// No faults
    #[arg(long)]
    calm: bool,
    /// Deeds of buyers and staff a second, over all shops
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=2000))]
    pace: u32,
    /// Keep config and store in this folder, to look at them afterwards
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Show the daemon's log
    #[arg(long)]
    log: bool,
}

fn time(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = number.parse().map_err(|_| format!("{text:?} is not a time; write 20s or 5m"))?;
    match unit {
        "" | "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number * 60)),
        "h" => Ok(Duration::from_secs(number * 3600)),
        _ => Err(format!("{text:?}: the unit is s, m or h")),
    }
}

impl DemoCommand {
    /// Runs it. The exit status is 0 only if every promise held.
    pub(super) async fn run(self, globals: &Globals) -> Outcome {
        if self.log {
            crate::log::init("info", LogFormat::Auto)
                .map_err(|e| Failure::new(Exit::Failed, e.to_string()))?;
        }
        let now = SystemClock::new(Duration::ZERO).now();
        let seed = self.seed.unwrap_or(now.0.unsigned_abs() % 1_000_000);
        eprintln!(
            "banto demo, seed {seed}: a shop of every kind on loopback{}",
            if self.calm { "" } else { ", with faults" }
        );
        if self.time.is_none() {
            eprintln!("Ctrl-C ends it with a report");
        }
        let demo = Demo { seed, time: self.time, calm: self.calm, pace: self.pace, live: !globals.json() };
        let folder = Folder::new(self.keep, now.0)?;
        let report = demo.run(&folder.path).await?;
        Out::new(globals.json(), jiff::tz::TimeZone::UTC)
            .answer(&report, |text| report.text().lines().for_each(|line| text.line(line)))?;
        Ok(if report.is_good() { Exit::Ok } else { Exit::Failed })
    }
}

/// The demo's folder; removed at the end unless it is to be kept.
struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    fn new(keep: Option<PathBuf>, name: i64) -> Result<Self, Failure> {
        let (path, keep) = match keep {
            Some(path) => (path, true),
            None => (std::env::temp_dir().join(format!("banto-demo-{}-{name}", std::process::id())), false),
        };
        std::fs::create_dir_all(&path)?;
        Ok(Self { path: path.canonicalize()?, keep })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.keep {
            eprintln!("kept: {}  (banto --config {} orders list)", self.path.display(), self.path.display());
        } else if let Err(error) = std::fs::remove_dir_all(&self.path) {
            eprintln!("{} could not be removed: {error}", self.path.display());
        }
    }
}
