//! What servers answer when they do not do what was asked, in words a person can act on.

use std::time::Duration;

use crate::wire::Message;

/// A refusal and what it means for the sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What happens next.
    pub kind: RefusalKind,
    /// What happened and what can be done, for the person.
    pub words: String,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// Asked too fast; the same may work after this time.
    Wait(Duration),
    /// Nobody or nothing there by that name.
    NotFound,
    /// Not allowed.
    Forbidden,
    /// Anything else that will not work by trying again.
    Failed,
}

/// Says whether a line may be the server's refusal of a PRIVMSG or NOTICE.
pub(super) fn refuses_send(message: &Message) -> bool {
    match message.numeric() {
        Some(numeric) => matches!(
            numeric,
            263 | 401 | 403 | 404 | 407 | 408 | 411
                ..=417 | 439 | 442 | 477 | 482 | 486 | 489 | 502 | 531 | 716 | 936
        ),
        None => {
            message.is("FAIL") && matches!(message.param(0), "PRIVMSG" | "NOTICE" | "BATCH" | "*")
        }
    }
}

/// Says whether a refusal names no target, and so means the oldest send under way.
pub(super) fn refusal_without_target(message: &Message) -> bool {
    matches!(message.numeric(), Some(263 | 411..=417)) || message.is("FAIL")
}

/// Puts the refusal of a text into words. `target` is where it should have gone.
#[must_use]
pub fn send_refusal(message: &Message, target: &str) -> Refusal {
    let said = message.last();
    let (kind, words) = match message.numeric() {
        Some(263 | 439) => (
            RefusalKind::Wait(wait_in(said)),
            format!("The server asks to talk less fast ({said})."),
        ),
        Some(401) => (
            RefusalKind::NotFound,
            format!(
                "Nobody is called {target} on the network now ({said}). Try again when they are online, or under their new nick."
            ),
        ),
        Some(403) => (
            RefusalKind::NotFound,
            format!(
                "There is no channel {target} ({said}). Join it with the bridge's `join` command; that opens it."
            ),
        ),
        Some(404 | 442) => (
            RefusalKind::Forbidden,
            format!(
                "{target} does not let this nick speak ({said}). It may be moderated, for members only, or the nick is banned: join the channel, or ask one of its operators for voice."
            ),
        ),
        Some(407) => (
            RefusalKind::Failed,
            format!("The server takes {target} for too many recipients ({said})."),
        ),
        Some(408) => (
            RefusalKind::Forbidden,
            format!("{target} refuses colours and formatting ({said}). Send it as plain text."),
        ),
        Some(417) => (RefusalKind::Failed, format!("The server found the line too long ({said}).")),
        Some(477 | 486) => (
            RefusalKind::Forbidden,
            format!(
                "{target} only takes messages from registered nicks ({said}). Register the nick with the network's services and log in with `password=`."
            ),
        ),
        Some(482) => {
            (RefusalKind::Forbidden, format!("Only operators of {target} may do that ({said})."))
        }
        Some(531 | 716) => (
            RefusalKind::Forbidden,
            format!(
                "{target} takes no private messages from this nick ({said}). They can allow it on their side."
            ),
        ),
        _ => (RefusalKind::Failed, format!("The server refused it: {said}")),
    };
    Refusal { kind, words }
}

/// Says whether a line refuses a JOIN of `target`.
pub(super) fn refuses_join(message: &Message) -> bool {
    match message.numeric() {
        Some(numeric) => matches!(
            numeric,
            263 | 401 | 403 | 405 | 407 | 437 | 439 | 448 | 461 | 471
                ..=477 | 479 | 480 | 485 | 489 | 495 | 500 | 519 | 520
        ),
        None => message.is("FAIL") && message.param(0) == "JOIN",
    }
}

/// Puts the refusal of a JOIN into words.
#[must_use]
pub fn join_refusal(message: &Message, channel: &str) -> Refusal {
    let said = message.last();
    let (kind, words) = match message.numeric() {
        Some(263 | 439 | 495) => (
            RefusalKind::Wait(wait_in(said)),
            format!("The server asks to join {channel} a little later ({said})."),
        ),
        Some(403 | 476 | 479 | 448) => (
            RefusalKind::NotFound,
            format!(
                "{channel} is no name for a channel there ({said}). Channels usually begin with #."
            ),
        ),
        Some(405) => (
            RefusalKind::Forbidden,
            format!(
                "This nick is in as many channels as the server allows ({said}). Leave one, then join {channel}."
            ),
        ),
        Some(437) => (
            RefusalKind::Wait(Duration::from_secs(60)),
            format!("{channel} cannot be joined at present ({said}). Try again in a few minutes."),
        ),
        Some(471) => (
            RefusalKind::Forbidden,
            format!("{channel} is full ({said}). Try again when someone has left."),
        ),
        Some(473) => (
            RefusalKind::Forbidden,
            format!(
                "{channel} is for invited people only ({said}). Ask one of its operators for an invitation."
            ),
        ),
        Some(474) => (
            RefusalKind::Forbidden,
            format!(
                "This nick or its host is banned from {channel} ({said}). Its operators can lift the ban."
            ),
        ),
        Some(475) => (
            RefusalKind::Forbidden,
            format!(
                "{channel} wants a key ({said}). Join it with the key behind the name: `join NETWORK {channel} KEY`."
            ),
        ),
        Some(477) => (
            RefusalKind::Forbidden,
            format!(
                "{channel} only lets registered nicks in ({said}). Register the nick with the network's services and log in with `password=`."
            ),
        ),
        Some(489 | 520 | 480) => {
            (RefusalKind::Forbidden, format!("{channel} does not let this connection in ({said})."))
        }
        _ => (RefusalKind::Failed, format!("The server did not let us into {channel}: {said}")),
    };
    Refusal { kind, words }
}

/// Looks for the number of seconds in words like "please wait 12 seconds"; some servers say it.
fn wait_in(words: &str) -> Duration {
    let seconds = words
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|digits| digits.parse::<u64>().ok())
        .find(|&seconds| (1..=600).contains(&seconds));
    Duration::from_secs(seconds.unwrap_or(15))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_to_do() {
        let banned = Message::new("474", ["alice", "#x", "Cannot join channel (you're banned)"]);
        let refusal = join_refusal(&banned, "#x");
        assert_eq!(refusal.kind, RefusalKind::Forbidden);
        assert!(refusal.words.contains("banned from #x") && refusal.words.contains("lift the ban"));
        let fast = Message::new(
            "439",
            ["alice", "bob", "Target change too fast. Please wait 12 seconds."],
        );
        assert_eq!(send_refusal(&fast, "bob").kind, RefusalKind::Wait(Duration::from_secs(12)));
    }
}
