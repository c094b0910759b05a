//! What only a socket can carry: requests that are no HTTP, lie about their length, or never end.
//!
//! Below HTTP there is no JSON to answer with: such rows name the status alone, 0 where the connection is only closed.

use support_db::testing::sqlite_place;

use super::{row::Who, socket::Door, trace::Trace, world::World};

struct Wire {
    name: &'static str,
    bytes: Vec<u8>,
    /// The statuses that are right; who closes without a word says 0.
    statuses: &'static [u16],
    errcode: Option<&'static str>,
}

fn wire(name: &'static str, bytes: impl Into<Vec<u8>>) -> Wire {
    Wire { name, bytes: bytes.into(), statuses: &[400], errcode: None }
}

impl Wire {
    fn says(mut self, statuses: &'static [u16]) -> Self {
        self.statuses = statuses;
        self
    }

    fn is(mut self, statuses: &'static [u16], errcode: &'static str) -> Self {
        self.errcode = Some(errcode);
        self.says(statuses)
    }
}

/// A message of Bob's, with these headers and this body.
fn send(token: &str, room: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "PUT /_matrix/client/v3/rooms/{room}/send/m.room.message/wire HTTP/1.1\r\nhost: hs.test\r\n\
         authorization: Bearer {token}\r\nconnection: close\r\n{headers}\r\n"
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn rows(token: &str, room: &str) -> Vec<Wire> {
    let send = |headers: &str, body: &[u8]| send(token, room, headers, body);
    let hello = br#"{"msgtype":"m.text","body":"hello"}"#;
    let head = "host: hs.test\r\nconnection: close\r\n\r\n";
    let versions = "/_matrix/client/versions";
    let ask = |start: &str| format!("{start}\r\n{head}");
    vec![
        wire("nothing", "").says(&[0]),
        wire("bytes of no protocol", &[0_u8; 64][..]),
        wire("a TLS greeting", &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..])
            .says(&[0, 400]),
        wire("a line and no more", format!("GET {versions} HTTP/1.1\r\n")).says(&[0, 400]),
        wire("a version nobody speaks", ask(&format!("GET {versions} HTTP/9.9"))),
        wire("a space in the path", ask("GET /_matrix/client/v3/rooms/!a b/state HTTP/1.1")),
        wire("NUL in the path", ask("GET /_matrix/client\0/versions HTTP/1.1")),
        wire("NUL in a header", format!("GET {versions} HTTP/1.1\r\nx-test: a\0b\r\n{head}")),
        wire("a header without a colon", format!("GET {versions} HTTP/1.1\r\nnonsense\r\n{head}")),
        wire(
            "a header of 2 MB",
            format!("GET {versions} HTTP/1.1\r\nx: {}\r\n{head}", "x".repeat(2_000_000)),
        )
        .says(&[0, 431]),
        wire("500 headers", format!("GET {versions} HTTP/1.1\r\n{}{head}", "x: y\r\n".repeat(500)))
            .says(&[431]),
        wire("a transaction id of 1 MB", {
            let path = format!(
                "/_matrix/client/v3/rooms/{room}/send/m.room.message/{}",
                "t".repeat(1_000_000)
            );
            ask(&format!("PUT {path} HTTP/1.1"))
        })
        .says(&[0, 414, 431]),
        wire("a small method", ask(&format!("get {versions} HTTP/1.1")))
            .is(&[405], "M_UNRECOGNIZED"),
        wire("a way through to elsewhere", ask("CONNECT example.org:443 HTTP/1.1"))
            .is(&[404, 405], "M_UNRECOGNIZED"),
        wire("a mirror", ask(&format!("TRACE {versions} HTTP/1.1"))).is(&[405], "M_UNRECOGNIZED"),
        wire("a path that is a star", ask("OPTIONS * HTTP/1.1")).says(&[200]),
        wire("two lengths", send("content-length: 5\r\ncontent-length: 35\r\n", hello)),
        wire("a length that is a word", send("content-length: many\r\n", hello)),
        wire("a negative length", send("content-length: -1\r\n", hello)),
        wire(
            "a length beyond all numbers",
            send("content-length: 99999999999999999999999\r\n", hello),
        ),
        wire("a body shorter than its length", send("content-length: 5000\r\n", hello))
            .is(&[0, 400], "M_UNKNOWN"),
        wire("a body that is only announced", send("content-length: 10000000000\r\n", hello))
            .is(&[0, 400], "M_UNKNOWN"),
        wire(
            "pieces of no size",
            send("transfer-encoding: chunked\r\n", b"zz\r\nhello\r\n0\r\n\r\n"),
        )
        .is(&[0, 400], "M_UNKNOWN"),
        wire("pieces that never end", send("transfer-encoding: chunked\r\n", b"5\r\n{\"bod"))
            .is(&[0, 400], "M_UNKNOWN"),
        wire(
            "a piece of 2^64 bytes",
            send("transfer-encoding: chunked\r\n", b"FFFFFFFFFFFFFFFFF\r\nx\r\n0\r\n\r\n"),
        )
        .is(&[0, 400], "M_UNKNOWN"),
        wire("pieces of 5 MB in all", {
            let piece =
                [format!("{:x}\r\n", 100_000).into_bytes(), vec![b' '; 100_000], b"\r\n".to_vec()]
                    .concat();
            let body = [piece.repeat(50), b"0\r\n\r\n".to_vec()].concat();
            send("transfer-encoding: chunked\r\n", &body)
        })
        .is(&[413], "M_TOO_LARGE"),
        wire("a form of encoding nobody knows", send("transfer-encoding: magic\r\n", hello)),
        wire("bytes beyond ASCII in the token", {
            let start = "GET /_matrix/client/v3/account/whoami HTTP/1.1\r\nauthorization: Bearer ";
            [start.as_bytes(), b"\xff\xfe\r\n", head.as_bytes()].concat()
        })
        .is(&[401], "M_MISSING_TOKEN"),
        wire("bad UTF-8, raw in the path", {
            [&b"GET /_matrix/client/v3/profile/@\xff:hs.test HTTP/1.1\r\n"[..], head.as_bytes()]
                .concat()
        })
        .says(&[400]),
    ]
}

#[tokio::test]
async fn hostile_bytes_on_the_wire_are_answered_or_cut_off_and_leave_nothing() {
    let world = World::on(sqlite_place()).await;
    let door = Door::open(&world.house).await;
    let token = world.token_of(Who::Bob).unwrap();
    let room = world.path("{room}");
    let before = Trace::of(&world.ground);
    let mut faults = Vec::new();
    let rows = rows(token, &room);
    assert!(rows.len() >= 25, "{}", rows.len());
    for row in rows {
        let heard = door.say(&row.bytes).await;
        if !row.statuses.contains(&heard.status) {
            faults.push(format!("{}: {} {}", row.name, heard.status, heard.head));
        }
        if let Some(errcode) = row.errcode.filter(|_| heard.status != 0) {
            let body = heard.json().unwrap_or_default();
            if body["errcode"] != errcode {
                faults.push(format!("{}: {errcode} expected, found {body}", row.name));
            }
        }
        let changes = before.changes(&Trace::of(&world.ground));
        faults.extend(changes.into_iter().map(|change| format!("{}: {change}", row.name)));
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
    world.is_well().await;
    door.close();
    world.house.stop().await;
}
