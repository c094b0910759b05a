//! IRC to Matrix: lines, in the order they came, become [`RemoteEvent`]s. The translator keeps its
//! own view of session and channels, since the connection itself may already be some lines ahead.

mod ctcp;
mod identity;
mod merge;
mod modes;
mod people;
mod splits;
mod tags;
#[cfg(test)]
mod tests;
mod texts;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bridge_core::{
    ids::{LoginId, RemoteMessageId},
    network::{ChatInfo, ChatKind, Gap, RemoteEvent, RemoteEventKind, RemoteSender, UserInfo},
};

use crate::{
    chat_info::channel_info,
    connection::{JoinError, Refusal, RefusalKind, Rejoined, Session},
    convert::parse_time,
    habits::Habits,
    ids::{make_chat_id, make_local_id, make_message_id, make_user_id},
    own_nicks::OwnNicks,
    roster::Roster,
    wire::{Message, Source, TokenBucket},
};

/// What a login sees now: read by its client, written line by line.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// Who we are and what the server can do, as of the last line translated.
    pub(crate) session: Session,
    /// The channels and who is in them.
    pub(crate) roster: Roster,
    /// Operators of channels who are asked something.
    pub(crate) questions: Vec<Question>,
    /// Who waits until it is known who is in a channel, by folded name.
    pub(crate) waiting: Vec<(String, tokio::sync::oneshot::Sender<()>)>,
}

/// A question to the operators of a channel, waiting for a yes or no.
#[derive(Debug)]
pub(crate) struct Question {
    /// The channel, folded.
    pub(crate) channel: String,
    /// Who hears the answer: who gave it, and whether it is a yes.
    pub(crate) answer: tokio::sync::oneshot::Sender<(String, bool)>,
}

pub(crate) use self::merge::Merger;

/// A view shared between translator and client.
pub(crate) type SharedView = Arc<Mutex<View>>;

/// Locks a view. A panic elsewhere leaves it as of some line, which is what it always is.
pub(crate) fn look(view: &SharedView) -> MutexGuard<'_, View> {
    view.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a line led to.
#[derive(Debug, Default)]
pub(crate) struct Translated {
    /// News for the core.
    pub(crate) events: Vec<RemoteEvent>,
    /// Channels we are in from now on.
    pub(crate) entered: Vec<String>,
    /// Channels we are no longer to be in.
    pub(crate) left: Vec<String>,
    /// News that may be lost.
    pub(crate) ephemeral: Vec<RemoteEvent>,
    /// Answers to programs.
    pub(crate) replies: Vec<Message>,
    /// Channels whose key changed; `None`: they have none any more.
    pub(crate) keys: Vec<(String, Option<String>)>,
}

impl From<Vec<RemoteEvent>> for Translated {
    fn from(events: Vec<RemoteEvent>) -> Self {
        Self { events, ..Self::default() }
    }
}

/// Translates the lines of one login.
#[derive(Debug)]
pub(crate) struct Translator {
    login: LoginId,
    owner: String,
    own: Arc<OwnNicks>,
    view: SharedView,
    /// When we last knew that nothing was missed, Unix milliseconds.
    continuous_until: Option<i64>,
    /// Nicks with whom this login has a conversation, folded.
    conversations: BTreeSet<String>,
    habits: Habits,
    /// People of a netsplit who may come back.
    lost: Vec<splits::Lost>,
    replies: Vec<Message>,
    /// Counts messages without an id of the server's.
    nameless: u64,
    ctcp_answers: TokenBucket,
    /// What people said when they went away, as it was told, by folded nick.
    away_told: BTreeMap<String, String>,
    /// The accounts of people who wrote to us, by folded nick.
    accounts: BTreeMap<String, Option<String>>,
}

/// Answers to programs: a few at once, then one in a while.
const CTCP_BURST: u32 = 4;
const CTCP_INTERVAL: Duration = Duration::from_secs(10);

/// Where and when a line was heard.
struct Heard<'a> {
    message: &'a Message,
    from: Source,
    /// The server's time, or when we heard it.
    at_ms: i64,
    now_ms: i64,
}

