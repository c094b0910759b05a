//! Messages and redactions.

use serde_json::json;

use super::{
    personal::nested,
    row::{Row, Who, Who::*, put},
};

/// A message of Bob's, its body as it is.
fn say(name: &'static str, body: impl Into<bytes::Bytes>) -> Row {
    put(name, Bob, "/rooms/{room}/send/m.room.message/hostile").raw(body)
}

fn text(value: &str) -> String {
    format!("{{\"msgtype\":\"m.text\",\"body\":\"x\",\"extra\":{value}}}")
}

fn hello() -> serde_json::Value {
    json!({ "msgtype": "m.text", "body": "hello" })
}

fn redact(name: &'static str, who: Who, event: &str) -> Row {
    put(name, who, format!("/rooms/{{room}}/redact/{event}/hostile")).json(json!({}))
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = bodies();
    rows.extend(places());
    rows.extend(redactions());
    rows
}

fn bodies() -> Vec<Row> {
    vec![
        say("no body", "").is(400, "M_NOT_JSON"),
        say("white space for a body", " \n ").is(400, "M_NOT_JSON"),
        say("half an object", "{\"body\":\"x\"").is(400, "M_NOT_JSON"),
        say("two objects", "{}{}").is(400, "M_NOT_JSON"),
        say("something after the object", "{\"body\":\"x\"}x").is(400, "M_NOT_JSON"),
        say("single quotes", "{'body':'x'}").is(400, "M_NOT_JSON"),
        say("a comma too many", "{\"body\":\"x\",}").is(400, "M_NOT_JSON"),
        say("NaN", text("NaN")).is(400, "M_NOT_JSON"),
        say("a form", "body=x&msgtype=m.text")
            .header("content-type", "application/x-www-form-urlencoded")
            .is(400, "M_NOT_JSON"),
        say("XML", "<body>x</body>")
            .header("content-type", "application/xml")
            .is(400, "M_NOT_JSON"),
        say("bad UTF-8", &b"{\"msgtype\":\"m.text\",\"body\":\"\xff\xfe\"}"[..])
            .is(400, "M_NOT_JSON"),
        say("an overlong encoding", &b"{\"msgtype\":\"m.text\",\"body\":\"\xc0\xaf\"}"[..])
            .is(400, "M_NOT_JSON"),
        say("a surrogate in UTF-8", &b"{\"msgtype\":\"m.text\",\"body\":\"\xed\xa0\x80\"}"[..])
            .is(400, "M_NOT_JSON"),
        say("UTF-16", &b"\xff\xfe{\0\"\0a\0\"\0:\x001\0}\0"[..]).is(400, "M_NOT_JSON"),
        say("a byte order mark", "\u{feff}{\"msgtype\":\"m.text\",\"body\":\"x\"}")
            .is(400, "M_NOT_JSON"),
        say("a bare control character", "{\"msgtype\":\"m.text\",\"body\":\"a\u{1}b\"}")
            .is(400, "M_NOT_JSON"),
        say("compressed bytes nobody announced", &b"\x1f\x8b\x08\x00\x00\x00\x00\x00"[..])
            .header("content-encoding", "gzip")
            .is(400, "M_NOT_JSON"),
        say("a list", "[]").is(400, "M_BAD_JSON"),
        say("a list with an object in it", "[{\"msgtype\":\"m.text\",\"body\":\"x\"}]")
            .is(400, "M_BAD_JSON"),
        say("a string", "\"hello\"").is(400, "M_BAD_JSON"),
        say("null", "null").is(400, "M_BAD_JSON"),
        say("a number", "7").is(400, "M_BAD_JSON"),
        say("a fraction", text("1.5")).is(400, "M_BAD_JSON"),
        say("a fraction that is whole", text("1.0")).is(400, "M_BAD_JSON"),
        say("an exponent", text("1e3")).is(400, "M_BAD_JSON"),
        say("negative zero as a fraction", text("-0.0")).is(400, "M_BAD_JSON"),
        say("an integer of 2^53", text("9007199254740992")).is(400, "M_BAD_JSON"),
        say("an integer of -2^53", text("-9007199254740992")).is(400, "M_BAD_JSON"),
        say("an integer of 2^64", text("18446744073709551616")).is(400, "M_BAD_JSON"),
        say("an integer of 400 digits", text(&"9".repeat(400))).is(400, "M_BAD_JSON"),
        say("an exponent of a million", text("1e1000000")).is(400, "M_BAD_JSON"),
        say("a fraction deep inside", text("{\"a\":[{\"b\":[0.1]}]}")).is(400, "M_BAD_JSON"),
        say("a lone high surrogate", text("\"\\ud800\"")).is(400, "M_BAD_JSON"),
        say("a lone low surrogate", text("\"\\udc00\"")).is(400, "M_BAD_JSON"),
        say("surrogates the wrong way round", text("\"\\udc00\\ud800\"")).is(400, "M_BAD_JSON"),
        say("a lone surrogate in a key", "{\"\\ud800\":1}").is(400, "M_BAD_JSON"),
        say("duplicate keys", "{\"msgtype\":\"m.text\",\"body\":\"a\",\"body\":\"b\"}")
            .is(400, "M_BAD_JSON"),
        say("duplicate keys deep inside", text("[{\"a\":1,\"a\":1}]")).is(400, "M_BAD_JSON"),
        say("duplicate keys, one escaped", text("{\"a\":1,\"\\u0061\":2}")).is(400, "M_BAD_JSON"),
        say("lists nested 200 deep", nested(200)).is(400, "M_BAD_JSON"),
        say("lists nested 30,000 deep", nested(30_000)).is(400, "M_BAD_JSON"),
        say("lists nested 200,000 deep", nested(200_000)).is(400, "M_BAD_JSON"),
        say(
            "objects nested 10,000 deep",
            format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000)),
        )
        .is(400, "M_BAD_JSON"),
        say("lists opened 100,000 times and never closed", "[".repeat(100_000))
            .is(400, "M_NOT_JSON"),
        say("65,536 characters", format!("{{\"body\":\"{}\"}}", "x".repeat(65_536)))
            .is(413, "M_TOO_LARGE"),
        say(
            "a little more than an event holds",
            format!("{{\"body\":\"{}\"}}", "x".repeat(65_000)),
        )
        .is(413, "M_TOO_LARGE"),
        say(
            "characters that grow when they are written",
            format!("{{\"body\":\"{}\"}}", "\\u0001".repeat(11_000)),
        )
        .is(413, "M_TOO_LARGE"),
        say("10,000 keys", {
            let keys: Vec<String> = (0..10_000).map(|n| format!("\"{n}\":0")).collect();
            format!("{{{}}}", keys.join(","))
        })
        .is(413, "M_TOO_LARGE"),
        say("5 MB", format!("{{\"body\":\"{}\"}}", "x".repeat(5_000_000))).is(413, "M_TOO_LARGE"),
        say("5 MB of white space", " ".repeat(5_000_000)).is(413, "M_TOO_LARGE"),
        say("a body that is an object", "{\"msgtype\":\"m.text\",\"body\":{}}")
            .is(400, "M_BAD_JSON"),
        say("a message type that is a number", "{\"msgtype\":1,\"body\":\"x\"}")
            .is(400, "M_BAD_JSON"),
    ]
}

