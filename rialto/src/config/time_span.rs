//! How long something lasts, as the configuration says it.

use super::{
    Setting,
    reading::{Node, Reading},
};
use std::time::Duration;
use toml::Value;

/// A time such as `"90s"`, `"5m"`, `"12h"` or `"7d"`; at least a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeSpan(Duration);

const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];

impl TimeSpan {
    /// Takes a number of minutes.
    pub(crate) const fn minutes(number: u64) -> TimeSpan {
        TimeSpan(Duration::from_secs(number * 60))
    }

    /// Returns it as the standard library has it.
    pub fn duration(self) -> Duration {
        self.0
    }

    fn parse(text: &str) -> Option<TimeSpan> {
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = text.split_at(digits);
        let (seconds, _) = UNITS.into_iter().find(|(_, name)| *name == unit.trim())?;
        let number: u64 = number.parse().ok().filter(|number| *number > 0)?;
        // What passes a few thousand years is a slip of the pen.
        let seconds = number.checked_mul(seconds).filter(|seconds| *seconds < 1 << 37)?;
        Some(TimeSpan(Duration::from_secs(seconds)))
    }
}

impl Setting for TimeSpan {
    fn read(node: Node<'_>, reading: &mut Reading<'_>) -> Option<TimeSpan> {
        const EXPECTED: &str = "a time such as `\"5m\"`";
        let text = node.text(EXPECTED, reading)?;
        let span = TimeSpan::parse(&text);
        if span.is_none() {
            node.fault(format!("expected {EXPECTED}"), reading);
        }
        span
    }

    fn show(&self) -> Option<Value> {
        let seconds = self.0.as_secs();
        let (unit, name) = UNITS.into_iter().find(|(unit, _)| seconds.is_multiple_of(*unit))?;
        Some(Value::from(format!("{}{name}", seconds / unit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_in_its_largest_whole_unit() {
        for (text, shown) in [("5m", "5m"), ("90 s", "90s"), ("3600s", "1h"), ("48h", "2d")] {
            let span = TimeSpan::parse(text).expect("it is one");
            assert_eq!(span.show(), Some(Value::from(shown)));
        }
        for text in ["", "5", "m", "0m", "5 weeks", "-5m", "99999999999999d"] {
            assert_eq!(TimeSpan::parse(text), None, "{text}");
        }
    }
}
