//! Logging in by conversation: fields given in the command or asked for one by one. A message that
//! carried a secret is taken out of the room before anything else is done with it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use sha2::{Digest as _, Sha256};

use super::commands::with;
use super::parse::Word;
use super::{Bot, BotReply, CommandRequest, words};
use crate::ids::{NetworkId, SendKey};
use crate::matrix::MatrixOutcome;
use crate::network::{
    BridgeStateKind, LoginField, LoginInput, LoginProcess, LoginRecord, LoginStep, NetworkError,
};

/// How long the bot waits for a new login to connect before it says that it is on its way.
const CONNECT_WAIT: Duration = Duration::from_secs(20);
/// How long a `DisplayAndWait` or `OpenUrl` step is waited for.
const STEP_WAIT: Duration = Duration::from_secs(300);
/// How often a message with a secret is tried to be taken away.
const ATTEMPTS: usize = 5;

const NOT_TAKEN_AWAY: &str =
    "I could not remove your message with the secret from this room: please delete it yourself.";

/// Logins under way, by person and room.
#[derive(Default)]
pub(super) struct Conversations(Mutex<HashMap<(String, String), Conversation>>);

/// One login under way, waiting for answers.
struct Conversation {
    network: NetworkId,
    process: Box<dyn LoginProcess>,
    fields: Vec<LoginField>,
    given: LoginInput,
    /// Whether what may be left out is asked for as well.
    ask_optional: bool,
}

/// What came of a command's key=value pairs.
struct Pairs {
    given: LoginInput,
    flow: Option<String>,
}

impl Conversations {
    fn lock(&self) -> MutexGuard<'_, HashMap<(String, String), Conversation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, request: &CommandRequest) -> Option<Conversation> {
        self.lock().remove(&key(request))
    }

    fn put(&self, request: &CommandRequest, conversation: Conversation) {
        self.lock().insert(key(request), conversation);
    }

    fn has(&self, request: &CommandRequest) -> bool {
        self.lock().contains_key(&key(request))
    }
}

fn key(request: &CommandRequest) -> (String, String) {
    (request.sender.clone(), request.room.clone())
}

impl Conversation {
    /// Returns the next field to ask for.
    fn missing(&self) -> Option<&LoginField> {
        self.fields
            .iter()
            .filter(|field| self.ask_optional || !field.optional)
            .find(|field| !self.given.contains_key(&field.id))
    }
}

impl Bot {
    /// Whether a message is the answer to a question of a login under way.
    pub(super) fn answers_a_question(&self, request: &CommandRequest, text: &str) -> bool {
        if text.eq_ignore_ascii_case("cancel") || !self.0.conversations.has(request) {
            return false;
        }
        // Who starts over means it.
        let mut words = text.split_whitespace();
        let restart = words.next() == Some("login")
            && words.next().is_some_and(|name| self.0.networks.contains(&NetworkId::new(name)));
        !restart
    }

    /// `login NETWORK [FLOW] [key=value ...]`
    pub(super) async fn login(&self, request: &CommandRequest, rest: &[Word]) -> Vec<BotReply> {
        if let Some(mut before) = self.0.conversations.take(request) {
            before.process.cancel().await;
        }
        let Some(Word::Plain(name)) = rest.first() else {
            return vec![BotReply::new("Usage: login NETWORK [key=value ...]")];
        };
        // Everything given is taken for a secret until the network said which fields are.
        let pairs = pairs(&rest[1..]);
        let network = match self.network(name) {
            Ok(network) => network,
            Err(reply) => return vec![self.wipe_if_given(request, &pairs, reply).await],
        };
        match self.begin(request, &network, &pairs).await {
            Ok(replies) => replies,
            Err(words) => {
                let reply = BotReply::new(words);
                vec![self.wipe_if_given(request, &pairs, reply).await]
            }
        }
    }

    pub(super) async fn cancel(&self, request: &CommandRequest) -> BotReply {
        match self.0.conversations.take(request) {
            None => BotReply::new("Nothing is under way that could be cancelled."),
            Some(mut conversation) => {
                conversation.process.cancel().await;
                let network = conversation.network;
                BotReply::new(format!("The login to {network} is cancelled; nothing was stored."))
            }
        }
    }

    /// Takes the answer to the question asked last.
    pub(super) async fn answer(&self, request: &CommandRequest, text: &str) -> Vec<BotReply> {
        let Some(mut conversation) = self.0.conversations.take(request) else {
            return vec![words::unknown_command(None)];
        };
        let Some(field) = conversation.missing().cloned() else {
            return self.go_on(request, conversation, true).await;
        };
        let left = if field.kind.is_secret() { self.wipe_message(request).await } else { None };
        let skipped = field.optional && text == "-";
        let value = if skipped { String::new() } else { text.to_owned() };
        if value.is_empty() && !field.optional {
            let reply = question(&field);
            self.0.conversations.put(request, conversation);
            return vec![reply];
        }
        conversation.given.insert(field.id, SecretString::from(value));
        let mut replies = self.go_on(request, conversation, true).await;
        replies.extend(left.map(BotReply::new));
        replies
    }

