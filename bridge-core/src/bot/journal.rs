//! `journal` and `trace`: asking after messages, by people who have no command line. What they may see
//! is decided by the permissions, what is done by the journal's desk.

use super::parse::{self, Word};
use super::{Bot, BotReply, CommandRequest, words};
use crate::journal::{Asker, JournalAnswer, JournalFilter, JournalOrder};

/// How many rows one answer lists: more is unreadable in a chat.
const PAGE: i64 = 20;
const USAGE: &str = "Usage: journal list [state=S] [network=N] [room=R] [after=ROW] | journal show ROW | journal retry ROW [even-if-doubled] | journal drop ROW";
const VERBS: [&str; 4] = ["list", "show", "retry", "drop"];

impl Bot {
    pub(super) async fn journal(&self, request: &CommandRequest, rest: &[Word]) -> BotReply {
        match order(rest) {
            Ok(order) => self.ask_desk(request, order).await,
            Err(words) => BotReply::new(words),
        }
    }

    pub(super) async fn trace(&self, request: &CommandRequest, rest: &[Word]) -> BotReply {
        let id = match rest {
            [Word::Plain(id)] => id.clone(),
            // A remote id may look like a pair.
            [Word::Pair(key, value)] => format!("{key}={value}"),
            _ => return BotReply::new("Usage: trace ID"),
        };
        self.ask_desk(request, JournalOrder::Trace { id }).await
    }

    async fn ask_desk(&self, request: &CommandRequest, order: JournalOrder) -> BotReply {
        let Some(asker) = Asker::person(&self.0.permissions, &request.sender) else {
            return words::not_allowed();
        };
        let Some(desk) = self.0.desk.get() else {
            return BotReply::new("The journal is not there yet; try again in a moment.");
        };
        match desk.answer(order, &asker).await {
            Ok(answer) => BotReply::new(in_chat(&answer)),
            Err(error) => BotReply::new(sentence(&error.to_string())),
        }
    }
}

/// Puts an answer into a chat, where the next page is asked for with another command.
fn in_chat(answer: &JournalAnswer) -> String {
    let text = answer.to_string();
    match answer {
        JournalAnswer::Page(page) => match page.next {
            Some(next) => format!("{text}\nThere are more: `journal list after={next}`"),
            None => text,
        },
        _ => text,
    }
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

fn order(rest: &[Word]) -> Result<JournalOrder, String> {
    let Some(Word::Plain(verb)) = rest.first() else { return Err(USAGE.to_owned()) };
    let verb = verb.to_lowercase();
    match (verb.as_str(), &rest[1..]) {
        ("list", filters) => list(filters),
        ("show", [row]) => Ok(JournalOrder::Show { id: number(row)? }),
        ("drop", [row]) => Ok(JournalOrder::Drop { id: number(row)? }),
        ("retry", [row]) => Ok(JournalOrder::Retry { id: number(row)?, even_if_doubled: false }),
        ("retry", [row, Word::Plain(also)])
            if also.trim_start_matches('-') == "even-if-doubled" =>
        {
            Ok(JournalOrder::Retry { id: number(row)?, even_if_doubled: true })
        }
        _ => match parse::nearest(&verb, VERBS.into_iter()).filter(|near| *near != verb) {
            Some(near) => Err(format!("Did you mean `journal {near}`? {USAGE}")),
            None => Err(USAGE.to_owned()),
        },
    }
}

fn number(word: &Word) -> Result<i64, String> {
    match word {
        Word::Plain(row) => row.parse().map_err(|_| {
            format!("A row is named by its number, which `journal list` shows. {USAGE}")
        }),
        Word::Pair(..) => Err(USAGE.to_owned()),
    }
}

fn list(filters: &[Word]) -> Result<JournalOrder, String> {
    let mut filter = JournalFilter { limit: Some(PAGE), ..JournalFilter::default() };
    for word in filters {
        let Word::Pair(key, value) = word else { return Err(USAGE.to_owned()) };
        let value = value.clone();
        match key.as_str() {
            "state" => filter.state = Some(value),
            "network" => filter.network = Some(value),
            "room" => filter.room = Some(value),
            "after" => filter.after = Some(number(&Word::Plain(value))?),
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(JournalOrder::List(filter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(text: &str) -> Result<JournalOrder, String> {
        order(&parse::words(text).unwrap_or_default())
    }

    #[test]
    fn orders_are_read() {
        let filter = JournalFilter {
            state: Some("failed".to_owned()),
            room: Some("!r:x".to_owned()),
            limit: Some(PAGE),
            ..JournalFilter::default()
        };
        assert_eq!(ordered("list state=failed room=!r:x"), Ok(JournalOrder::List(filter)));
        assert_eq!(ordered("show 7"), Ok(JournalOrder::Show { id: 7 }));
        assert_eq!(ordered("Drop 7"), Ok(JournalOrder::Drop { id: 7 }));
        let retry = |even_if_doubled| Ok(JournalOrder::Retry { id: 7, even_if_doubled });
        assert_eq!(ordered("retry 7"), retry(false));
        assert_eq!(ordered("retry 7 even-if-doubled"), retry(true));
        assert_eq!(ordered("retry 7 --even-if-doubled"), retry(true));
    }

    #[test]
    fn what_is_no_order_is_answered_with_how_to_ask() {
        for text in ["", "show", "show seven", "retry 7 now", "list colour=red", "list failed"] {
            assert!(ordered(text).is_err_and(|words| words.contains("Usage:")), "{text}");
        }
        assert!(ordered("retyr 7").is_err_and(|words| words.contains("`journal retry`")));
    }
}
