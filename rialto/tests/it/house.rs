//! What a client notices of the running server.

use crate::program::Program;
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use support_matrix_http::{HttpTransport, SocketOptions, SocketTransport};

async fn log_in(address: &str, user: &str, password: &str) -> (u16, Value) {
    let base = format!("http://{address}").parse().unwrap();
    let client = SocketTransport::new(&base, SocketOptions::default()).unwrap();
    let body = json!({
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": user},
        "password": password,
    });
    let request = Request::post("/_matrix/client/v3/login")
        .header("content-type", "application/json")
        .body(Bytes::from(body.to_string()))
        .unwrap();
    let response = client.call(request).await.unwrap();
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn account_made_by_the_operator_can_log_in_at_once() {
    let program = Program::new();
    program.run_with_input("user create before --password-stdin", "before pass\n").ok();
    let up = program.up();
    program.run_with_input("user create during --password-stdin", "during pass").ok();
    for user in ["before", "during"] {
        let (status, body) = log_in(&up.address, user, &format!("{user} pass")).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["user_id"], format!("@{user}:localhost"));
    }
    let (status, body) = log_in(&up.address, "before", "during pass").await;
    assert_eq!((status, body["errcode"].as_str()), (403, Some("M_FORBIDDEN")));
    assert_eq!(up.stop("-TERM").0, 0);
}
