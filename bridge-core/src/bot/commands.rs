//! The commands.

use std::time::Duration;

use support_db::DbError;

use super::parse::{self, Word};
use super::{Bot, BotReply, CommandRequest, words};
use crate::ids::{LoginId, NetworkId, PortalKey};
use crate::jobs::job;
use crate::matrix::MatrixTrouble;
use crate::network::{
    Batch, ChatInfo, ChatKind, JoinedChat, NetworkError, RemoteEvent, RemoteEventKind,
};
use crate::permissions::Permission;
use crate::portals::{Portal, Portals};

/// How long a network may take to answer a `join`.
const JOIN_WAIT: Duration = Duration::from_secs(60);
/// How long a homeserver that is in trouble is asked again before a command gives up.
const PATIENCE: Duration = Duration::from_secs(30);

impl Bot {
    pub(super) async fn command(
        &self,
        request: &CommandRequest,
        permission: Permission,
    ) -> Vec<BotReply> {
        let prefixed = parse::after_prefix(&request.body);
        let text = prefixed.unwrap_or_else(|| request.body.trim());
        if self.answers_a_question(request, text) {
            return self.answer(request, text).await;
        }
        let Ok(words) = parse::words(text) else {
            // What stands behind an open quote may be a secret.
            let left = self.wipe_message(request).await;
            return vec![with(left, "A quote is opened and not closed; nothing was done.")];
        };
        let Some(Word::Plain(command)) = words.first() else {
            return match words.is_empty() {
                true => vec![self.help(permission)],
                false => vec![words::unknown_command(None)],
            };
        };
        let command = command.to_lowercase();
        match words::needs(&command) {
            None => {
                let names = words::COMMANDS.iter().map(|known| known.name);
                vec![words::unknown_command(parse::nearest(&command, names))]
            }
            Some(needed) if needed > permission => vec![words::not_allowed()],
            Some(_) => self.run(request, permission, &command, &words[1..]).await,
        }
    }

    async fn run(
        &self,
        request: &CommandRequest,
        permission: Permission,
        command: &str,
        rest: &[Word],
    ) -> Vec<BotReply> {
        // Each boxed: together they would be as large as the largest, wherever a command may be carried out.
        let reply = match command {
            "login" => return Box::pin(self.login(request, rest)).await,
            "logout" => Box::pin(self.logout(request, permission, rest)).await,
            "list-logins" => {
                let mine = self.0.logins.of_owner(&request.sender, None);
                words::list_logins(&self.0.logins, &mine, &self.0.networks)
            }
            "join" => Box::pin(self.join(request, rest)).await,
            "plumb" => Box::pin(self.plumb(request, permission, rest)).await,
            "unplumb" => Box::pin(self.unplumb(request, permission)).await,
            "set-relay" => Box::pin(self.set_relay(request, permission, true)).await,
            "unset-relay" => Box::pin(self.set_relay(request, permission, false)).await,
            "login-matrix" => Box::pin(self.login_matrix(request, rest)).await,
            "logout-matrix" => Box::pin(self.logout_matrix(request)).await,
            "journal" => Box::pin(self.journal(request, rest)).await,
            "trace" => Box::pin(self.trace(request, rest)).await,
            "carry" => Box::pin(self.carry(request, permission, rest)).await,
            "backfill" => Box::pin(self.backfill(request, rest)).await,
            "ping" => self.ping(request),
            "cancel" => Box::pin(self.cancel(request)).await,
            _ => self.help(permission),
        };
        vec![reply]
    }

    fn help(&self, permission: Permission) -> BotReply {
        let flows = |network: &NetworkId| {
            self.0.networks.connector(network).map(|c| c.login_flows()).unwrap_or_default()
        };
        words::help(permission, &self.0.networks, flows)
    }

    fn ping(&self, request: &CommandRequest) -> BotReply {
        let mine = self.0.logins.of_owner(&request.sender, None);
        let connected = mine.iter().filter(|login| self.0.logins.is_connected(login)).count();
        let version = env!("CARGO_PKG_VERSION");
        BotReply::new(format!(
            "Pong! Rialto {version} is here; {connected} of your {} logins connected.",
            mine.len()
        ))
    }

