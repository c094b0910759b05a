//! The task that reads, and the one that watches over silence. The reader answers PING at once,
//! brings session and pending questions up to date and hands the rest on. It waits for nobody but
//! the channel of [`Incoming`]: that is thousands of lines deep, so that a slow commit does not
//! keep a PING unanswered; when even that is full, it stops reading (the network holds the rest)
//! while the keep-alive goes on showing the server that we live.

use std::sync::{Arc, atomic::Ordering};

use tokio::sync::mpsc;

use super::{
    Failure, FailureKind, dial::LineReader, keeper::Incoming, link::Shared, pending::Heard,
};
use crate::wire::Message;

pub(super) async fn run(
    shared: Arc<Shared>,
    mut lines: LineReader,
    early: Vec<Message>,
    news: mpsc::Sender<Incoming>,
) {
    for message in early {
        if !hand_on(&shared, message, &news).await {
            return;
        }
    }
    // What the server gives as its reason comes in a line of its own before the end.
    let mut last_words = None;
    let failure = loop {
        let line = tokio::select! {
            () = shared.ended.cancelled() => return,
            line = lines.next() => line,
        };
        let message = match line {
            Ok(Some(message)) => message,
            Ok(None) => {
                break last_words.unwrap_or_else(|| {
                    Failure::new(FailureKind::Closed, "the server closed the connection")
                });
            }
            Err(error) => {
                break last_words
                    .unwrap_or_else(|| Failure::new(FailureKind::Closed, error.to_string()));
            }
        };
        shared.heard_now();
        if message.is("PING") {
            let pong = Message::new("PONG", [message.last()]);
            if let Ok(line) = pong.encode() {
                shared.outbox.push_urgent(line);
            }
        } else if message.is("PONG") {
            shared.pong(message.last());
        } else if message.is("ERROR") {
            last_words = Some(Failure::from_error(message.last()));
        } else if shared.hear(&message) == Heard::News && !hand_on(&shared, message, &news).await {
            return;
        }
    };
    shared.lose(failure);
}

/// Hands a line on, waiting for room. False when nobody listens any more.
async fn hand_on(shared: &Shared, message: Message, news: &mpsc::Sender<Incoming>) -> bool {
    let at_ms = shared.clock.now_ms();
    let incoming = Incoming::Line { message, at_ms };
    let incoming = match news.try_send(incoming) {
        Ok(()) => return true,
        Err(mpsc::error::TrySendError::Full(incoming)) => incoming,
        Err(mpsc::error::TrySendError::Closed(_)) => {
            shared.lose(Failure::new(FailureKind::Stopped, "nobody listens"));
            return false;
        }
    };
    tracing::warn!("lines come faster than they can be stored; reading waits");
    shared.reading_waits.store(true, Ordering::Relaxed);
    // Also when the connection ends meanwhile: what was read is handed on as long as anybody listens.
    let sent = news.send(incoming).await.is_ok();
    shared.reading_waits.store(false, Ordering::Relaxed);
    shared.heard_now();
    sent
}

/// Asks a silent server whether it is there, and gives it up when it stays silent.
pub(super) async fn keep_alive(shared: Arc<Shared>) {
    let timing = shared.timing;
    loop {
        tokio::select! {
            () = shared.ended.cancelled() => return,
            () = shared.clock.sleep(timing.ping_after / 2) => {}
        }
        let now = shared.clock.monotonic();
        let silent = now.saturating_sub(shared.last_heard());
        let reading_waits = shared.reading_waits.load(Ordering::Relaxed);
        if silent >= timing.dead_after && !reading_waits {
            let detail = format!("nothing heard for {} seconds", silent.as_secs());
            shared.lose(Failure::new(FailureKind::PingTimeout, detail));
            return;
        }
        // A question whose answer got lost is settled by the answer to this PING too.
        let open = shared.waits_since(now.saturating_sub(timing.ping_after / 2));
        if silent >= timing.ping_after || reading_waits || open {
            shared.outbox.push_urgent(shared.barrier_line());
        }
    }
}