impl Translator {
    /// Makes a translator. `continuous_until` is when the login was last known to be connected.
    pub(crate) fn new(
        login: LoginId,
        owner: String,
        own: Arc<OwnNicks>,
        view: SharedView,
        continuous_until: Option<i64>,
        conversations: BTreeSet<String>,
        habits: Habits,
    ) -> Self {
        Self {
            login,
            owner,
            own,
            view,
            continuous_until,
            conversations,
            habits,
            lost: Vec::new(),
            replies: Vec::new(),
            nameless: 0,
            ctcp_answers: TokenBucket::new(CTCP_BURST, CTCP_INTERVAL),
            away_told: BTreeMap::new(),
            accounts: BTreeMap::new(),
        }
    }

    /// A new connection begins.
    pub(crate) fn registered(&mut self, session: Session, now_ms: i64) {
        self.own.update(&self.login, &self.owner, &session, now_ms);
        *look(&self.view) = View { session, ..View::default() };
    }

    /// The connection ended.
    pub(crate) fn lost(&mut self, now_ms: i64) {
        self.own.leave(&self.login, now_ms);
        let mut view = look(&self.view);
        view.roster = Roster::default();
        view.questions.clear();
        view.waiting.clear();
        view.session.channels.clear();
        // Who is there is told anew when we are back.
        self.lost.clear();
        self.away_told.clear();
    }

    /// The channels were joined again, or not.
    pub(crate) fn ready(&mut self, rejoined: Vec<Rejoined>, now_ms: i64) -> Translated {
        let since = self.continuous_until.replace(now_ms);
        let view = look(&self.view);
        let mut translated = Translated::default();
        for Rejoined { channel, result } in rejoined {
            let chat = make_chat_id(&view.session, &channel);
            match result {
                // The first connection of a login has missed nothing.
                Ok(()) if since.is_none() => {}
                Ok(()) => {
                    let gap = Gap {
                        since,
                        until: now_ms,
                        reason: "The bridge was not connected to the IRC network, which keeps no history: what was said there meanwhile is missing here.".to_owned(),
                    };
                    translated.events.push(RemoteEvent::new(chat, RemoteEventKind::Gap(gap)));
                }
                // The connection is going down again; the next one will tell.
                Err(JoinError::Offline(_)) => {}
                Err(JoinError::Refused(Refusal { kind, words })) => {
                    let for_now = matches!(kind, RefusalKind::Wait(_));
                    let text = if for_now {
                        format!("{words} The bridge keeps trying.")
                    } else {
                        format!("{words} Nothing crosses here until this login has joined again.")
                    };
                    let notice = RemoteEventKind::BridgeNotice { text };
                    translated.events.push(RemoteEvent::new(chat, notice));
                    if !for_now {
                        translated.left.push(channel);
                    }
                }
            }
        }
        translated
    }

    /// Compares names as the server does.
    pub(crate) fn same_name(&self, one: &str, other: &str) -> bool {
        look(&self.view).session.rules.casemap.same(one, other)
    }

    /// Translates a line.
    pub(crate) fn line(&mut self, message: &Message, now_ms: i64) -> Translated {
        self.continuous_until = Some(now_ms);
        let heard = Heard {
            message,
            from: message.from(),
            at_ms: message.tag("time").and_then(parse_time).unwrap_or(now_ms),
            now_ms,
        };
        let view = Arc::clone(&self.view);
        let mut view = look(&view);
        let mut translated = self.translate(&heard, &mut view);
        translated.replies.append(&mut self.replies);
        view.session.apply(message);
        let about_us = message.is("NICK") || message.is("JOIN") || message.is("CHGHOST");
        if about_us || message.numeric() == Some(396) {
            self.own.update(&self.login, &self.owner, &view.session, now_ms);
        }
        translated
    }

