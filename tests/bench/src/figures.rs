//! Percentiles, and the table they are printed in.

use std::time::Duration;

/// What a load measured.
pub(crate) struct Load {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) cpu_ms_each: f64,
}

impl Load {
    /// Makes the figures of a run: each message's latency, the whole run's time, the CPU it cost.
    pub(crate) fn of(mut latencies: Vec<Duration>, whole: Duration, cpu: Duration) -> Self {
        latencies.sort_unstable();
        let count = latencies.len().max(1);
        let at = |share: f64| {
            let index = ((count as f64 * share) as usize).min(count - 1);
            latencies.get(index).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
        };
        Self {
            per_second: count as f64 / whole.as_secs_f64(),
            p50_ms: at(0.50),
            p99_ms: at(0.99),
            cpu_ms_each: cpu.as_secs_f64() * 1000.0 / count as f64,
        }
    }
}

/// A Markdown table that grows a row at a time.
pub(crate) struct Table {
    rows: Vec<(String, String, String)>,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, what: &str, figure: String, of_bare: &str) {
        self.rows.push((what.to_owned(), figure, of_bare.to_owned()));
    }

    #[expect(clippy::print_stdout, reason = "the table is this program's result")]
    pub(crate) fn print(&self) {
        println!("| what | figure | of the bare loop |");
        println!("|---|---|---|");
        for (what, figure, of_bare) in &self.rows {
            println!("| {what} | {figure} | {of_bare} |");
        }
    }
}
