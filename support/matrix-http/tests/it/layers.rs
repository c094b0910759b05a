//! What every hardened router does, whatever is asked.

use crate::{Seen, ask, fault, server};
use http::{Method, Request};

#[tokio::test]
async fn unknown_path_and_wrong_method_are_unrecognized() {
    let router = server(&Seen::default());
    let response = ask(&router, Request::get("/_matrix/client/v3/nothing").body("").unwrap()).await;
    assert_eq!(fault(&response), (404, "M_UNRECOGNIZED".to_owned()));
    let wrong = Request::delete("/_matrix/client/v3/account/whoami").body("").unwrap();
    assert_eq!(fault(&ask(&router, wrong).await), (405, "M_UNRECOGNIZED".to_owned()));
}

#[tokio::test]
async fn web_clients_may_read_answers_and_errors() {
    let router = server(&Seen::default());
    for (method, path) in [
        (Method::GET, "/_matrix/client/v3/account/whoami"),
        (Method::GET, "/_matrix/client/v3/nothing"),
        (Method::DELETE, "/_matrix/client/v3/account/whoami"),
        (Method::GET, "/panic"),
        (Method::OPTIONS, "/_matrix/client/v3/account/whoami"),
        (Method::OPTIONS, "/_matrix/client/v3/nothing"),
    ] {
        let request = Request::builder().method(&method).uri(path).body("").unwrap();
        let response = ask(&router, request).await;
        let header = |name: &str| {
            response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(header("access-control-allow-origin").as_deref(), Some("*"), "{method} {path}");
        assert!(header("access-control-allow-methods").unwrap().contains("PUT"), "{method} {path}");
        assert!(header("access-control-allow-headers").unwrap().contains("Authorization"));
        if method == Method::OPTIONS {
            assert_eq!(response.status(), 200, "a preflight needs no token: {path}");
        }
    }
}

#[tokio::test]
async fn panic_of_a_handler_becomes_a_500() {
    let response = ask(&server(&Seen::default()), Request::get("/panic").body("").unwrap()).await;
    assert_eq!(fault(&response), (500, "M_UNKNOWN".to_owned()));
    assert!(!String::from_utf8_lossy(response.body()).contains("broken promise"));
}
