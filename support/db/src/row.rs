//! What comes out of a statement: [`Row`]s, the same whichever database answered.

use std::sync::Arc;

use crate::{DbError, value::Value};

/// One row of an answer.
#[derive(Debug, Clone)]
pub struct Row {
    /// Shared by all rows of one answer.
    pub(crate) columns: Arc<[Box<str>]>,
    pub(crate) values: Vec<Value<'static>>,
}

impl Row {
    /// Returns the value of a column: `row.get::<Option<i64>>("edited_ms")?`. Borrowed forms
    /// (`&str`, `&[u8]`) copy nothing.
    pub fn get<'r, T: FromValue<'r>>(&'r self, column: &str) -> Result<T, DbError> {
        let problem = |problem: String| DbError::Column { column: column.to_owned(), problem };
        let index = self
            .columns
            .iter()
            .position(|name| &**name == column)
            .ok_or_else(|| problem("the answer has no such column".to_owned()))?;
        let value = &self.values[index];
        T::from_value(value)
            .ok_or_else(|| problem(format!("expected {}, found {}", T::EXPECTED, value.describe())))
    }

    /// Returns the names of the columns.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|name| &**name)
    }
}

/// What a column can be read as.
pub trait FromValue<'r>: Sized {
    /// The kind, for the error when it is another.
    const EXPECTED: &'static str;

    /// Reads the value, or returns `None` if it is of another kind.
    fn from_value(value: &'r Value<'static>) -> Option<Self>;
}

impl FromValue<'_> for i64 {
    const EXPECTED: &'static str = "an integer";
    fn from_value(value: &Value<'static>) -> Option<Self> {
        match value {
            Value::Integer(integer) => Some(*integer),
            _ => None,
        }
    }
}

impl FromValue<'_> for bool {
    const EXPECTED: &'static str = "a truth value";
    fn from_value(value: &Value<'static>) -> Option<Self> {
        match value {
            Value::Bool(bool) => Some(*bool),
            // SQLite has no truth values, a BOOLEAN column holds 0 and 1 there.
            Value::Integer(integer @ (0 | 1)) => Some(*integer == 1),
            _ => None,
        }
    }
}

impl<'r> FromValue<'r> for &'r str {
    const EXPECTED: &'static str = "text";
    fn from_value(value: &'r Value<'static>) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl FromValue<'_> for String {
    const EXPECTED: &'static str = "text";
    fn from_value(value: &Value<'static>) -> Option<Self> {
        <&str>::from_value(value).map(str::to_owned)
    }
}

impl<'r> FromValue<'r> for &'r [u8] {
    const EXPECTED: &'static str = "bytes";
    fn from_value(value: &'r Value<'static>) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl FromValue<'_> for Vec<u8> {
    const EXPECTED: &'static str = "bytes";
    fn from_value(value: &Value<'static>) -> Option<Self> {
        <&[u8]>::from_value(value).map(<[u8]>::to_vec)
    }
}

impl<'r, T: FromValue<'r>> FromValue<'r> for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    fn from_value(value: &'r Value<'static>) -> Option<Self> {
        match value {
            Value::Null(_) => Some(None),
            other => T::from_value(other).map(Some),
        }
    }
}
