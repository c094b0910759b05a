//! `rialto journal ...` and `rialto trace ID`: asking after messages. What is answered, and in which words, the bridges
//! decide; through the running server, or on their database while nobody has it open.

use super::say;
use crate::{
    admin::{Answer, Order, send_to_running},
    config::Config,
    data_dir::DataDir,
    failure::Failure,
    house,
    running::unserved,
};
use bridge_core::{JournalAnswer, JournalDesk, JournalFilter, JournalOrder};
use clap::{Args, Subcommand, builder::PossibleValuesParser};
use std::io::{self, Write as _};
use support_clock::SystemClock;

/// Where a row can stand, as far as it is listed.
const STATES: [&str; 10] = [
    "queued",
    "sending",
    "awaiting",
    "lost",
    "retry",
    "parked",
    "reporting",
    "failed",
    "unknown",
    "expired",
];

#[derive(Debug, Subcommand)]
pub(super) enum JournalVerb {
    /// List what is on its way, and what went wrong within a day
    List {
        /// Of this network only, as the configuration calls it
        #[arg(long, value_name = "NAME")]
        network: Option<String>,
        /// Standing there only; what went wrong is then listed for as long as it is kept
        #[arg(long, value_parser = PossibleValuesParser::new(STATES))]
        state: Option<String>,
        /// Of this room only
        #[arg(long, value_name = "ROOM_ID")]
        room: Option<String>,
        /// Begin behind this row
        #[arg(long, value_name = "ROW")]
        after: Option<i64>,
        /// How many rows at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
        #[command(flatten)]
        how: How,
    },
    /// Show one row: its parts, where they go, what became of them
    Show {
        /// The row, as the list numbers it
        row: i64,
        #[command(flatten)]
        how: How,
    },
    /// Have a row run again now: one that waits, or one that went wrong
    Retry {
        /// The row, as the list numbers it
        row: i64,
        /// Also one that may be on the other side already: it may then be there twice
        #[arg(long)]
        even_if_doubled: bool,
        #[command(flatten)]
        how: How,
    },
    /// Take a row out: it is not sent, its content is wiped, whoever wrote it is told
    Drop {
        /// The row, as the list numbers it
        row: i64,
        #[command(flatten)]
        how: How,
    },
}

#[derive(Debug, Args)]
pub(super) struct TraceArguments {
    /// The event's id on Matrix, or the message's on its network
    id: String,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
pub(super) struct How {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(verb: JournalVerb, config: &Config) -> Result<(), Failure> {
    let (order, how) = match verb {
        JournalVerb::List { network, state, room, after, limit, how } => {
            let filter = JournalFilter { network, state, room, after, limit: Some(limit) };
            (JournalOrder::List(filter), how)
        }
        JournalVerb::Show { row, how } => (JournalOrder::Show { id: row }, how),
        JournalVerb::Retry { row, even_if_doubled, how } => {
            (JournalOrder::Retry { id: row, even_if_doubled }, how)
        }
        JournalVerb::Drop { row, how } => (JournalOrder::Drop { id: row }, how),
    };
    print(&ask(config, order).await?, &how)
}

pub(super) async fn trace(arguments: TraceArguments, config: &Config) -> Result<(), Failure> {
    let TraceArguments { id, how } = arguments;
    print(&ask(config, JournalOrder::Trace { id }).await?, &how)
}

async fn ask(config: &Config, journal: JournalOrder) -> Result<JournalAnswer, Failure> {
    let order = Order::Journal { journal: journal.clone() };
    if let Some(outcome) = send_to_running(&config.data_dir, &order).await {
        return match outcome? {
            Answer::Journal(answer) => Ok(answer),
            _ => Err(Failure::new(
                "the answer was not understood",
                "the running server is of another version than this program",
                "Restart the server with this program and try again",
            )),
        };
    }
    let data = DataDir::open(&config.data_dir)?;
    let _lock = data.lock()?;
    let db = house::open_bridges(config, &data).await?;
    let desk = JournalDesk::of_stopped(db.clone(), SystemClock::shared());
    let answer = desk.serve(journal).await;
    db.close().await;
    answer.map_err(unserved)
}

fn print(answer: &JournalAnswer, how: &How) -> Result<(), Failure> {
    if how.json {
        return say(&json(answer)?);
    }
    say(&answer.to_string())?;
    if let JournalAnswer::Page(page) = answer
        && let Some(next) = page.next
    {
        // A hint, not part of the list; without standard error it is not missed.
        writeln!(io::stderr().lock(), "There are more: rialto journal list --after {next}").ok();
    }
    Ok(())
}

/// Writes an answer as what it is, without saying which kind of answer it is: that follows from the question.
fn json(answer: &JournalAnswer) -> Result<String, Failure> {
    let written = match answer {
        JournalAnswer::Page(page) => serde_json::to_string_pretty(page),
        JournalAnswer::Story(story) => serde_json::to_string_pretty(story),
        JournalAnswer::Trace(trace) => serde_json::to_string_pretty(trace),
        done @ JournalAnswer::Done { .. } => serde_json::to_string_pretty(done),
    };
    written.map_err(|error| Failure::new("the result could not be printed", error.to_string(), ""))
}
