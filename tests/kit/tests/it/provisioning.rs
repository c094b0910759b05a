//! Logging in and out and finding people over HTTP.

use std::sync::Arc;

use bridge_testkit::{HouseOptions, TestHouse, TestUser};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use support_matrix_http::{HttpTransport as _, InProcess};

use crate::{log, logged_in, vault};

/// What a program with a person's token sees of the API.
struct Page {
    inside: Arc<InProcess>,
    token: String,
    /// Where the API is.
    prefix: String,
}

impl Page {
    fn of(house: &TestHouse, person: &TestUser) -> Self {
        Self::with(house, person.token())
    }

    fn with(house: &TestHouse, token: &str) -> Self {
        let inside = Arc::new(InProcess::new(house.bridge().router()));
        let prefix = "/_matrix/provision/v3".to_owned();
        Self { inside, token: token.to_owned(), prefix }
    }

    /// The same for one network alone.
    fn for_network(mut self, network: &str) -> Self {
        self.prefix = format!("/_rialto/provision/{network}/_matrix/provision/v3");
        self
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.ask_raw(method, path, body).await
    }

    async fn ask_raw(&self, method: Method, path: &str, body: String) -> (StatusCode, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}/{path}", self.prefix))
            .header(header::CONTENT_TYPE, "application/json");
        if !self.token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        }
        let request = request.body(Bytes::from(body)).expect("a path of a test is a path");
        let response = self.inside.call(request).await.expect("the bridge answers");
        let body = serde_json::from_slice(response.body()).expect("every answer is JSON");
        (response.status(), body)
    }

    async fn get(&self, path: &str) -> Value {
        good(self.ask(Method::GET, path, None).await)
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        good(self.ask(Method::POST, path, Some(body)).await)
    }

    /// Returns the status and the code of a refusal.
    async fn refused(&self, method: Method, path: &str, body: Option<Value>) -> (u16, String) {
        let (status, body) = self.ask(method, path, body).await;
        assert!(body["error"].as_str().is_some_and(|words| words.len() > 10), "{body}");
        (status.as_u16(), body["errcode"].as_str().expect("a refusal has a code").to_owned())
    }

    async fn hand_in(&self, step: &Value, body: Value) -> Value {
        self.post(&step_path(step), body).await
    }
}