    async fn logout(
        &self,
        request: &CommandRequest,
        permission: Permission,
        rest: &[Word],
    ) -> BotReply {
        let [Word::Plain(name)] = rest else {
            return BotReply::new("Usage: logout LOGIN; `list-logins` shows them.");
        };
        let login = LoginId::new(name.as_str());
        let owner = self.0.logins.owner(&login);
        let may = owner.is_some_and(|o| o == request.sender || permission == Permission::Admin);
        if !may {
            let mine = self.0.logins.of_owner(&request.sender, None);
            let near = parse::nearest(name, mine.iter().map(LoginId::as_str));
            let hint = near.map(|near| format!(" Did you mean `{near}`?")).unwrap_or_default();
            return BotReply::new(format!(
                "You have no login `{name}`.{hint} `list-logins` shows them."
            ));
        }
        match self.0.logins.log_out(&login).await {
            Ok(()) => BotReply::new(format!(
                "{login} is logged out and its credentials are deleted. Its rooms stay; messages there no longer cross."
            )),
            Err(error) => {
                tracing::error!(%login, %error, "a login could not be ended");
                BotReply::new(format!("{login} could not be logged out: {error}. Try again."))
            }
        }
    }

    async fn join(&self, request: &CommandRequest, rest: &[Word]) -> BotReply {
        let mut plain = rest.iter().map(|word| match word {
            Word::Plain(word) => word.clone(),
            Word::Pair(key, value) => format!("{key}={value}"),
        });
        let (Some(network), chat) = (plain.next(), plain.collect::<Vec<_>>().join(" ")) else {
            return BotReply::new("Usage: join NETWORK CHAT");
        };
        if chat.is_empty() {
            return BotReply::new("Usage: join NETWORK CHAT");
        }
        let network = match self.network(&network) {
            Ok(network) => network,
            Err(reply) => return reply,
        };
        let login = match self.speaking_login(&request.sender, &network) {
            Ok(login) => login,
            Err(reply) => return reply,
        };
        let joined = match self.join_there(&login, &chat).await {
            Ok(joined) => joined,
            Err(words) => return BotReply::new(format!("{chat} could not be joined: {words}")),
        };
        match self.open_room(&network, &login, &request.sender, joined).await {
            Ok((room, name)) => in_room(&self.0.matrix, &room, &name, &request.sender),
            Err(trouble) => {
                tracing::warn!(%network, %trouble, "a joined chat's room could not be opened");
                BotReply::new(format!(
                    "{chat} is joined, but its room could not be opened: {trouble}. Send the command again."
                ))
            }
        }
    }

    /// Returns a configured network, or words.
    pub(super) fn network(&self, name: &str) -> Result<NetworkId, BotReply> {
        let network = NetworkId::new(name);
        if self.0.networks.contains(&network) {
            return Ok(network);
        }
        let names = self.0.networks.names();
        let near = parse::nearest(name, names.iter().map(String::as_str));
        Err(words::unknown_network(name, near, &self.0.networks))
    }

    /// Returns a person's first connected login of a network, or words.
    pub(super) fn speaking_login(
        &self,
        person: &str,
        network: &NetworkId,
    ) -> Result<LoginId, BotReply> {
        let mine = self.0.logins.of_owner(person, Some(network));
        if let Some(login) = mine.iter().find(|login| self.0.logins.is_connected(login)) {
            return Ok(login.clone());
        }
        Err(BotReply::new(match mine.first() {
            None => format!("You have no login on {network}. Log in first: `login {network}`"),
            Some(login) => {
                let state = words::state_words(self.0.logins.state(login).as_ref());
                format!("Your login {login} cannot join now. It is {state}")
            }
        }))
    }