    async fn begin(
        &self,
        request: &CommandRequest,
        network: &NetworkId,
        pairs: &Pairs,
    ) -> Result<Vec<BotReply>, String> {
        let connector = self.0.networks.connector(network).ok_or("This network is gone.")?;
        let flows = connector.login_flows();
        let flow = match &pairs.flow {
            None => flows.first(),
            Some(name) => flows.iter().find(|flow| flow.id == *name),
        };
        let Some(flow) = flow else {
            let known: Vec<&str> = flows.iter().map(|flow| flow.id.as_str()).collect();
            return Err(format!("{network} knows these ways to log in: {}.", known.join(", ")));
        };
        let mut process = connector
            .start_login(&flow.id, &request.sender)
            .await
            .map_err(|error| error.to_string())?;
        let step = process.start().await.map_err(|error| error.to_string())?;
        let LoginStep::UserInput { instructions, fields } = step else {
            return Ok(self.show(request, network.clone(), process, step).await);
        };
        let stranger = pairs.given.keys().find(|key| fields.iter().all(|field| field.id != **key));
        if let Some(stranger) = stranger {
            let known: Vec<&str> = fields.iter().map(|field| field.id.as_str()).collect();
            process.cancel().await;
            return Err(format!(
                "{network} does not ask for `{stranger}`, but for: {}.",
                known.join(", ")
            ));
        }
        let secret =
            |key: &String| fields.iter().any(|field| field.id == *key && field.kind.is_secret());
        let left = match pairs.given.keys().any(secret) {
            true => self.wipe_message(request).await,
            false => None,
        };
        let asks = pairs.given.is_empty();
        let conversation = Conversation {
            network: network.clone(),
            process,
            fields,
            given: pairs.given.clone(),
            ask_optional: asks,
        };
        let missing = conversation.missing().is_some();
        let mut replies = self.go_on(request, conversation, missing).await;
        if missing
            && !instructions.is_empty()
            && let Some(first) = replies.first_mut()
        {
            first.text = format!("{instructions}\n{}", first.text);
        }
        replies.extend(left.map(BotReply::new));
        Ok(replies)
    }

    /// Asks for the next missing field, or hands in what there is. `interactive`: the person is
    /// being asked, so a mistake is asked about again.
    async fn go_on(
        &self,
        request: &CommandRequest,
        mut conversation: Conversation,
        interactive: bool,
    ) -> Vec<BotReply> {
        if let Some(field) = conversation.missing() {
            let reply = question(field);
            self.0.conversations.put(request, conversation);
            return vec![reply];
        }
        let mut given = std::mem::take(&mut conversation.given);
        given.retain(|_, value| !secrecy::ExposeSecret::expose_secret(value).is_empty());
        match conversation.process.submit(given).await {
            Ok(LoginStep::UserInput { instructions, fields }) => {
                conversation.fields = fields;
                let first = conversation.missing().map(question);
                let words = first.map(|first| first.text).unwrap_or_default();
                self.0.conversations.put(request, conversation);
                vec![BotReply::new(format!("{instructions}\n{words}"))]
            }
            Ok(step) => self.show(request, conversation.network, conversation.process, step).await,
            Err(error) if interactive && may_be_asked_again(&error) => {
                let again = conversation.missing().map(question);
                let again = again.map(|again| again.text).unwrap_or_default();
                self.0.conversations.put(request, conversation);
                vec![BotReply::new(format!("{error}\nOnce more (or `cancel`): {again}"))]
            }
            Err(error) => {
                conversation.process.cancel().await;
                let network = conversation.network;
                vec![BotReply::new(format!(
                    "{error}\nNothing was stored. Try again with `login {network}`."
                ))]
            }
        }
    }

    /// Goes on with a step that is not a form.
    async fn show(
        &self,
        request: &CommandRequest,
        network: NetworkId,
        mut process: Box<dyn LoginProcess>,
        mut step: LoginStep,
    ) -> Vec<BotReply> {
        let mut replies = Vec::new();
        loop {
            let words = match step {
                LoginStep::Complete { instructions, record } => {
                    replies.extend(self.complete(request, &network, &instructions, record).await);
                    return replies;
                }
                LoginStep::UserInput { instructions, fields } => {
                    let given = LoginInput::new();
                    let conversation =
                        Conversation { network, process, fields, given, ask_optional: true };
                    let first = conversation.missing().map(question);
                    let words = first.map(|first| first.text).unwrap_or_default();
                    self.0.conversations.put(request, conversation);
                    replies.push(BotReply::new(format!("{instructions}\n{words}")));
                    return replies;
                }
                LoginStep::DisplayAndWait { instructions, data, .. } => {
                    format!("{instructions}\n{data}")
                }
                LoginStep::OpenUrl { instructions, url } => format!("{instructions}\n{url}"),
            };
            // Said at once: the person acts on it while the network waits.
            self.say(request, &words).await;
            let next = tokio::select! {
                next = process.wait() => next,
                () = self.0.clock.sleep(STEP_WAIT) => {
                    Err(NetworkError::Unreachable("That took too long.".to_owned()))
                }
            };
            step = match next {
                Ok(next) => next,
                Err(error) => {
                    process.cancel().await;
                    replies.push(BotReply::new(format!("{error}\nNothing was stored.")));
                    return replies;
                }
            };
        }
    }

