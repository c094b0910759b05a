//! For how long messages stay, where they do not stay for good.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The state event that says it, and the field of a message, as clients know them.
pub(crate) const DISAPPEARING: &str = "com.beeper.disappearing_timer";

/// From when the time counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountsFrom {
    /// From when a message was sent.
    #[default]
    Sent,
    /// From when it was read.
    Read,
}

/// For how long the messages of a chat stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disappearing {
    /// In milliseconds; 0: for good.
    pub after_ms: i64,
    /// From when.
    #[serde(default)]
    pub from: CountsFrom,
}

impl Disappearing {
    /// For good.
    pub const NEVER: Self = Self { after_ms: 0, from: CountsFrom::Sent };

    /// So long after they were sent.
    pub fn after(ms: i64) -> Self {
        Self { after_ms: ms.max(0), from: CountsFrom::Sent }
    }

    /// Whether messages stay.
    pub fn is_never(self) -> bool {
        self.after_ms <= 0
    }

    /// Makes the content of the event that says it.
    pub(crate) fn content(self) -> Value {
        match self {
            _ if self.is_never() => json!({}),
            Self { after_ms, from: CountsFrom::Sent } => {
                json!({ "type": "after_send", "timer": after_ms })
            }
            Self { after_ms, from: CountsFrom::Read } => {
                json!({ "type": "after_read", "timer": after_ms })
            }
        }
    }

    /// Reads it. What is not understood is for good: nothing disappears by mistake.
    pub(crate) fn read(content: &Value) -> Self {
        let after_ms = content.get("timer").and_then(Value::as_i64).unwrap_or(0);
        let from = match content.get("type").and_then(Value::as_str) {
            Some("after_send") => CountsFrom::Sent,
            Some("after_read") => CountsFrom::Read,
            _ => return Self::NEVER,
        };
        if after_ms > 0 { Self { after_ms, from } } else { Self::NEVER }
    }

    /// Says it: "disappear 1 day after they are sent", "stay".
    pub(crate) fn in_words(self) -> String {
        if self.is_never() {
            return "stay".to_owned();
        }
        let from = match self.from {
            CountsFrom::Sent => "sent",
            CountsFrom::Read => "read",
        };
        format!("disappear {} after they are {from}", time(self.after_ms))
    }
}

/// Says a time in the largest unit it is a whole number of.
fn time(ms: i64) -> String {
    const UNITS: [(i64, &str); 5] = [
        (7 * 24 * 3_600_000, "week"),
        (24 * 3_600_000, "day"),
        (3_600_000, "hour"),
        (60_000, "minute"),
        (1000, "second"),
    ];
    let whole = UNITS.iter().find(|(unit, _)| ms % unit == 0);
    let (count, unit) = match whole {
        Some((unit, name)) => (ms / unit, *name),
        None => (ms, "millisecond"),
    };
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_says_it_and_is_read_again() {
        for timer in [
            Disappearing::NEVER,
            Disappearing::after(90_000),
            Disappearing { after_ms: 5, from: CountsFrom::Read },
        ] {
            assert_eq!(Disappearing::read(&timer.content()), timer);
        }
        for nonsense in
            [json!(null), json!({ "type": "after_send" }), json!({ "type": "x", "timer": 5 })]
        {
            assert_eq!(Disappearing::read(&nonsense), Disappearing::NEVER);
        }
    }

    #[test]
    fn times_are_said_in_whole_units() {
        let said = |ms| Disappearing::after(ms).in_words();
        assert_eq!(said(0), "stay");
        assert_eq!(said(24 * 3_600_000), "disappear 1 day after they are sent");
        assert_eq!(said(90_000), "disappear 90 seconds after they are sent");
        assert_eq!(said(14 * 24 * 3_600_000), "disappear 2 weeks after they are sent");
    }
}
