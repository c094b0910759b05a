//! Registration as a machine without input or output: lines go in, lines to send come out, and at
//! the end a [`Session`] or the reason why there is none.
//!
//! `PASS`, `CAP LS 302`, `NICK`, `USER` leave at once; then capabilities are requested in chunks,
//! SASL PLAIN is spoken if an account was given, `CAP END` lets the server go on to 001, 005 and
//! the end of its message of the day.

use std::collections::{BTreeMap, VecDeque};

use secrecy::ExposeSecret as _;

use super::{
    Failure, FailureKind, Session, Settings,
    nickserv::{Services, answer_of},
};
use crate::wire::{Message, NickCandidates, plain_chunks, plain_response};

/// What we can use. `labeled-response` without `batch` would give answers we cannot read.
const WANTED: [&str; 18] = [
    "message-tags",
    "batch",
    "server-time",
    "echo-message",
    "labeled-response",
    "multi-prefix",
    "userhost-in-names",
    "account-tag",
    "chghost",
    "cap-notify",
    "standard-replies",
    "extended-join",
    "account-notify",
    "away-notify",
    "invite-notify",
    "setname",
    "draft/message-redaction",
    "message-redaction",
];

/// Keeps a `CAP REQ` well within 512 bytes.
const REQUEST_BYTES: usize = 400;

/// A PING behind 001: its answer ends registration on servers without a message of the day.
const READY: &str = "rialto-ready";

/// What a line led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Send these now (perhaps none).
    Send(Vec<Message>),
    /// Not about registration: news to be handed on.
    News,
    /// Registered.
    Done,
}

/// A registration under way.
#[derive(Debug)]
pub(super) struct Handshake<'a> {
    settings: &'a Settings,
    session: Session,
    nicks: NickCandidates,
    tried_nick: String,
    offered: BTreeMap<String, String>,
    /// Chunks of capabilities asked for, not answered yet.
    requested: VecDeque<Vec<String>>,
    sasl: SaslState,
    services: Services,
    welcomed: bool,
    /// What the server said of a ban. Some tell the reason only in the ERROR that follows.
    banned: Option<String>,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum SaslState {
    NotWanted,
    Waiting,
    Done,
}

