//! The task that writes. Urgent lines go first and at once; the rest follows the pacing, and no
//! more than a few lines are under way unconfirmed: a server that delays us ("fake lag") then slows
//! us down by itself instead of overflowing.

use std::{sync::Arc, time::Duration};

use tokio::io::AsyncWriteExt as _;

use super::{Failure, FailureKind, dial::BoxWrite, link::Shared, pending::Write};

/// Written lines whose fate is open. Servers read about 8 KiB ahead of what they process.
const WINDOW: usize = 8;

/// How long the reader may go on when writing has failed.
const LAST_WORDS: Duration = Duration::from_secs(3);

pub(super) async fn run(shared: Arc<Shared>, mut write: BoxWrite) {
    let ended = shared.ended.clone();
    let mut barrier_due = false;
    loop {
        let step = next_step(&shared, &mut barrier_due);
        let bytes = match step {
            Step::Write(line) => line + "\r\n",
            Step::Nothing => continue,
            Step::Wait(None) => {
                tokio::select! {
                    () = ended.cancelled() => return,
                    () = shared.outbox.woken() => continue,
                }
            }
            Step::Wait(Some(pause)) => {
                tokio::select! {
                    () = ended.cancelled() => return,
                    () = shared.outbox.woken() => continue,
                    () = shared.clock.sleep(pause) => continue,
                }
            }
        };
        let written = async {
            write.write_all(bytes.as_bytes()).await?;
            write.flush().await
        };
        let result = tokio::select! {
            () = ended.cancelled() => return,
            result = written => result,
        };
        if let Err(error) = result {
            // The server's last lines, its reason among them, may still be on their way in: the
            // reader ends the connection when it has read them.
            tokio::select! {
                () = ended.cancelled() => return,
                () = shared.clock.sleep(LAST_WORDS) => {}
            }
            shared.lose(Failure::new(FailureKind::Closed, error.to_string()));
            return;
        }
    }
}

enum Step {
    Write(String),
    /// Look again.
    Nothing,
    /// Until woken, or until this time has passed.
    Wait(Option<Duration>),
}

fn next_step(shared: &Shared, barrier_due: &mut bool) -> Step {
    if let Some(line) = shared.outbox.pop_urgent() {
        return Step::Write(line);
    }
    let pause = if !shared.outbox.has_normal() || shared.under_way() >= WINDOW {
        None
    } else {
        match shared.pacer.take(shared.clock.monotonic()) {
            Ok(()) => return next_line(shared, barrier_due),
            Err(pause) => Some(pause),
        }
    };
    // One PING behind all lines that left together: before any wait, so that none is left open.
    if std::mem::take(barrier_due) {
        return Step::Write(shared.barrier_line());
    }
    Step::Wait(pause)
}

fn next_line(shared: &Shared, barrier_due: &mut bool) -> Step {
    let Some(queued) = shared.outbox.pop() else { return Step::Nothing };
    match shared.mark_written(queued.id) {
        Write::Skip => return Step::Nothing,
        Write::Plain => {}
        Write::ThenBarrier => *barrier_due = true,
    }
    Step::Write(queued.line)
}
