//! How often somebody may do something, as the configuration says it.

use super::{
    RateLimits, Setting,
    effect::Values,
    reading::{Node, Reading},
};
use homeserver::{Rate, Rates};
use toml::{Value, de::DeValue};

/// `{ per_second = 5, burst = 50 }`: so many at once, and so many in a second after that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// How many in a second, in the long run.
    pub per_second: f64,
    /// How many at once.
    pub burst: u32,
}

impl From<Rate> for Pace {
    fn from(rate: Rate) -> Pace {
        Pace { per_second: rate.per_second, burst: rate.burst }
    }
}

impl From<Pace> for Rate {
    fn from(pace: Pace) -> Rate {
        Rate { per_second: pace.per_second, burst: pace.burst }
    }
}

impl RateLimits {
    /// Returns them as the homeserver has them.
    pub fn rates(&self) -> Rates {
        let mut rates = Rates::default();
        rates.messages = self.messages.into();
        rates.joins = self.joins.into();
        rates.invites = self.invites.into();
        rates.rooms = self.rooms.into();
        rates.profiles = self.profiles.into();
        rates.signals = self.signals.into();
        rates.uploads = self.uploads.into();
        rates.searches = self.searches.into();
        rates.reports = self.reports.into();
        rates.logins = self.logins.into();
        rates.registrations = self.registrations.into();
        rates
    }
}

impl Setting for Pace {
    fn read(node: Node<'_>, reading: &mut Reading<'_>) -> Option<Pace> {
        let (path, line) = (node.path.clone(), node.line);
        let mut table = node.table(reading)?;
        let per_second = table.take_node("per_second", reading);
        let burst = table.take_node("burst", reading);
        table.refuse_rest(&["per_second".to_owned(), "burst".to_owned()], reading);
        let (Some(per_second), Some(burst)) = (per_second, burst) else {
            reading.fault(&path, Some(line), "it needs `per_second` and `burst`");
            return None;
        };
        let number = number(&per_second).filter(|number| (1e-6..=1e6).contains(number));
        if number.is_none() {
            per_second.expected("a number above 0 such as 0.5", reading);
        }
        let count = match burst.value.get_ref() {
            DeValue::Integer(count) => count.as_str().parse().ok().filter(|count| *count > 0),
            _ => None,
        };
        if count.is_none() {
            burst.expected("a whole number above 0", reading);
        }
        Some(Pace { per_second: number?, burst: count? })
    }

    fn show(&self) -> Option<Value> {
        let mut table = toml::Table::new();
        table.insert("per_second".to_owned(), Value::from(self.per_second));
        table.insert("burst".to_owned(), Value::from(self.burst));
        Some(Value::Table(table))
    }

    fn note(&self, key: &str, values: &mut Values) {
        values.insert(format!("{key}.per_second"), self.per_second.to_string());
        values.insert(format!("{key}.burst"), self.burst.to_string());
    }
}

fn number(node: &Node<'_>) -> Option<f64> {
    match node.value.get_ref() {
        DeValue::Integer(number) => number.as_str().parse().ok(),
        DeValue::Float(number) => number.as_str().parse().ok(),
        _ => None,
    }
}
