//! What a JSON body has to be before anybody reads it.
//!
//! Every body of the Matrix API is an object. serde is more patient than the specification: it reads a list where an object of
//! few keys is asked for, takes the last of two equal keys, and lets raw values pass unread. So a body is looked through once as
//! a whole: what two readers could understand differently (equal keys, lone surrogates) or what overflows somebody's stack is
//! refused here, for all endpoints alike.

use crate::MatrixError;
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::{collections::HashSet, fmt};

/// Refuses a body that is no JSON object, or an ambiguous one.
pub(crate) fn check_object(body: &[u8]) -> Result<(), MatrixError> {
    let Ok(text) = std::str::from_utf8(body) else { return Err(MatrixError::not_json()) };
    match serde_json::from_str::<Sound>(text) {
        Ok(Sound::Object) => Ok(()),
        Ok(Sound::Other) => Err(MatrixError::bad_json("The request body has to be a JSON object.")),
        Err(error) if is_json(body) => {
            Err(MatrixError::bad_json(format!("The request body does not fit: {error}.")))
        }
        Err(_) => Err(MatrixError::not_json()),
    }
}

/// Whether it is JSON at all, however deep and ambiguous.
pub(crate) fn is_json(body: &[u8]) -> bool {
    std::str::from_utf8(body).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// A value that was looked through: its strings are Unicode, the keys of its objects differ, and it is not too deep (serde_json
/// goes down 128 levels).
enum Sound {
    Object,
    Other,
}

impl<'de> Deserialize<'de> for Sound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Sound;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Sound, E> {
        Ok(Sound::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Sound, E> {
        Ok(Sound::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Sound, E> {
        Ok(Sound::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Sound, E> {
        Ok(Sound::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Sound, E> {
        Ok(Sound::Other)
    }

    fn visit_unit<E>(self) -> Result<Sound, E> {
        Ok(Sound::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Sound, A::Error> {
        while list.next_element::<Sound>()?.is_some() {}
        Ok(Sound::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Sound, A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value::<Sound>()?;
            if let Some(twice) = keys.replace(key) {
                return Err(de::Error::custom(format_args!(
                    "the key `{twice}` stands there twice"
                )));
            }
        }
        Ok(Sound::Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(body: impl AsRef<[u8]>, errcode: &str) {
        let found = check_object(body.as_ref()).unwrap_err();
        assert_eq!((found.status.as_u16(), found.errcode.as_str()), (400, errcode));
    }

    #[test]
    fn objects_pass_and_nothing_else() {
        assert_eq!(
            check_object(br#" {"a":[{"b":1.5e3,"c":null}],"\ud83d\ude00":"\u0000"} "#),
            Ok(())
        );
        for body in ["[]", "null", "1", "\"{}\"", "true"] {
            is(body, "M_BAD_JSON");
        }
        for body in [&b""[..], b" ", b"{", b"{}x", b"{\"a\":\"\xff\"}", b"{'a':1}", b"{\"a\":NaN}"]
        {
            is(body, "M_NOT_JSON");
        }
    }

    #[test]
    fn what_can_be_understood_in_two_ways_is_refused() {
        is(r#"{"a":1,"a":1}"#, "M_BAD_JSON");
        is(r#"{"x":[{"a":1,"\u0061":2}]}"#, "M_BAD_JSON");
        is(r#"{"a":"\ud800"}"#, "M_BAD_JSON");
        is(r#"{"\udc00":1}"#, "M_BAD_JSON");
    }

    #[test]
    fn depth_is_bounded_and_costs_no_stack() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(check_object(nested(100).as_bytes()), Ok(()));
        is(nested(200), "M_BAD_JSON");
        is(nested(1_000_000), "M_BAD_JSON");
        is("[".repeat(1_000_000), "M_NOT_JSON");
    }
}
