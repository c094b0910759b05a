//! The provisioning API of the running server, asked through its admin socket.

use super::WHAT;
use crate::{
    admin::{Answer, Ask, Hidden, Order, send_to_running},
    config::{Config, Mode},
    failure::Failure,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf};

/// The bridges, and for whom they are asked.
pub(super) struct Bridges {
    data_dir: PathBuf,
    person: String,
    network: Option<String>,
}

/// Why the bridges did not do it.
pub(super) struct Refused {
    pub(super) words: String,
    /// Whether the login is over by that.
    pub(super) ended: bool,
}

impl Bridges {
    /// Finds out for whom it is. Nothing is asked of the bridges yet.
    pub(super) async fn open(
        config: &Config,
        user: Option<String>,
        network: Option<String>,
    ) -> Result<Bridges, Failure> {
        let bridges = Bridges { data_dir: config.data_dir.clone(), person: String::new(), network };
        let person = match user {
            Some(id) if id.starts_with('@') => id,
            Some(name) => format!("@{name}:{}", config.homeserver.server_name),
            None if config.homeserver.mode == Mode::External => return Err(whose("")),
            None => bridges.only_account().await?,
        };
        Ok(Bridges { person, ..bridges })
    }

    async fn only_account(&self) -> Result<String, Failure> {
        let Answer::Users(users) = self.order(&Order::ListUsers).await? else {
            return Err(whose(""));
        };
        let mut open = users.into_iter().filter(|user| !user.deactivated);
        match (open.next(), open.next()) {
            (Some(only), None) => Ok(only.user_id),
            (None, _) => Err(Failure::new(
                WHAT,
                "there is no account",
                "Make one with `rialto user create NAME`",
            )),
            (Some(_), Some(_)) => Err(whose("there are several accounts; ")),
        }
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.ask(Ask::Get, path).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        answers: BTreeMap<String, Hidden>,
    ) -> Result<T, Failure> {
        self.ask(Ask::Post(answers), path).await
    }

    async fn ask<T: DeserializeOwned>(&self, ask: Ask, path: &str) -> Result<T, Failure> {
        let answer = self.try_ask(ask, path).await?;
        answer.map_err(|refused| Failure::new("it was not done", refused.words, ""))
    }

    /// Asks, and tells a refusal from a failure to ask.
    pub(super) async fn try_ask<T: DeserializeOwned>(
        &self,
        ask: Ask,
        path: &str,
    ) -> Result<Result<T, Refused>, Failure> {
        let (person, network) = (self.person.clone(), self.network.clone());
        let order = Order::Provision { person, network, ask, path: path.to_owned() };
        let Answer::Provisioned { status, body } = self.order(&order).await? else {
            return Err(not_understood());
        };
        if status >= 400 {
            let words = body["error"].as_str().unwrap_or("the bridges say no more").to_owned();
            return Ok(Err(Refused { words, ended: status == 404 }));
        }
        serde_json::from_value::<T>(body).map(Ok).map_err(|_| not_understood())
    }

    /// Gives a login up; that this fails is nobody's concern.
    pub(super) async fn give_up(&self, process: &str) {
        let path = format!("login/cancel/{process}");
        drop(self.try_ask::<Value>(Ask::Post(BTreeMap::new()), &path).await);
    }

    async fn order(&self, order: &Order) -> Result<Answer, Failure> {
        send_to_running(&self.data_dir, order).await.unwrap_or_else(|| {
            Err(Failure::new(
                "nothing was done",
                "Rialto does not run, and only the running bridges can speak with a network",
                "Start it with `rialto up` and try again",
            ))
        })
    }
}

fn whose(why: &str) -> Failure {
    Failure::usage(WHAT, format!("{why}nobody knows for whom it is"), "Say it with --user NAME")
}

fn not_understood() -> Failure {
    Failure::new(
        "the answer was not understood",
        "the running server is of another version than this program",
        "Restart the server with this program and try again",
    )
}