    /// Keeps a finished login, connects it and says how that went.
    async fn complete(
        &self,
        request: &CommandRequest,
        network: &NetworkId,
        instructions: &str,
        record: LoginRecord,
    ) -> Vec<BotReply> {
        let name = record.name.clone();
        let logins = &self.0.logins;
        let login = match logins.keep(network, &request.sender, record).await {
            Ok(login) => login,
            Err(error) => {
                tracing::error!(%network, %error, "a new login could not be kept");
                return vec![BotReply::new(format!("The login could not be stored: {error}."))];
            }
        };
        logins.connect(&login).await;
        let state = logins.settled(&login, CONNECT_WAIT).await;
        let shown = state.as_ref().filter(|state| state.kind != BridgeStateKind::Connecting);
        logins.unwatch(&login, shown).await;
        let how = words::state_words(state.as_ref());
        let mut text = match shown.map(|state| state.kind) {
            Some(BridgeStateKind::Connected) => {
                format!("You are logged in as {name}: {login}, connected.")
            }
            Some(BridgeStateKind::BadCredentials) => format!(
                "{name} ({login}) is {how}\nLog in again with `login {network}`, or drop it with `logout {login}`."
            ),
            _ => format!("{name} is kept as {login}. It is {how}"),
        };
        if !instructions.is_empty() {
            text = format!("{text}\n{instructions}");
        }
        vec![BotReply::new(text)]
    }

    /// Says something now, outside the answers of the command.
    async fn say(&self, request: &CommandRequest, words: &str) {
        let content = serde_json::json!({ "msgtype": "m.notice", "body": words });
        let key = derived_key("say", &format!("{}\0{words}", request.event_id));
        let matrix = &self.0.matrix;
        let room = &request.room;
        let sent = matrix.send_event(matrix.bot(), room, "m.room.message", &key, &content, None);
        if !matches!(sent.await, MatrixOutcome::Done { .. }) {
            tracing::warn!("a login's step could not be shown");
        }
    }

    async fn wipe_if_given(
        &self,
        request: &CommandRequest,
        pairs: &Pairs,
        reply: BotReply,
    ) -> BotReply {
        if pairs.given.is_empty() {
            return reply;
        }
        with(self.wipe_message(request).await, &reply.text)
    }

    /// Takes the message that carried a secret out of the room: as its sender where we may act as
    /// them (people may take back what they said), else as the bot. Returns words if that failed.
    pub(super) async fn wipe_message(&self, request: &CommandRequest) -> Option<&'static str> {
        let matrix = &self.0.matrix;
        let puppet = matrix.can_puppet(&request.sender);
        let actor = if puppet { request.sender.as_str() } else { matrix.bot() };
        let (room, event) = (&request.room, &request.event_id);
        let key = derived_key("wipe", event);
        let reason = Some("It carried a secret.");
        for _ in 0..ATTEMPTS {
            match matrix.redact(actor, room, event, &key, reason).await {
                MatrixOutcome::Done { .. } => return None,
                MatrixOutcome::Retry { after, .. } => self.0.clock.sleep(after).await,
                // Taking something back twice is the same as once.
                MatrixOutcome::Unknown { .. } => {}
                MatrixOutcome::Refused { .. } => break,
            }
        }
        Some(NOT_TAKEN_AWAY)
    }
}

fn pairs(words: &[Word]) -> Pairs {
    let mut pairs = Pairs { given: LoginInput::new(), flow: None };
    for word in words {
        match word {
            Word::Plain(flow) => pairs.flow = Some(flow.clone()),
            Word::Pair(key, value) => {
                pairs.given.insert(key.clone(), SecretString::from(value.clone()));
            }
        }
    }
    pairs
}

fn question(field: &LoginField) -> BotReply {
    let LoginField { name, description, optional, kind, .. } = field;
    let mut words = format!("{name}?");
    if !description.is_empty() {
        words = format!("{words} {description}");
    }
    if *optional {
        words.push_str(" (`-` leaves it out)");
    }
    if kind.is_secret() {
        words.push_str(" Your message with it is removed from this room.");
    }
    BotReply::new(words)
}

fn may_be_asked_again(error: &NetworkError) -> bool {
    matches!(
        error,
        NetworkError::Invalid(_) | NetworkError::BadCredentials(_) | NetworkError::NotFound(_)
    )
}

/// A transaction id that is the same each time the same is done for the same message.
pub(super) fn derived_key(what: &str, about: &str) -> SendKey {
    let hash = Sha256::digest(format!("{what}\0{about}"));
    SendKey::new(hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>())
}
