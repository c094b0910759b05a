//! What a browser's rules ask of every answer: a page of any origin may ask, and read what it is told.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response};
use support_matrix_http::HttpTransport;

use crate::harness::{Ground, House};

/// Asks as a browser does for a page of another origin: first whether it may, then what the page wants. Returns the
/// answer when a browser would let the page read it.
async fn fetch(
    house: &House,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &'static [u8],
) -> Response<Bytes> {
    let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    let preflight = Request::options(path)
        .header("origin", "https://app.example")
        .header("access-control-request-method", method.as_str())
        .header("access-control-request-headers", names.join(","))
        .body(Bytes::new())
        .unwrap();
    let allowed = house.transport.call(preflight).await.unwrap();
    assert!(allowed.status().is_success(), "{method} {path}");
    let list = |name: &str| allowed.headers()[name].to_str().unwrap().to_ascii_lowercase();
    assert_eq!(list("access-control-allow-origin"), "*");
    assert!(list("access-control-allow-methods").contains(&method.as_str().to_lowercase()));
    let permitted = list("access-control-allow-headers");
    let permitted: Vec<_> = permitted.split(',').map(str::trim).collect();
    assert!(names.iter().all(|name| permitted.contains(name)), "{names:?} {permitted:?}");
    assert!(list("access-control-max-age").parse::<u32>().unwrap() > 0);

    let mut request = Request::builder().method(&method).uri(path);
    request = request.header("origin", "https://app.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Bytes::from_static(body)).unwrap();
    let answer = house.transport.call(request).await.unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{method} {path}");
    let exposed = answer.headers()["access-control-expose-headers"].to_str().unwrap();
    for name in ["Retry-After", "Content-Disposition", "Content-Range"] {
        assert!(exposed.contains(name), "{method} {path}: {exposed}");
    }
    answer
}

#[tokio::test]
async fn a_page_reads_every_answer_also_those_that_refuse() {
    let ground = Ground::new();
    let start = ground.start_with(|builder| {
        builder
            .rate_limits(true)
            .largest_upload(64)
            .clock(Arc::new(support_clock::TestClock::new()))
    });
    let house = start.await.unwrap();
    let token = format!("Bearer {}", house.person("alice").await);
    let json = ("content-type", "application/json");
    let known = [("authorization", token.as_str()), json];
    let unknown = [("authorization", "Bearer nonsense"), json];
    let whoami = "/_matrix/client/v3/account/whoami";
    let upload = "/_matrix/media/v3/upload";
    let profile = "/_matrix/client/v3/profile/@alice:hs.test/displayname";
    let large: &'static [u8] = &[b'x'; 65];
    for (method, path, headers, body, status) in [
        (Method::GET, "/_matrix/client/versions", &[][..], &b""[..], 200),
        (Method::GET, whoami, &known[..], b"", 200),
        (Method::GET, whoami, &unknown, b"", 401),
        (Method::GET, "/_matrix/client/v3/nothing", &known, b"", 404),
        (Method::DELETE, whoami, &known, b"", 405),
        (Method::PUT, profile, &known, b"{", 400),
        (Method::POST, upload, &known, large, 413),
        (Method::POST, "/_matrix/client/v3/login", &[json], b"{}", 400),
        (Method::GET, "/elsewhere", &[], b"", 404),
    ] {
        let answer = fetch(&house, method.clone(), path, headers, body).await;
        assert_eq!(answer.status().as_u16(), status, "{method} {path}");
    }
    let wish = br#"{"displayname":"A"}"#;
    let mut statuses = Vec::new();
    for _ in 0..11 {
        let answer = fetch(&house, Method::PUT, profile, &known, wish).await;
        statuses.push(answer.status().as_u16());
    }
    assert_eq!((statuses[0], statuses[10]), (200, 429));
}

#[tokio::test]
async fn a_player_may_ask_for_a_part_of_a_file() {
    let ground = Ground::new();
    let house = ground.start().await;
    let token = format!("Bearer {}", house.person("alice").await);
    let known = [("authorization", token.as_str()), ("content-type", "video/mp4")];
    let path = "/_matrix/media/v3/upload";
    let sent = fetch(&house, Method::POST, path, &known, b"0123456789").await;
    let sent: serde_json::Value = serde_json::from_slice(sent.body()).unwrap();
    let file = sent["content_uri"].as_str().unwrap().strip_prefix("mxc://").unwrap();
    let path = format!("/_matrix/client/v1/media/download/{file}");
    let part = [("authorization", token.as_str()), ("range", "bytes=2-4")];
    let part = fetch(&house, Method::GET, &path, &part, b"").await;
    assert_eq!((part.status().as_u16(), &part.body()[..]), (206, &b"234"[..]));
    assert_eq!(part.headers()["content-range"], "bytes 2-4/10");
    assert_eq!(part.headers()["cross-origin-resource-policy"], "cross-origin");
}
