//! The stage: a page on which one person plays both sides. On the left they write as a person of the homeserver, with
//! nothing but its Client-Server API; on the right as anybody on the demo network, and have it misbehave.
//!
//! Whoever reaches it may speak as anybody on the network, so it is there only where the configuration says `stage`.

mod deeds;

use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use support_clock::SharedClock;

use self::deeds::{Deed, Mischief};
use crate::network::{DemoNetwork, LOBBY, Said, SaidKind};

/// How long a question for news waits for some.
const PATIENCE: Duration = Duration::from_secs(25);

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

#[derive(Clone)]
struct Stage {
    network: DemoNetwork,
    clock: SharedClock,
}

/// Makes the page and what it asks.
pub(crate) fn router(network: DemoNetwork, clock: SharedClock) -> Router {
    let file = |kind: &'static str, text: &'static str| {
        get(async move || ([(header::CONTENT_TYPE, kind)], text))
    };
    Router::new()
        .route("/stage/", file("text/html; charset=utf-8", include_str!("stage.html")))
        .route("/stage/stage.css", file("text/css; charset=utf-8", include_str!("stage.css")))
        .route("/stage/stage.js", file("text/javascript; charset=utf-8", include_str!("stage.js")))
        .route(
            "/stage/network.js",
            file("text/javascript; charset=utf-8", include_str!("network.js")),
        )
        .route(
            "/stage/matrix.js",
            file("text/javascript; charset=utf-8", include_str!("matrix.js")),
        )
        .route("/stage/scene", get(scene))
        .route("/stage/deed", post(deed))
        .route("/stage/mischief", post(mischief))
        .layer(map_response(async |response: Response| harden(response)))
        .with_state(Stage { network, clock })
}

fn harden(mut response: Response) -> Response {
    const FIXED: [(HeaderName, &str); 4] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    for (name, value) in FIXED {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[derive(Deserialize)]
struct Question {
    /// What the page has seen already.
    #[serde(default)]
    seen: u64,
}

/// The lobby as it is.
#[derive(Serialize)]
struct Scene {
    /// Grows with everything that happens.
    seen: u64,
    reachable: bool,
    topic: String,
    members: Vec<String>,
    said: Vec<Line>,
}

/// One message.
#[derive(Serialize)]
struct Line {
    /// As text: a browser's numbers are not exact beyond 2⁵³.
    number: String,
    by: String,
    kind: SaidKind,
    text: String,
    edited: bool,
    reply_to: Option<String>,
    file: Option<String>,
    reactions: Vec<(String, String)>,
}

impl From<Said> for Line {
    fn from(said: Said) -> Self {
        Self {
            number: said.number.to_string(),
            by: said.by,
            kind: said.kind,
            text: said.text,
            edited: said.edited,
            reply_to: said.reply_to.map(|number| number.to_string()),
            file: said.file.map(|file| file.name),
            reactions: said.reactions,
        }
    }
}

/// Answers when there is something new, or after a while.
async fn scene(
    State(stage): State<Stage>,
    Query(Question { seen }): Query<Question>,
) -> Json<Scene> {
    let Stage { network, clock } = &stage;
    let seen = tokio::select! {
        seen = network.news_after(seen) => seen,
        () = clock.sleep(PATIENCE) => seen,
    };
    Json(Scene {
        seen,
        reachable: network.is_reachable(),
        topic: network.topic(LOBBY),
        members: network.members(LOBBY),
        said: network.said_in(LOBBY).into_iter().map(Line::from).collect(),
    })
}

async fn deed(State(stage): State<Stage>, Json(deed): Json<Deed>) -> (StatusCode, &'static str) {
    match deed.play(&stage.network) {
        Ok(()) => (StatusCode::NO_CONTENT, ""),
        Err(why) => (StatusCode::BAD_REQUEST, why),
    }
}

async fn mischief(State(stage): State<Stage>, Json(mischief): Json<Mischief>) -> StatusCode {
    mischief.play(&stage.network);
    StatusCode::NO_CONTENT
}
