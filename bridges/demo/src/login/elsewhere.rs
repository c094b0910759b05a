//! Logging in by something that is done elsewhere: a code that is scanned with another device, a page
//! that is opened.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use bridge_core::network::{LoginInput, LoginProcess, LoginStep, NetworkError};
use tokio::sync::oneshot;

use super::{Entrance, GONDOLIER, arrive, name_of};

/// What logins wait for, by its token. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Doors(Arc<Mutex<HashMap<String, oneshot::Sender<()>>>>);

impl Doors {
    fn shut(&self, token: &str) -> oneshot::Receiver<()> {
        let (open, opened) = oneshot::channel();
        self.lock().insert(token.to_owned(), open);
        opened
    }

    /// Lets in whoever waits behind a token. Whether anybody did.
    fn open(&self, token: &str) -> bool {
        self.lock().remove(token).is_some_and(|open| open.send(()).is_ok())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, oneshot::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The page that is to be opened.
    pub(crate) fn router(&self) -> Router {
        Router::new().route("/arrive/{token}", get(arrived)).with_state(self.clone())
    }
}

async fn arrived(State(doors): State<Doors>, Path(token): Path<String>) -> (StatusCode, String) {
    match doors.open(&token) {
        true => (StatusCode::OK, "You are in. This page can be closed.".to_owned()),
        false => (StatusCode::NOT_FOUND, "Nobody waits here (any more).".to_owned()),
    }
}

/// What is done elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Code,
    Page,
}

/// One login under way.
pub(super) struct ElsewhereLogin {
    entrance: Entrance,
    what: What,
    account: String,
    token: String,
    opened: Option<oneshot::Receiver<()>>,
    /// Whether the code was scanned and what both sides see is compared now.
    compared: bool,
}

impl ElsewhereLogin {
    pub(super) fn new(entrance: Entrance, what: What, owner: &str) -> Self {
        let token = entrance.random.hex(8);
        let account = name_of(owner).to_owned();
        Self { entrance, what, account, token, opened: None, compared: false }
    }

    async fn until_opened(&mut self) {
        let Some(opened) = &mut self.opened else { return };
        if self.entrance.gondolier && self.what == What::Code {
            tokio::select! {
                _ = opened => {}
                () = self.entrance.clock.sleep(GONDOLIER) => {}
            }
        } else if opened.await.is_err() {
            // The door is gone with the network: nobody will ever come through.
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl LoginProcess for ElsewhereLogin {
    async fn start(&mut self) -> Result<LoginStep, NetworkError> {
        self.opened = Some(self.entrance.doors.shut(&self.token));
        let token = &self.token;
        Ok(match self.what {
            What::Code => LoginStep::DisplayAndWait {
                instructions: "Scan this with the device you are logged in on.".to_owned(),
                display: "qr".to_owned(),
                data: format!("rialto-demo:{token}"),
            },
            What::Page => LoginStep::OpenUrl {
                instructions: "Open this page; it lets you in.".to_owned(),
                url: format!("{}/arrive/{token}", self.entrance.pages),
            },
        })
    }

    async fn submit(&mut self, _input: LoginInput) -> Result<LoginStep, NetworkError> {
        Err(NetworkError::Invalid("Nothing is asked here; this login waits for you.".to_owned()))
    }

    async fn wait(&mut self) -> Result<LoginStep, NetworkError> {
        self.until_opened().await;
        if self.what == What::Code && !self.compared {
            self.compared = true;
            self.opened = Some(self.entrance.doors.shut(&self.token));
            return Ok(LoginStep::DisplayAndWait {
                instructions: "Do both devices show the same?".to_owned(),
                display: "emoji".to_owned(),
                data: "🦁🌉🛶".to_owned(),
            });
        }
        arrive(&self.entrance.network, self.account.clone())
    }

    async fn cancel(&mut self) {
        self.entrance.doors.open(&self.token);
    }
}
