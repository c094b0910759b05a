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

/// Figures at three sizes, each ten times the one before, and by how much the last step made them grow.
pub(crate) struct Growth {
    what: &'static str,
    sizes: [usize; 3],
    rows: Vec<(String, Vec<Cell>)>,
}

enum Cell {
    Time(Duration),
    Note(String),
}

impl Growth {
    pub(crate) fn new(what: &'static str, sizes: [usize; 3]) -> Self {
        Self { what, sizes, rows: Vec::new() }
    }

    /// Adds the median to a row, at the size that comes next.
    pub(crate) fn time(&mut self, row: &str, mut times: Vec<Duration>) {
        times.sort_unstable();
        self.add(row, Cell::Time(times.get(times.len() / 2).copied().unwrap_or_default()));
    }

    pub(crate) fn note(&mut self, row: &str, note: String) {
        self.add(row, Cell::Note(note));
    }

    fn add(&mut self, row: &str, cell: Cell) {
        match self.rows.iter_mut().find(|(name, _)| name == row) {
            Some((_, cells)) => cells.push(cell),
            None => self.rows.push((row.to_owned(), vec![cell])),
        }
    }

    #[expect(clippy::print_stdout, reason = "the table is this program's result")]
    pub(crate) fn print(&self) {
        let [small, middle, large] = self.sizes;
        println!(
            "\n| {} | {small} | {middle} | {large} | the last step, ten times as many |",
            self.what
        );
        println!("|---|---|---|---|---|");
        for (name, cells) in &self.rows {
            let words = cells.iter().map(|cell| match cell {
                Cell::Time(time) => format!("{:.2} ms", time.as_secs_f64() * 1000.0),
                Cell::Note(note) => note.clone(),
            });
            let grown = match cells.as_slice() {
                [.., Cell::Time(before), Cell::Time(after)] => {
                    format!("× {:.1}", after.as_secs_f64() / before.as_secs_f64().max(1e-9))
                }
                _ => String::new(),
            };
            println!("| {name} | {} | {grown} |", words.collect::<Vec<_>>().join(" | "));
        }
    }
}
