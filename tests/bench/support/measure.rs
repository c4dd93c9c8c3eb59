//! What a stretch of work costs: wall time, CPU time of this process, and bytes it had written to disk.

use std::time::{Duration, Instant};

/// Linux counts CPU time in hundredths of a second for everybody, whatever the kernel's own tick.
const TICK: Duration = Duration::from_millis(10);

/// What was spent.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// By the clock on the wall.
    pub wall: Duration,
    /// On CPUs, all threads of this process.
    pub cpu: Duration,
    /// Bytes that this process gave to the disk.
    pub written: u64,
}

/// A running measurement.
pub struct Meter {
    began: Instant,
    cpu: Duration,
    written: u64,
}

impl Meter {
    /// From now on.
    pub fn start() -> Self {
        Self { began: Instant::now(), cpu: cpu(), written: written() }
    }

    /// Until now.
    pub fn stop(&self) -> Spent {
        Spent {
            wall: self.began.elapsed(),
            cpu: cpu().saturating_sub(self.cpu),
            written: written().saturating_sub(self.written),
        }
    }
}

/// Lowest, median and highest of some values.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// Lowest.
    pub low: f64,
    /// Median.
    pub median: f64,
    /// Highest.
    pub high: f64,
}

impl Spread {
    /// Of at least one value.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Self { low: values[0], median: values[values.len() / 2], high: values[values.len() - 1] }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { low, median, high } = self;
        if *median >= 100.0 {
            write!(f, "{median:>7.0} ({low:.0} to {high:.0})")
        } else {
            write!(f, "{median:>7.2} ({low:.2} to {high:.2})")
        }
    }
}

/// Whether `BENCH_QUICK=1` asks for a short run on little data, to see that everything works.
pub fn quick() -> bool {
    std::env::var("BENCH_QUICK").is_ok_and(|v| v == "1")
}

fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The second field is the program's name in brackets and may hold spaces.
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap()..].split(' ').collect();
    let ticks: u32 = fields[12].parse::<u32>().unwrap() + fields[13].parse::<u32>().unwrap();
    TICK * ticks
}

fn written() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap();
    let line = io.lines().find_map(|l| l.strip_prefix("write_bytes: "));
    line.unwrap().parse().unwrap()
}