fn places() -> Vec<Row> {
    let long = "t".repeat(300);
    let send = |name, who, path: &str| put(name, who, path).json(hello());
    vec![
        send("speaking where one is not", Mallory, "/rooms/{room}/send/m.room.message/x")
            .is(403, "M_FORBIDDEN"),
        send("speaking where one is banned", Bob, "/rooms/{banned}/send/m.room.message/x")
            .is(403, "M_FORBIDDEN"),
        send("speaking where one has left", Bob, "/rooms/{left}/send/m.room.message/x")
            .is(403, "M_FORBIDDEN"),
        send(
            "speaking in a room that is not there",
            Alice,
            "/rooms/!nowhere:hs.test/send/m.room.message/x",
        )
        .is(403, "M_FORBIDDEN"),
        send(
            "speaking in a room of another server",
            Alice,
            "/rooms/!room:other.test/send/m.room.message/x",
        )
        .is(403, "M_FORBIDDEN"),
        send("speaking in what is no room", Alice, "/rooms/room/send/m.room.message/x")
            .is(400, "M_INVALID_PARAM"),
        send("speaking in an alias", Alice, "/rooms/%23room:hs.test/send/m.room.message/x")
            .is(400, "M_INVALID_PARAM"),
        send(
            "speaking in a room id of 300 characters",
            Alice,
            &format!("/rooms/!{long}:hs.test/send/m.room.message/x"),
        )
        .is(403, "M_FORBIDDEN"),
        send("NUL in a room id", Alice, "/rooms/!a%00b:hs.test/send/m.room.message/x")
            .is(400, "M_INVALID_PARAM"),
        send("bad UTF-8 in a room id", Alice, "/rooms/!a%ff:hs.test/send/m.room.message/x")
            .is(400, "M_INVALID_PARAM"),
        send("an event type of 300 characters", Bob, &format!("/rooms/{{room}}/send/{long}/x"))
            .is(413, "M_TOO_LARGE"),
        send("NUL in an event type", Bob, "/rooms/{room}/send/a%00b/x").is(400, "M_INVALID_PARAM"),
        send("bad UTF-8 in an event type", Bob, "/rooms/{room}/send/%c3%28/x")
            .is(400, "M_INVALID_PARAM"),
        send(
            "a transaction id of 300 characters",
            Bob,
            &format!("/rooms/{{room}}/send/m.room.message/{long}"),
        )
        .is(400, "M_INVALID_PARAM"),
        send(
            "a transaction id of 60,000 characters",
            Bob,
            &format!("/rooms/{{room}}/send/m.room.message/{}", "t".repeat(60_000)),
        )
        .is(400, "M_INVALID_PARAM"),
        send("NUL in a transaction id", Bob, "/rooms/{room}/send/m.room.message/a%00b")
            .is(400, "M_INVALID_PARAM"),
        send("a membership that is no state", Bob, "/rooms/{room}/send/m.room.member/x")
            .is(400, "M_BAD_JSON"),
        send("a second beginning as a message", Alice, "/rooms/{room}/send/m.room.create/x")
            .is(403, "M_FORBIDDEN"),
        put(
            "a time beyond all numbers",
            Bob,
            "/rooms/{room}/send/m.room.message/x?ts=99999999999999999999",
        )
        .json(hello())
        .is(400, "M_INVALID_PARAM"),
        put("a time that is no number", Bob, "/rooms/{room}/send/m.room.message/x?ts=noon")
            .json(hello())
            .is(400, "M_INVALID_PARAM"),
    ]
}