    fn translate(&mut self, heard: &Heard<'_>, view: &mut View) -> Translated {
        let message = heard.message;
        if let Some(numeric) = message.numeric() {
            return self.numeric(numeric, heard, view).into();
        }
        match message.command.to_ascii_uppercase().as_str() {
            "PRIVMSG" | "NOTICE" => self.text(heard, view).into(),
            "TAGMSG" => self.tags(heard, view),
            "REDACT" => self.redact(heard, view).into_iter().collect::<Vec<_>>().into(),
            "MODE" => self.modes(heard, view),
            "INVITE" => self.invite(heard, view).into_iter().collect::<Vec<_>>().into(),
            "JOIN" => self.join(heard, view),
            "PART" => self.part(heard, view),
            "KICK" => self.kick(heard, view),
            "QUIT" => self.quit(heard, view).into(),
            "NICK" => self.nick(heard, view).into(),
            "TOPIC" => self.topic(heard, view).into(),
            "ACCOUNT" | "CHGHOST" | "SETNAME" | "AWAY" => self.about(heard, view).into(),
            _ => Translated::default(),
        }
    }

    /// What comes after a JOIN: topic and people, told to the core when the list is complete.
    fn numeric(&mut self, numeric: u16, heard: &Heard<'_>, view: &mut View) -> Vec<RemoteEvent> {
        let message = heard.message;
        let View { session, roster, waiting, .. } = view;
        match numeric {
            // RPL_AWAY.
            301 => return self.away(heard, session).into_iter().collect(),
            // RPL_NOTOPIC, RPL_TOPIC, RPL_NAMREPLY.
            331 => roster.topic(session, message.param(1), ""),
            332 => roster.topic(session, message.param(1), message.param(2)),
            353 => roster.names(session, message.param(2), message.last()),
            // RPL_ENDOFNAMES.
            366 => {
                let Some(channel) = roster.end_of_names(session, message.param(1)) else {
                    return Vec::new();
                };
                let folded = session.fold(&channel.name);
                for (_, waiter) in waiting.extract_if(.., |(channel, _)| *channel == folded) {
                    // Whoever waits no longer needs to know.
                    waiter.send(()).ok();
                }
                let (own, members) = (&self.own, self.habits.members);
                let info = channel_info(session, channel, &self.login, own, heard.now_ms, members);
                let chat = make_chat_id(session, &channel.name);
                let levels = modes::levels(session, channel.people.values());
                let mut events =
                    vec![RemoteEvent::new(chat.clone(), RemoteEventKind::ChatInfo(info))];
                if !levels.is_empty() {
                    events.push(RemoteEvent::new(chat, RemoteEventKind::PowerLevels { levels }));
                }
                return events;
            }
            _ => {}
        }
        Vec::new()
    }

    /// Returns the id of a message: the server's, else one that only we know.
    fn message_id(&mut self, heard: &Heard<'_>) -> Option<RemoteMessageId> {
        if let Some(msgid) = heard.message.tag("msgid") {
            return Some(make_message_id(msgid));
        }
        self.nameless += 1;
        Some(make_local_id(&self.login, heard.now_ms, &format!("r{:x}", self.nameless)))
    }

    /// Makes an event in a channel, with sender and time.
    fn in_channel(
        &self,
        heard: &Heard<'_>,
        session: &Session,
        channel: &str,
        kind: RemoteEventKind,
    ) -> RemoteEvent {
        let mut event = RemoteEvent::new(make_chat_id(session, channel), kind);
        event.id = heard.message.tag("msgid").map(make_message_id);
        event.sender = self.sender(heard, session);
        event.timestamp = Some(heard.at_ms);
        event
    }

    /// Returns who said it; `None` for a server and for another login of ours.
    fn sender(&self, heard: &Heard<'_>, session: &Session) -> Option<RemoteSender> {
        if heard.from.is_server() || self.is_sibling(heard, session) {
            return None;
        }
        Some(RemoteSender {
            user: make_user_id(session, &heard.from.nick),
            is_me: session.is_me(&heard.from.nick),
            profile: Some(profile(&heard.from.nick)),
        })
    }

    fn is_sibling(&self, heard: &Heard<'_>, session: &Session) -> bool {
        self.own.is_sibling(&heard.from, &self.login, session, heard.now_ms)
    }
}

/// Returns the profile of a nick: IRC knows nothing more.
fn profile(nick: &str) -> UserInfo {
    UserInfo { name: Some(nick.to_owned()), avatar: None, is_bot: false }
}

/// Returns what is known of a conversation.
pub(crate) fn direct_info(nick: &str) -> ChatInfo {
    ChatInfo { kind: Some(ChatKind::Direct), name: Some(nick.to_owned()), ..ChatInfo::default() }
}
