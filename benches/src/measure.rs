//! Time spent, percentiles, and what a figure needs beside it to mean something.

use std::process::Command;
use std::time::Instant;

use serde::Serialize;

/// Seconds on the clock, and seconds this thread was on a processor.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
}

/// A running measurement.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    begun: Instant,
    cpu_begun: f64,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self { begun: Instant::now(), cpu_begun: thread_cpu_seconds() }
    }

    pub(crate) fn spent(&self) -> Spent {
        let cpu_seconds = thread_cpu_seconds() - self.cpu_begun;
        Spent { seconds: self.begun.elapsed().as_secs_f64(), cpu_seconds }
    }
}

/// The kernel's count of what this thread has run; 0 where there is none.
fn thread_cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|it| it.parse::<f64>().ok());
    nanoseconds.unwrap_or(0.0) / 1e9
}

/// Many measurements of one thing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(pub(crate) Vec<f64>);

impl Samples {
    /// The least value that is not below `percent` of all; 0 of none.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(place).copied().unwrap_or(0.0)
    }

    pub(crate) fn sum(&self) -> f64 {
        self.0.iter().sum()
    }
}

/// A count as a float, for ratios and rates.
pub(crate) fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

/// Where and of what the figures are.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    processor: String,
    processors: usize,
    memory: String,
    load_1m: String,
    commit: String,
    date: String,
}

impl Machine {
    pub(crate) fn read() -> Self {
        let field = |path: &str, name: &str| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split(':').nth(1).unwrap_or("unknown").trim().to_owned()
        };
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            processor: field("/proc/cpuinfo", "model name"),
            processors: std::thread::available_parallelism().map_or(1, Into::into),
            memory: field("/proc/meminfo", "MemTotal"),
            load_1m: load.split(' ').next().unwrap_or("unknown").to_owned(),
            commit: output("git", &["describe", "--always", "--dirty"]),
            date: output("date", &["-u", "+%Y-%m-%d %H:%M"]),
        }
    }

    pub(crate) fn line(&self) -> String {
        let Self { processor, processors, memory, load_1m, commit, date } = self;
        format!(
            "{processor}, {processors} processors, {memory}, load {load_1m} before; commit {commit}, {date} UTC"
        )
    }
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|it| String::from_utf8_lossy(&it.stdout).trim().to_owned());
    text.ok().filter(|text| !text.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let samples = Samples((1..=200).rev().map(f64::from).collect());
        assert!((samples.percentile(50) - 100.0).abs() < f64::EPSILON);
        assert!((samples.percentile(99) - 198.0).abs() < f64::EPSILON);
        assert!((samples.percentile(100) - 200.0).abs() < f64::EPSILON);
        assert!(Samples::default().percentile(99).abs() < f64::EPSILON);
    }
}
