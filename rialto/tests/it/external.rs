//! An external homeserver that is not what it should be.

use crate::program::{Program, Ran};
use axum::{Json, Router, http::HeaderMap, routing::get};
use serde_json::{Value, json};
use tokio::net::TcpListener;

fn program(address: &str) -> Program {
    Program::with_config(&format!(
        "[homeserver]\nmode = \"external\"\nserver_name = \"example.org\"\nurl = \"http://{address}\"\n\
         [appservice]\nlisten = \"127.0.0.1:0\"\n"
    ))
}

/// Starts the program against a homeserver that gives these answers.
async fn against(versions: Value, whoami: (u16, Value)) -> Ran {
    let router =
        Router::new().route("/_matrix/client/versions", get(|| async { Json(versions) })).route(
            "/_matrix/client/v3/account/whoami",
            get(move |headers: HeaderMap| async move {
                assert!(headers["authorization"].to_str().unwrap().starts_with("Bearer "));
                (http::StatusCode::from_u16(whoami.0).unwrap(), Json(whoami.1))
            }),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let tasks = tokio_util::task::TaskTracker::new();
    tasks.spawn(async move { axum::serve(listener, router).await });
    tasks.spawn_blocking(move || program(&address).run("up")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_homeserver_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let ran = program(&address).run("up");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.complaint().contains(&format!("http://{address} cannot be reached")), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn homeserver_that_is_too_old_is_told_from_something_else_on_the_port() {
    let ran = against(json!({"versions": ["r0.5.0", "r0.6.1"]}), (200, json!({}))).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.complaint().contains("too old: it knows Matrix up to r0.6.1"), "{ran:?}");
    let ran = against(json!({"hello": "world"}), (200, json!({}))).await;
    assert!(ran.complaint().contains("does not answer like a Matrix homeserver"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn homeserver_that_does_not_know_the_registration_is_named() {
    let refusal = json!({"errcode": "M_UNKNOWN_TOKEN", "error": "no"});
    let ran = against(json!({"versions": ["v1.11"]}), (401, refusal)).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    for words in ["refuses our token", "M_UNKNOWN_TOKEN", "rialto registration generate"] {
        assert!(ran.complaint().contains(words), "{ran:?}");
    }
    let ran = against(json!({"versions": ["v1.11"]}), (502, json!({}))).await;
    assert!(ran.complaint().contains("answers M_UNKNOWN (502)"), "{ran:?}");
}
