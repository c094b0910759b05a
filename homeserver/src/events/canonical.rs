//! Canonical JSON: sorted keys, no white space, integers within ±(2^53 − 1), no fractions. Room versions
//! since 6 allow nothing else in an event, so content is brought into this form when it arrives.

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue,
    canonical_json::{CanonicalJsonError, to_canonical_value},
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::EventError;

/// Reads a client's JSON object; what canonical JSON cannot express is refused.
pub(crate) fn canonical_object(raw: &RawValue) -> Result<CanonicalJsonObject, EventError> {
    match serde_json::from_str::<CanonicalJsonValue>(raw.get()) {
        Ok(CanonicalJsonValue::Object(object)) => Ok(object),
        Ok(_) => Err(EventError::BadJson("The content of an event is a JSON object.".to_owned())),
        Err(error) => Err(EventError::BadJson(format!(
            "The content cannot be written as canonical JSON (integers up to 2^53 - 1, no fractions): {error}."
        ))),
    }
}

/// Turns a value of ours into canonical JSON.
pub(crate) fn canonical_value(value: impl Serialize) -> Result<CanonicalJsonValue, EventError> {
    to_canonical_value(value)
        .map_err(|error: CanonicalJsonError| EventError::BadJson(format!("{error}.")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Any canonical value, a few levels deep.
    fn any_value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Into::into),
            ".{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 48, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                proptest::collection::btree_map(".{0,8}", inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn canonical_text_round_trips_and_is_its_own_canonical_form(value in any_value()) {
            let canonical = CanonicalJsonValue::try_from(value.clone()).unwrap();
            let text = serde_json::to_string(&canonical).unwrap();
            let again: CanonicalJsonValue = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(serde_json::to_string(&again).unwrap(), text.clone());
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        }

        #[test]
        fn white_space_and_key_order_do_not_change_the_canonical_form(value in any_value()) {
            let canonical = CanonicalJsonValue::try_from(value.clone()).unwrap();
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            let from_pretty: CanonicalJsonValue = serde_json::from_str(&pretty).unwrap();
            prop_assert_eq!(from_pretty, canonical);
        }
    }

    #[test]
    fn fractions_and_integers_out_of_range_are_refused() {
        for text in
            ["{\"a\":1.5}", "{\"a\":9007199254740992}", "{\"a\":-9007199254740992}", "{\"a\":1e3}"]
        {
            let raw = RawValue::from_string(text.to_owned()).unwrap();
            assert!(matches!(canonical_object(&raw), Err(EventError::BadJson(_))), "{text}");
        }
    }

    #[test]
    fn content_is_an_object() {
        let raw = RawValue::from_string("[1]".to_owned()).unwrap();
        assert!(matches!(canonical_object(&raw), Err(EventError::BadJson(_))));
    }
}
