//! From HTTP to ruma and back.

use crate::{Seen, ask, fault, server};
use http::Request;

const SEND: &str = "/_matrix/client/v3/rooms/!room:example.org/send/m.room.message/txn1";

fn put(path: &str, body: impl Into<Vec<u8>>) -> Request<Vec<u8>> {
    Request::put(path).header("authorization", "Bearer secret").body(body.into()).unwrap()
}

#[tokio::test]
async fn endpoint_answers_under_old_and_new_paths() {
    let seen = Seen::default();
    for path in ["/_matrix/client/v3/account/whoami", "/_matrix/client/r0/account/whoami"] {
        let request = Request::get(path).header("authorization", "Bearer secret").body("").unwrap();
        let response = ask(&server(&seen), request).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert!(String::from_utf8_lossy(response.body()).contains("@alice:example.org"));
        assert_eq!(seen.last(), "whoami secret");
    }
}

#[tokio::test]
async fn stranger_is_refused_before_the_body_is_parsed() {
    let response = ask(&server(&Seen::default()), Request::put(SEND).body("{").unwrap()).await;
    assert_eq!(fault(&response), (401, "M_MISSING_TOKEN".to_owned()));
}

#[tokio::test]
async fn alias_with_an_encoded_slash_stays_one_argument() {
    let seen = Seen::default();
    let path = "/_matrix/client/v3/directory/room/%23a%2Fb%25c+d:example.org";
    let response = ask(&server(&seen), Request::get(path).body("").unwrap()).await;
    assert_eq!(fault(&response), (404, "M_NOT_FOUND".to_owned()));
    assert_eq!(seen.last(), "#a/b%c+d:example.org", "decoded exactly once, and plus is no blank");
}

#[tokio::test]
async fn transaction_id_is_decoded_once() {
    let seen = Seen::default();
    let path = "/_matrix/client/v3/rooms/!room:example.org/send/m.room.message/a%2Fb%2B%252F";
    let response = ask(&server(&seen), put(path, r#"{"body":"hi"}"#)).await;
    assert_eq!(response.status(), 200);
    assert_eq!(seen.last(), r#"a/b+%2F {"body":"hi"}"#);
}

#[tokio::test]
async fn content_passes_through_byte_by_byte() {
    let seen = Seen::default();
    let body = r#"{"z": 1.0, "a":"\u00e4",  "z2":[ ]}"#;
    ask(&server(&seen), put(SEND, body)).await;
    assert_eq!(seen.last(), format!("txn1 {body}"));
}

#[tokio::test]
async fn body_that_is_no_json_is_told_from_one_of_the_wrong_shape() {
    let router = server(&Seen::default());
    for no_json in ["{", "{\"body\":\"hi\"", "hello", "{\"a\":1} trailing"] {
        let response = ask(&router, put(SEND, no_json)).await;
        assert_eq!(fault(&response), (400, "M_NOT_JSON".to_owned()), "{no_json}");
    }
    let whoami_like = "/_matrix/client/v3/rooms/!room:example.org/state/m.room.name";
    let response = ask(&router, put(whoami_like, "[1,2").to_owned()).await;
    assert_eq!(fault(&response), (400, "M_NOT_JSON".to_owned()));
}

#[tokio::test]
async fn invalid_utf8_is_no_json() {
    let response = ask(&server(&Seen::default()), put(SEND, b"{\"body\":\"\xff\xfe\"}")).await;
    assert_eq!(fault(&response), (400, "M_NOT_JSON".to_owned()));
}

#[tokio::test]
async fn invalid_utf8_and_bad_ids_in_the_path_are_invalid_parameters() {
    let router = server(&Seen::default());
    for path in [
        "/_matrix/client/v3/directory/room/%ff%fe",
        "/_matrix/client/v3/directory/room/no-alias",
        "/_matrix/client/v3/rooms/nonsense/state/m.room.name/key",
    ] {
        let response = ask(&router, Request::get(path).body("").unwrap()).await;
        assert_eq!(fault(&response), (400, "M_INVALID_PARAM".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn missing_state_key_is_the_empty_one() {
    let seen = Seen::default();
    let router = server(&seen);
    for path in ["/state/m.room.name", "/state/m.room.name/"] {
        let path = format!("/_matrix/client/v3/rooms/!room:example.org{path}");
        assert_eq!(ask(&router, put(&path, "{}")).await.status(), 200);
        assert_eq!(seen.last(), "m.room.name ``");
        let response = ask(&router, Request::get(&path).body("").unwrap()).await;
        assert!(String::from_utf8_lossy(response.body()).contains("nothing under ``"));
    }
}

#[tokio::test]
async fn body_over_the_limit_is_too_large_with_and_without_a_length() {
    let seen = Seen::default();
    let long = format!(r#"{{"body":"{}"}}"#, "x".repeat(2_000));
    let response = ask(&server(&seen), put(SEND, long)).await;
    assert_eq!(fault(&response), (413, "M_TOO_LARGE".to_owned()));
    let fits = format!(r#"{{"body":"{}"}}"#, "x".repeat(900));
    assert_eq!(ask(&server(&seen), put(SEND, fits)).await.status(), 200);
}