    pub(super) async fn join_there(
        &self,
        login: &LoginId,
        chat: &str,
    ) -> Result<JoinedChat, String> {
        let client = self.0.logins.client(login).ok_or("this login is gone.")?;
        let directory = client.directory().ok_or("this network has no chats to join by name.")?;
        let joined = tokio::select! {
            joined = directory.join_chat(chat) => joined,
            () = self.0.clock.sleep(JOIN_WAIT) => {
                Err(NetworkError::Unreachable("the network does not answer.".to_owned()))
            }
        };
        joined.map_err(|error| error.to_string())
    }

    /// Notes the chat, opens its room and brings the person in.
    pub(crate) async fn open_room(
        &self,
        network: &NetworkId,
        login: &LoginId,
        person: &str,
        joined: JoinedChat,
    ) -> Result<(String, String), MatrixTrouble> {
        let JoinedChat { chat, receiver, info } = joined;
        let key = PortalKey { network: network.clone(), chat, receiver };
        let kind = info.kind.unwrap_or(ChatKind::Group);
        let portal = self.note_portal(&key, kind, login).await?;
        let begun = self.0.clock.monotonic();
        let room = loop {
            match self.open_once(&portal, &info, login, person).await {
                Err(MatrixTrouble::Retry { after, reason }) => {
                    if self.0.clock.monotonic().saturating_sub(begun) + after > PATIENCE {
                        return Err(MatrixTrouble::Retry { after, reason });
                    }
                    self.0.clock.sleep(after).await;
                }
                other => break other?,
            }
        };
        if !portal.rooms.is_empty() {
            self.refresh(&key, info.clone(), login).await;
        }
        let name = info.name.or(portal.name);
        Ok((room, name.unwrap_or_else(|| key.chat.as_str().to_owned())))
    }

    async fn open_once(
        &self,
        portal: &Portal,
        info: &ChatInfo,
        login: &LoginId,
        person: &str,
    ) -> Result<String, MatrixTrouble> {
        let room = self.0.portals.ensure_room(portal, info, Some(login)).await?;
        self.0.matrix.bring_in(&room, person).await?;
        Ok(room)
    }

    pub(super) async fn note_portal(
        &self,
        key: &PortalKey,
        kind: ChatKind,
        login: &LoginId,
    ) -> Result<Portal, DbError> {
        let (key, login, now) = (key.clone(), login.clone(), self.0.clock.now_ms());
        let job = job(move |tx| {
            let (key, login) = (key.clone(), login.clone());
            Box::pin(async move {
                let portal = Portals::ensure(tx, &key, kind, now).await?;
                Portals::add_login(tx, portal.id, &login, now).await?;
                Ok(portal)
            })
        });
        self.0.db.write(job).await
    }

    /// What the network told while joining brings a room that is there already up to date.
    pub(super) async fn refresh(&self, key: &PortalKey, info: ChatInfo, login: &LoginId) {
        let Some(intake) = self.0.logins.intake() else { return };
        let mut event = RemoteEvent::new(key.chat.clone(), RemoteEventKind::ChatInfo(info));
        event.receiver = key.receiver.clone();
        if let Err(error) = intake.commit(login, Batch::event(event)).await {
            tracing::warn!(%key, %error, "news of a joined chat could not be noted");
        }
    }
}

fn in_room(matrix: &crate::matrix::Matrix, room: &str, name: &str, person: &str) -> BotReply {
    let how = if matrix.can_puppet(person) {
        "You are in its room"
    } else {
        "You are invited to its room"
    };
    let link = format!("https://matrix.to/#/{room}");
    BotReply {
        text: format!("{name} is joined. {how}: {room}"),
        html: Some(format!(
            "{} is joined. {how}: <a href=\"{link}\">{room}</a>",
            escape_html(name)
        )),
    }
}

fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Puts a remark about a message that could not be taken away behind an answer.
pub(super) fn with(left: Option<&'static str>, words: &str) -> BotReply {
    BotReply::new(match left {
        None => words.to_owned(),
        Some(left) => format!("{words}\n{left}"),
    })
}