fn good((status, body): (StatusCode, Value)) -> Value {
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

async fn vault_house() -> TestHouse {
    let networks = vec![("vault".to_owned(), vault::factory(), json!({}))];
    TestHouse::with(HouseOptions { networks, ..HouseOptions::default() }).await
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().expect("the step has it")
}

fn step_path(step: &Value) -> String {
    let (process, id) = (text(step, "login_id"), text(step, "step_id"));
    format!("login/step/{process}/{id}/{}?txn_id={}", text(step, "type"), text(step, "txn_id"))
}

fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_logs_in_and_out_by_a_page() {
    log();
    let house = TestHouse::new().await;
    let alice = house.user("alice").await;
    let page = Page::of(&house, &alice);

    let flows = page.get("login/flows").await;
    assert_eq!(flows["flows"][0]["id"], "demo:name");
    let form = page.post("login/start/demo:name", json!({})).await;
    assert_eq!(form["type"], "user_input");
    assert_eq!(form["user_input"]["fields"][0]["id"], "name");
    let done = page.hand_in(&form, json!({ "name": "allie" })).await;
    assert_eq!(done["type"], "complete");
    assert_eq!(done["complete"]["user_login_id"], "demo-1");

    let whoami = page.get("whoami").await;
    assert_eq!(whoami["user_id"], alice.id());
    assert_eq!(whoami["logins"][0]["name"], "allie");
    assert_eq!(page.get("logins").await, json!({ "login_ids": ["demo-1"] }));
    page.post("logout/demo-1", json!({})).await;
    assert_eq!(page.get("logins").await, json!({ "login_ids": [] }));
    let gone = page.refused(Method::POST, "logout/demo-1", None).await;
    assert_eq!(gone, refusal(404, "M_NOT_FOUND"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_handed_in_twice_is_done_once() {
    log();
    let house = TestHouse::new().await;
    let alice = house.user("alice").await;
    let page = Page::of(&house, &alice);
    let form = page.post("login/start/demo", json!({})).await;
    let name = json!({ "name": "allie" });
    let (once, again) = tokio::join!(page.hand_in(&form, name.clone()), page.hand_in(&form, name));
    assert_eq!(once, again);
    assert_eq!(page.get("logins").await, json!({ "login_ids": ["demo-1"] }));
    // Another step than the one it is at.
    let mut wrong = form.clone();
    wrong["txn_id"] = json!("nonsense");
    let answer = page.refused(Method::POST, &step_path(&wrong), Some(json!({}))).await;
    assert_eq!(answer, refusal(400, "M_BAD_STATE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_answers_are_asked_again_and_nothing_is_kept() {
    log();
    let house = vault_house().await;
    let alice = house.user("alice").await;
    let page = Page::of(&house, &alice).for_network("vault");
    let form = page.post("login/start/name", json!({})).await;
    let kinds: Vec<&str> = form["user_input"]["fields"]
        .as_array()
        .expect("a form has fields")
        .iter()
        .map(|field| text(field, "type"))
        .collect();
    assert_eq!(kinds, ["username", "password"]);
    let wrong = json!({ "name": "allie", "password": "guess" });
    let answer = page.refused(Method::POST, &step_path(&form), Some(wrong)).await;
    assert_eq!(answer, refusal(403, "M_FORBIDDEN"));
    let (status, body) =
        page.ask_raw(Method::POST, &step_path(&form), "{\"password\": hunter2".to_owned()).await;
    assert_eq!((status.as_u16(), text(&body, "errcode")), (400, "M_NOT_JSON"));
    assert!(!body.to_string().contains("hunter2"), "an answer quotes no secret: {body}");
    assert_eq!(page.get("logins").await, json!({ "login_ids": [] }));
    let right = json!({ "name": "allie", "password": vault::PASSWORD });
    let done = page.hand_in(&form, right).await;
    assert_eq!(done["complete"]["user_login_id"], "vault-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_cancelled_and_only_by_its_owner() {
    log();
    let house = TestHouse::new().await;
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    let (hers, his) = (Page::of(&house, &alice), Page::of(&house, &bob));
    let form = hers.post("login/start/demo:name", json!({})).await;
    let cancel = format!("login/cancel/{}", text(&form, "login_id"));
    let no = refusal(404, "M_NOT_FOUND");
    assert_eq!(his.refused(Method::POST, &cancel, None).await, no);
    assert_eq!(his.refused(Method::POST, &step_path(&form), Some(json!({}))).await, no);
    hers.post(&cancel, json!({})).await;
    assert_eq!(hers.refused(Method::POST, &step_path(&form), Some(json!({}))).await, no);
    assert_eq!(hers.get("logins").await, json!({ "login_ids": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_login_is_not_there() {
    let house = TestHouse::new().await;
    let (_alice, _room) = logged_in(&house, "alice").await;
    let bob = house.user("bob").await;
    let page = Page::of(&house, &bob);
    assert_eq!(page.get("logins").await, json!({ "login_ids": [] }));
    let no = refusal(404, "M_NOT_FOUND");
    assert_eq!(page.refused(Method::POST, "logout/demo-1", None).await, no);
    assert_eq!(page.refused(Method::GET, "contacts?login_id=demo-1", None).await, no);
    assert_eq!(page.refused(Method::POST, "login/start/demo?login_id=demo-1", None).await, no);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_login_takes_the_place_of_the_one_it_names() {
    let house = TestHouse::new().await;
    let (alice, _room) = logged_in(&house, "alice").await;
    let page = Page::of(&house, &alice);
    let form = page.post("login/start/demo:name?login_id=demo-1", json!({})).await;
    page.hand_in(&form, json!({ "name": "allie" })).await;
    assert_eq!(page.get("logins").await, json!({ "login_ids": ["demo-2"] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shows_no_good_token_is_told_so() {
    log();
    let options =
        HouseOptions { provisioning_secret: Some("sesame".into()), ..HouseOptions::default() };
    let house = TestHouse::with(options).await;
    let alice = house.user("alice").await;
    let nobody = Page::with(&house, "");
    assert_eq!(nobody.refused(Method::GET, "whoami", None).await, refusal(401, "M_MISSING_TOKEN"));
    let stranger = Page::with(&house, "made-up");
    let unknown = refusal(401, "M_UNKNOWN_TOKEN");
    assert_eq!(stranger.refused(Method::GET, "whoami", None).await, unknown);
    let page = Page::of(&house, &alice);
    let other = page.refused(Method::GET, "whoami?user_id=@bob:house.test", None).await;
    assert_eq!(other, refusal(403, "M_FORBIDDEN"));

    let operator = Page::with(&house, "sesame");
    let missing = operator.refused(Method::GET, "whoami", None).await;
    assert_eq!(missing, refusal(400, "M_MISSING_PARAM"));
    let who = operator.get(&format!("whoami?user_id={}", alice.id())).await;
    assert_eq!(who["user_id"], alice.id());
    let elsewhere = operator.refused(Method::GET, "whoami?user_id=@eve:elsewhere.test", None).await;
    assert_eq!(elsewhere, refusal(403, "M_FORBIDDEN"), "a relay is not a login");
    let ghost = operator.refused(Method::GET, "whoami?user_id=nobody", None).await;
    assert_eq!(ghost, refusal(403, "M_FORBIDDEN"));
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_found_and_written_to() {
    let house = TestHouse::new().await;
    let (mut alice, _room) = logged_in(&house, "alice").await;
    house.network().comes("bob", "lobby");
    house.network().comes("bobby", "lobby");
    let page = Page::of(&house, &alice);
    let can = page.get("capabilities").await;
    assert_eq!(can["resolve_identifier"]["search"], true);
    assert!(can["group_creation"]["group"].is_object(), "{can}");

    let found = page.post("search_users", json!({ "query": "BOB" })).await;
    let ids: Vec<&str> =
        found["results"].as_array().expect("a list").iter().map(|one| text(one, "id")).collect();
    assert_eq!(ids, ["bob", "bobby"]);
    let contacts = page.get("contacts").await;
    assert!(contacts["contacts"].as_array().expect("a list").len() >= 2, "{contacts}");
    let nobody = page.refused(Method::GET, "resolve_identifier/nobody", None).await;
    assert_eq!(nobody, refusal(404, "M_NOT_FOUND"));
    let bob = page.get("resolve_identifier/bob").await;
    assert_eq!(bob.get("dm_room_mxid"), None);

    let opened = page.post("create_dm/bob", json!({})).await;
    let room = text(&opened, "dm_room_mxid").to_owned();
    assert_eq!(page.get("resolve_identifier/bob").await["dm_room_mxid"], room);
    house.network().writes("bob", "alice", "What news?");
    alice.sees(&room, "bob", "What news?").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_made() {
    let house = TestHouse::new().await;
    let (mut alice, _room) = logged_in(&house, "alice").await;
    house.network().comes("bob", "lobby");
    let page = Page::of(&house, &alice);
    let wanted = json!({ "name": { "name": "merchants" }, "participants": ["bob"] });
    let made = page.post("create_group/group", wanted.clone()).await;
    assert_eq!(made["id"], "merchants");
    let room = text(&made, "mxid").to_owned();
    house.network().says("bob", "merchants", "Here I am.");
    alice.sees(&room, "bob", "Here I am.").await;
    let twice = page.refused(Method::POST, "create_group/group", Some(wanted)).await;
    assert_eq!(twice.0 / 100, 4, "{twice:?}");
    let kind = page.refused(Method::POST, "create_group/guild", Some(json!({}))).await;
    assert_eq!(kind, refusal(501, "M_UNRECOGNIZED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_cannot_begin_logins_without_end() {
    log();
    let house = TestHouse::new().await;
    let alice = house.user("alice").await;
    let page = Page::of(&house, &alice);
    for _ in 0..8 {
        page.post("login/start/demo:name", json!({})).await;
    }
    let answer = page.refused(Method::POST, "login/start/demo:name", None).await;
    assert_eq!(answer, refusal(429, "M_LIMIT_EXCEEDED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_describes_itself() {
    log();
    let house = TestHouse::new().await;
    let alice = house.user("alice").await;
    let mut page = Page::of(&house, &alice);
    page.prefix = "/_matrix/provision".to_owned();
    let description = page.get("openapi.json").await;
    let paths = description["paths"].as_object().expect("there are paths");
    assert_eq!(paths.len(), 14, "{:?}", paths.keys());
    assert!(paths.contains_key("/v3/login/step/{process}/{step}/{kind}"));
}