fn redactions() -> Vec<Row> {
    let by_send = |name, body: &str| {
        put(name, Bob, "/rooms/{room}/send/m.room.redaction/hostile").raw(body.to_owned())
    };
    vec![
        redact("redacting somebody else's event", Bob, "{event}").is(403, "M_FORBIDDEN"),
        redact("redacting the beginning", Alice, "{create}").is(403, "M_FORBIDDEN"),
        redact("redacting an event of another room", Alice, "{secret}").is(404, "M_NOT_FOUND"),
        redact("redacting an event that is not there", Bob, "%24nothing").is(404, "M_NOT_FOUND"),
        redact("redacting where one is not", Mallory, "{event}").is(403, "M_FORBIDDEN"),
        redact("redacting what is no event", Bob, "event").is(400, "M_INVALID_PARAM"),
        redact("redacting a room", Bob, "{room}").is(400, "M_INVALID_PARAM"),
        redact("redacting an event of another server", Bob, "%24event:other.test")
            .is(404, "M_NOT_FOUND"),
        redact("NUL in an event id", Bob, "%24a%00b").is(400, "M_INVALID_PARAM"),
        redact("redacting an id of 300 characters", Bob, &format!("%24{}", "e".repeat(300)))
            .is(404, "M_NOT_FOUND"),
        redact("slashes and dots in an event id", Bob, "%24..%2f..%2f").is(404, "M_NOT_FOUND"),
        put("a reason that is a list", Alice, "/rooms/{room}/redact/{event}/x")
            .json(json!({ "reason": [] }))
            .is(400, "M_BAD_JSON"),
        put("a reason of 70,000 characters", Alice, "/rooms/{room}/redact/{event}/x")
            .json(json!({ "reason": "x".repeat(70_000) }))
            .is(413, "M_TOO_LARGE"),
        put("redacting with a list", Alice, "/rooms/{room}/redact/{event}/x")
            .json(json!([]))
            .is(400, "M_BAD_JSON"),
        by_send("a redaction of nothing", "{}").is(400, "M_BAD_JSON"),
        by_send("a redaction of a number", "{\"redacts\":7}").is(400, "M_BAD_JSON"),
        by_send("a redaction of no event id", "{\"redacts\":\"event\"}").is(400, "M_BAD_JSON"),
        by_send(
            "a redaction of somebody else's event, sent as a message",
            "{\"redacts\":\"{event}\"}",
        )
        .is(403, "M_FORBIDDEN"),
        by_send(
            "a redaction of another room's event, sent as a message",
            "{\"redacts\":\"{secret}\"}",
        )
        .is(404, "M_NOT_FOUND"),
    ]
}