impl<'a> Handshake<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        let sasl = if settings.sasl.is_some() { SaslState::Waiting } else { SaslState::NotWanted };
        let mut nicks = NickCandidates::new(&settings.nick);
        let tried_nick = nicks.next_nick().unwrap_or_else(|| settings.nick.clone());
        Self {
            settings,
            session: Session::default(),
            nicks,
            tried_nick,
            offered: BTreeMap::new(),
            requested: VecDeque::new(),
            sasl,
            services: Services::NotWanted,
            welcomed: false,
            banned: None,
        }
    }

    /// Returns the first lines.
    pub(super) fn begin(&self) -> Vec<Message> {
        let mut lines = Vec::new();
        if let Some(password) = &self.settings.server_password {
            lines.push(Message::new("PASS", [password.expose_secret()]));
        }
        lines.push(Message::new("CAP", ["LS", "302"]));
        lines.push(Message::new("NICK", [self.tried_nick.as_str()]));
        lines.push(Message::new(
            "USER",
            [self.settings.username.as_str(), "0", "*", self.settings.realname.as_str()],
        ));
        lines
    }

    /// Returns the session that was made.
    pub(super) fn finish(self) -> Session {
        self.session
    }

    /// Returns why registration ended without a last word of the server.
    pub(super) fn ended(&self, otherwise: Failure) -> Failure {
        match &self.banned {
            Some(words) => Failure::new(FailureKind::Banned, words.clone()),
            None if self.services == Services::Asked => {
                let words = "the network's services did not answer";
                Failure::new(FailureKind::SaslUnavailable, words)
            }
            None => otherwise,
        }
    }

    /// There is no SASL: then the services are asked, unless nobody is to be.
    fn without_sasl(&mut self, detail: impl Into<String>) -> Result<(), Failure> {
        if self.settings.nickserv.is_none() {
            return Err(Failure::new(FailureKind::SaslUnavailable, detail));
        }
        self.sasl = SaslState::NotWanted;
        self.services = Services::Wanted;
        Ok(())
    }

    /// The server has let us in. With an account to be checked by the services, they are asked now.
    fn let_in(&mut self) -> Progress {
        match (self.services, &self.settings.sasl, &self.settings.nickserv) {
            (Services::Wanted, Some(sasl), Some(services)) => {
                self.services = Services::Asked;
                let words = format!("IDENTIFY {} {}", sasl.account, sasl.password.expose_secret());
                Progress::Send(vec![Message::new("PRIVMSG", [services.as_str(), &words])])
            }
            (Services::Asked, ..) => Progress::Send(Vec::new()),
            _ => Progress::Done,
        }
    }

    /// Takes a line.
    pub(super) fn handle(&mut self, message: &Message) -> Result<Progress, Failure> {
        self.session.apply(message);
        if let (Services::Asked, Some(services)) = (self.services, &self.settings.nickserv)
            && let Some(answer) = answer_of(message, services)
        {
            return answer.map(|()| {
                if let Some(sasl) = &self.settings.sasl {
                    self.session.account.get_or_insert_with(|| sasl.account.clone());
                }
                Progress::Done
            });
        }
        if message.is("CAP") {
            return self.handle_cap(message).map(Progress::Send);
        }
        if message.is("AUTHENTICATE") {
            return Ok(Progress::Send(self.answer_challenge(message)));
        }
        if message.is("ERROR") {
            return Err(match &self.banned {
                Some(words) => {
                    Failure::new(FailureKind::Banned, format!("{words} ({})", message.last()))
                }
                None => Failure::from_error(message.last()),
            });
        }
        if message.is("PING") {
            return Ok(Progress::Send(vec![Message::new("PONG", [message.last()])]));
        }
        if message.is("PONG") {
            let ready = self.welcomed && message.last() == READY;
            return Ok(if ready { self.let_in() } else { Progress::Send(Vec::new()) });
        }
        match message.numeric() {
            Some(numeric) => self.handle_numeric(numeric, message),
            None => Ok(if self.welcomed { Progress::News } else { Progress::Send(Vec::new()) }),
        }
    }

    fn handle_numeric(&mut self, numeric: u16, message: &Message) -> Result<Progress, Failure> {
        let failed = |kind| Err(Failure::new(kind, message.last()));
        match numeric {
            1 => {
                self.welcomed = true;
                if self.sasl == SaslState::Waiting {
                    // An old server that knows no CAP lets us in without asking.
                    self.without_sasl("no SASL offered")?;
                }
                Ok(Progress::Send(vec![Message::new("PING", [READY])]))
            }
            // End of the message of the day, or there is none.
            376 | 422 if self.welcomed => Ok(self.let_in()),
            // Nick in use, nick collision, nick temporarily unavailable.
            433 | 436 | 437 if !self.welcomed => self.next_nick(message).map(Progress::Send),
            // Erroneous nick; ERR_NONICKNAMEGIVEN.
            431 | 432 if !self.welcomed => failed(FailureKind::NickRefused),
            464 => failed(FailureKind::BadServerPassword),
            465 => {
                self.banned = Some(message.last().to_owned());
                Ok(Progress::Send(Vec::new()))
            }
            463 | 466 => failed(FailureKind::Banned),
            // SASL success; already authenticated.
            903 | 907 => {
                self.sasl = SaslState::Done;
                Ok(Progress::Send(vec![Message::new("CAP", ["END"])]))
            }
            // Nick locked, SASL failed, too long, aborted.
            902 | 904 | 905 | 906 => failed(FailureKind::BadCredentials),
            // RPL_SASLMECHS: the mechanism is not known there.
            908 if !has_mechanism(message.param(1), "PLAIN") => Err(Failure::new(
                FailureKind::SaslUnavailable,
                format!("the server only knows {}", message.param(1)),
            )),
            // A bouncer may tell of its channels before the message of the day ends.
            331..=333 | 353 | 366 if self.welcomed => Ok(Progress::News),
            _ => Ok(Progress::Send(Vec::new())),
        }
    }

    fn next_nick(&mut self, message: &Message) -> Result<Vec<Message>, Failure> {
        let in_use = || Failure::new(FailureKind::NickInUse, message.last());
        if !self.settings.alternate_nicks {
            return Err(in_use());
        }
        self.tried_nick = self.nicks.next_nick().ok_or_else(in_use)?;
        Ok(vec![Message::new("NICK", [self.tried_nick.as_str()])])
    }

    fn handle_cap(&mut self, message: &Message) -> Result<Vec<Message>, Failure> {
        match message.param(1).to_ascii_uppercase().as_str() {
            "LS" => {
                for offer in message.last().split(' ').filter(|offer| !offer.is_empty()) {
                    let (name, value) = offer.split_once('=').unwrap_or((offer, ""));
                    self.offered.insert(name.to_owned(), value.to_owned());
                }
                // A `*` before the list says that more lines follow.
                let more = message.params.len() > 3 && message.param(2) == "*";
                if more { Ok(Vec::new()) } else { self.request_caps() }
            }
            "ACK" => {
                self.requested.pop_front();
                self.after_caps()
            }
            "NAK" => {
                // A chunk is refused as a whole: ask for its members one by one.
                let refused = self.requested.pop_front().unwrap_or_default();
                if refused.len() < 2 {
                    return self.after_caps();
                }
                let again: Vec<_> = refused.into_iter().map(|cap| vec![cap]).collect();
                let lines = again.iter().map(|chunk| request(chunk)).collect();
                self.requested.extend(again);
                Ok(lines)
            }
            _ => Ok(Vec::new()),
        }
    }

    fn request_caps(&mut self) -> Result<Vec<Message>, Failure> {
        let mut wanted: Vec<&str> =
            WANTED.into_iter().filter(|cap| self.offered.contains_key(*cap)).collect();
        if self.sasl == SaslState::Waiting {
            match self.offered.get("sasl").cloned() {
                Some(mechanisms)
                    if mechanisms.is_empty() || has_mechanism(&mechanisms, "PLAIN") =>
                {
                    wanted.push("sasl");
                }
                Some(mechanisms) => {
                    self.without_sasl(format!("the server only knows {mechanisms}"))?;
                }
                None => self.without_sasl("no SASL offered")?,
            }
        }
        let mut chunk: Vec<String> = Vec::new();
        for cap in wanted {
            let length: usize = chunk.iter().map(|cap| cap.len() + 1).sum();
            if length + cap.len() > REQUEST_BYTES {
                self.requested.push_back(std::mem::take(&mut chunk));
            }
            chunk.push(cap.to_owned());
        }
        if !chunk.is_empty() {
            self.requested.push_back(chunk);
        }
        if self.requested.is_empty() {
            return self.after_caps();
        }
        Ok(self.requested.iter().map(|chunk| request(chunk)).collect())
    }

    /// Goes on once every chunk is answered.
    fn after_caps(&mut self) -> Result<Vec<Message>, Failure> {
        if !self.requested.is_empty() {
            return Ok(Vec::new());
        }
        if self.sasl != SaslState::Waiting {
            return Ok(vec![Message::new("CAP", ["END"])]);
        }
        if !self.session.has("sasl") {
            self.without_sasl("SASL was refused")?;
            return Ok(vec![Message::new("CAP", ["END"])]);
        }
        Ok(vec![Message::new("AUTHENTICATE", ["PLAIN"])])
    }

    fn answer_challenge(&self, message: &Message) -> Vec<Message> {
        match &self.settings.sasl {
            Some(sasl) if message.param(0) == "+" => {
                let response = plain_response(&sasl.account, sasl.password.expose_secret());
                let chunks = plain_chunks(&response);
                chunks.into_iter().map(|chunk| Message::new("AUTHENTICATE", [chunk])).collect()
            }
            // PLAIN has one empty challenge; anything else is not PLAIN.
            _ => vec![Message::new("AUTHENTICATE", ["*"])],
        }
    }
}

fn request(chunk: &[String]) -> Message {
    Message::new("CAP", ["REQ".to_owned(), chunk.join(" ")])
}

fn has_mechanism(list: &str, mechanism: &str) -> bool {
    list.split(',').any(|name| name.eq_ignore_ascii_case(mechanism))
}
