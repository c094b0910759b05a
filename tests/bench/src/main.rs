//! The load bench: the built program under load, beside a bare loop that commits the same rows.
//!
//! `cargo xtask bench` builds and runs it. Figures are for comparing in one run on one machine; none
//! of them is a test. The tables on standard output are Markdown. With an argument, only one part is measured: `load`
//! (messages) or `growth` (large rooms, many rooms).

mod baseline;
mod client;
mod figures;
mod growth;
mod history;
mod irc;
mod program;
mod push;
mod sends;

use anyhow::Result;
use bridge_testkit::peers::InspIrcd;
use figures::Table;

/// How many messages each load measures. Small enough for a laptop, large enough for a p99.
const MESSAGES: usize = 3_000;
/// How much past is inserted.
const HISTORY: usize = 20_000;

#[tokio::main]
async fn main() -> Result<()> {
    let _installed_by_someone_else = rustls::crypto::ring::default_provider().install_default();
    match std::env::args().nth(1).as_deref() {
        None => {
            load().await?;
            growth().await
        }
        Some("load") => load().await,
        Some("growth") => growth().await,
        Some(other) => anyhow::bail!("there is `load` and `growth`, not `{other}`"),
    }
}

/// A program of its own for each table, so that one's rooms are not the other's.
async fn growth() -> Result<()> {
    let ircd = InspIrcd::start()?;
    let (program, _) = program::Program::start(&ircd.address()).await?;
    growth::of_members(&program).await?.print();
    program.stop()?;
    let (program, _) = program::Program::start(&ircd.address()).await?;
    growth::of_rooms(&program).await?.print();
    program.stop()
}

async fn load() -> Result<()> {
    let mut table = Table::new();

    let bare = baseline::rows_per_second(MESSAGES * 4).await?;
    table.row(
        "bare loop, messages' rows in groups of 100",
        format!("{bare:.0} messages/s"),
        "1.00",
    );

    let ircd = InspIrcd::start()?;
    let (program, started) = program::Program::start(&ircd.address()).await?;
    table.row("start to the first 200", format!("{} ms", started.as_millis()), "");
    table.row("memory, idle", format!("{:.1} MiB", program.resident_mib()?), "");

    for connections in [1, 16, 64] {
        let load = sends::measure(&program, connections, MESSAGES).await?;
        table.row(
            &format!("sends, {connections} connection(s)"),
            format!(
                "{:.0}/s, p50 {:.2} ms, p99 {:.2} ms, CPU {:.2} ms each",
                load.per_second, load.p50_ms, load.p99_ms, load.cpu_ms_each
            ),
            &format!("{:.2}", load.per_second / bare),
        );
    }

    let inserted = history::measure(&program, HISTORY).await?;
    table.row(
        "history, batches of 500",
        format!(
            "{:.0}/s, longest batch {:.0} ms, CPU {:.2} ms each",
            inserted.per_second, inserted.batch_ms, inserted.cpu_ms_each
        ),
        &format!("{:.2}", inserted.per_second / bare),
    );

    let push = push::measure(&program, 500).await?;
    table.row(
        "appservice push, send to delivery",
        format!("p50 {:.2} ms, p99 {:.2} ms", push.p50_ms, push.p99_ms),
        "",
    );

    for (name, way) in irc::measure(&program, &ircd, 300).await? {
        table.row(
            &name,
            format!("{:.0}/s, p50 {:.2} ms, p99 {:.2} ms", way.per_second, way.p50_ms, way.p99_ms),
            &format!("{:.2}", way.per_second / bare),
        );
    }
    table.row("memory, after the load", format!("{:.1} MiB", program.resident_mib()?), "");

    table.print();
    program.stop()
}
