//! What goes into a statement: [`Value`]s, made by the [`params!`](crate::params) macro. A missing
//! value keeps its [`Kind`], because PostgreSQL wants to know the type even of a NULL.

use std::borrow::Cow;

/// One value, borrowed where the caller still has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// No value of this kind.
    Null(Kind),
    /// An integer; the only width there is.
    Integer(i64),
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes.
    Bytes(Cow<'a, [u8]>),
    /// A truth value.
    Bool(bool),
}

/// The kinds of value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `BIGINT`
    Integer,
    /// `TEXT`
    Text,
    /// `BLOB` or `BYTEA`
    Bytes,
    /// `BOOLEAN`
    Bool,
}

/// The values of one statement, in the order of `$1..$n`.
#[derive(Debug, Clone, Default)]
pub struct Params<'a>(pub(crate) Vec<Value<'a>>);

impl<'a> Params<'a> {
    /// Makes the parameters of a statement; [`params!`](crate::params) does this.
    #[must_use]
    pub fn new(values: Vec<Value<'a>>) -> Self {
        Self(values)
    }

    pub(crate) fn into_owned(self) -> Params<'static> {
        Params(self.0.into_iter().map(Value::into_owned).collect())
    }
}

impl Value<'_> {
    fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null(kind) => Value::Null(kind),
            Value::Integer(integer) => Value::Integer(integer),
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Value::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
            Value::Bool(bool) => Value::Bool(bool),
        }
    }

    /// Names the value without showing it: values may be secrets.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Value::Null(_) => "NULL",
            Value::Integer(_) => "an integer",
            Value::Text(_) => "text",
            Value::Bytes(_) => "bytes",
            Value::Bool(_) => "a truth value",
        }
    }
}

/// Collects the values of one statement: `params![id, "text", None::<i64>, &self.name]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        $crate::Params::new(vec![$($crate::IntoValue::into_value($value)),*])
    };
}

/// What can be handed to a statement.
pub trait IntoValue<'a> {
    /// The kind it has, also when it is missing.
    const KIND: Kind;

    /// Turns it into a [`Value`].
    fn into_value(self) -> Value<'a>;
}

macro_rules! into_value {
    ($($type:ty, $kind:ident, $self:ident => $value:expr;)*) => {$(
        impl<'a> IntoValue<'a> for $type {
            const KIND: Kind = Kind::$kind;
            fn into_value($self) -> Value<'a> {
                Value::$kind($value)
            }
        }
    )*};
}

into_value! {
    i64, Integer, self => self;
    i32, Integer, self => i64::from(self);
    u32, Integer, self => i64::from(self);
    &i64, Integer, self => *self;
    bool, Bool, self => self;
    &bool, Bool, self => *self;
    &'a str, Text, self => Cow::Borrowed(self);
    &'a String, Text, self => Cow::Borrowed(self);
    &'a &'a str, Text, self => Cow::Borrowed(*self);
    String, Text, self => Cow::Owned(self);
    Cow<'a, str>, Text, self => self;
    Box<str>, Text, self => Cow::Owned(self.into());
    Vec<u8>, Bytes, self => Cow::Owned(self);
    &'a Vec<u8>, Bytes, self => Cow::Borrowed(self);
    &'a [u8], Bytes, self => Cow::Borrowed(self);
    Cow<'a, [u8]>, Bytes, self => self;
}

impl<'a, const N: usize> IntoValue<'a> for &'a [u8; N] {
    const KIND: Kind = Kind::Bytes;
    fn into_value(self) -> Value<'a> {
        Value::Bytes(Cow::Borrowed(self))
    }
}

impl<'a, const N: usize> IntoValue<'a> for [u8; N] {
    const KIND: Kind = Kind::Bytes;
    fn into_value(self) -> Value<'a> {
        Value::Bytes(Cow::Owned(self.to_vec()))
    }
}

impl<'a, T: IntoValue<'a>> IntoValue<'a> for Option<T> {
    const KIND: Kind = T::KIND;
    fn into_value(self) -> Value<'a> {
        self.map_or(Value::Null(T::KIND), T::into_value)
    }
}

impl<'a, T> IntoValue<'a> for &'a Option<T>
where
    &'a T: IntoValue<'a>,
{
    const KIND: Kind = <&'a T as IntoValue<'a>>::KIND;
    fn into_value(self) -> Value<'a> {
        self.as_ref().into_value()
    }
}
