//! One login: it reads the network's updates after the position the core has stored, commits them,
//! and only then asks for more; and it sends what the core hands it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bridge_core::ids::{LoginId, PortalKey, RemoteChatId, RemoteUserId, SendKey};
use bridge_core::network::{
    Batch, BridgeState, BridgeStateKind, Capabilities, ChatInfo, CommitError, ConnectContext,
    Consent, Cursor, Directory, Gap, History, MediaRef, MediaSource, MediaStream, NetworkClient,
    NetworkError, Outgoing, OutgoingKind, PlumbRequest, Refusal, RemoteEvent, RemoteEventKind,
    RemoteSink, RemoteStep, SendOutcome, UserInfo,
};
use futures_util::StreamExt as _;
use support_clock::SharedClock;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::capabilities::{self, Able};
use crate::chat_info;
use crate::error::send_outcome;
use crate::from_matrix::{self, Post};
use crate::ids::{
    Place, make_chat_id, make_message_id, make_user_id, parse_message_id, parse_user_id,
};
use crate::metadata::LoginMetadata;
use crate::network::{Deed, DemoNetwork, Refused, SaidKind, Update};
use crate::to_matrix;

/// The one stream of updates there is.
const STREAM: &str = "updates";
/// How many updates are committed together.
const AT_ONCE: usize = 100;
/// The rank from which one decides what becomes of a group.
const OPERATOR: i64 = 50;
/// How long the core is given when its storage is in trouble, before the same is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// One login's client.
#[derive(Debug)]
pub(crate) struct DemoClient {
    inner: Arc<Inner>,
    tasks: TaskTracker,
    /// Ends the connection of now; replaced by each `connect`.
    connection: Mutex<CancellationToken>,
    /// Where files from Matrix are read.
    files: Mutex<MediaSource>,
}

#[derive(Debug)]
struct Inner {
    network: DemoNetwork,
    clock: SharedClock,
    login: LoginId,
    metadata: LoginMetadata,
    able: Able,
}

impl DemoClient {
    pub(crate) fn new(
        network: DemoNetwork,
        clock: SharedClock,
        login: LoginId,
        metadata: LoginMetadata,
        able: Able,
    ) -> Self {
        let inner = Arc::new(Inner { network, clock, login, metadata, able });
        let (connection, files) = (Mutex::default(), Mutex::default());
        Self { inner, tasks: TaskTracker::new(), connection, files }
    }

    /// Makes a stored step what the network takes: its file is read from Matrix.
    async fn deed(&self, post: Post) -> Result<Deed, NetworkError> {
        Ok(match post {
            Post::Say { kind: SaidKind::Contact, reply_to, thread, media: Some(media), .. } => {
                let number = self.file(&media).await?;
                let card = self.network().uploaded(number).map(|file| file.bytes);
                let text = String::from_utf8(card.unwrap_or_default())
                    .map_err(|_| NetworkError::Invalid("this card is not text".to_owned()))?;
                let (kind, html, file) = (SaidKind::Contact, None, None);
                Deed::Say { kind, text, html, reply_to, thread, file }
            }
            Post::Say { kind, text, html, reply_to, thread, media } => {
                let file = match media {
                    Some(media) => {
                        let number = self.file(&media).await?;
                        self.network().uploaded(number)
                    }
                    None => None,
                };
                Deed::Say { kind, text, html, reply_to, thread, file }
            }
            Post::Edit { target, text } => Deed::Edit { target, text },
            Post::TakeBack { target } => Deed::TakeBack { target },
            Post::React { target, emoji, set } => Deed::React { target, emoji, set },
            Post::Pin { target, pinned } => Deed::Pin { target, pinned },
            Post::Name { name } => Deed::Name { name },
            Post::Topic { topic } => Deed::Topic { topic },
            Post::Remove { who, ban, reason } => Deed::Remove { who, ban, reason },
            Post::Rank { who, level } => Deed::Rank { who, level },
            Post::Invite { who } => Deed::Invite { who },
            Post::Unban { who } => Deed::Unban { who },
            Post::Timer { ms } => Deed::Timer { ms },
            Post::Command { name, arguments } => Deed::Command { name, arguments },
            Post::Close => Deed::Close { reason: format!("{} ended it", self.account()) },
            Post::Leave => Deed::Leave,
            Post::Picture { media } => {
                let file = match media {
                    Some(media) => {
                        let number = self.file(&media).await?;
                        self.network().uploaded(number)
                    }
                    None => None,
                };
                Deed::Picture { file }
            }
        })
    }

    /// Brings a file to the network, unless the network has it already. Returns its number there.
    async fn file(&self, media: &MediaRef) -> Result<i64, NetworkError> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let known = files.known_as(media).await.and_then(|handle| handle.as_i64());
        if let Some(number) = known.filter(|number| self.network().has_file(*number)) {
            return Ok(number);
        }
        let file = files.open(media).await?;
        let largest = self.inner.able.largest_file;
        if file.size > largest {
            let words = format!("the demo network takes no more than {largest} bytes");
            return Err(NetworkError::Invalid(words));
        }
        let mut pieces = file.stream().await?.body;
        let mut upload = self.network().begin_upload(&file.filename, &file.content_type);
        while let Some(piece) = pieces.next().await {
            upload.add(&piece?);
        }
        let number = upload.finish();
        files.remember(media, &number.into()).await;
        Ok(number)
    }

    pub(crate) fn network(&self) -> &DemoNetwork {
        &self.inner.network
    }

    pub(crate) fn account(&self) -> &str {
        &self.inner.metadata.account
    }

    pub(crate) fn login(&self) -> &LoginId {
        &self.inner.login
    }

    fn replace_connection(&self) -> CancellationToken {
        let new = CancellationToken::new();
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *connection, new.clone()).cancel();
        new
    }
}

#[async_trait]
impl NetworkClient for DemoClient {
    async fn connect(&self, sink: RemoteSink, context: ConnectContext) {
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = context.media;
        let connection = self.replace_connection();
        let inner = self.inner.clone();
        let listening = async move {
            if inner.listen(&sink).await.is_err() {
                tracing::debug!(login = %inner.login, "the core serves this login no longer");
            }
        };
        self.tasks.spawn(async move { connection.run_until_cancelled(listening).await });
    }

    async fn disconnect(&self) {
        self.replace_connection().cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }

    fn capabilities(&self, _portal: &PortalKey) -> Capabilities {
        capabilities::capabilities(&self.inner.able)
    }

    fn own_user(&self) -> Option<RemoteUserId> {
        Some(make_user_id(self.account()))
    }

    async fn chat_info(&self, chat: &RemoteChatId) -> Result<ChatInfo, NetworkError> {
        chat_info::chat_info(self.network(), self.account(), chat)
    }

    async fn user_info(&self, user: &RemoteUserId) -> Result<UserInfo, NetworkError> {
        Ok(to_matrix::profile(parse_user_id(user)))
    }

    fn plan(
        &self,
        outgoing: &Outgoing,
        capabilities: &Capabilities,
    ) -> Result<Vec<RemoteStep>, Refusal> {
        from_matrix::plan(outgoing, capabilities)
    }

    async fn send(&self, portal: &PortalKey, step: &RemoteStep, key: &SendKey) -> SendOutcome {
        let post = match Post::parse(step) {
            Ok(post) => post,
            Err(error) => return SendOutcome::Failed { words: error.to_string() },
        };
        let deed = match self.deed(post).await {
            Ok(deed) => deed,
            Err(error) => return no_file(error),
        };
        let place = from_matrix::place(&portal.chat);
        self.network().take_time().await;
        match self.network().post(self.account(), &place, deed, key.as_str()) {
            Ok((number, at)) => SendOutcome::Confirmed {
                remote_id: Some(make_message_id(number)),
                timestamp: Some(at),
            },
            Err(refused) => send_outcome(refused),
        }
    }

    async fn ephemeral(&self, portal: &PortalKey, what: &OutgoingKind) {
        let deed = match what {
            OutgoingKind::Receipt { target } => match parse_message_id(target) {
                Some(target) => Deed::Read { target },
                None => return,
            },
            OutgoingKind::Typing { typing } => Deed::Type { typing: *typing },
            _ => return,
        };
        self.network().pass(self.account(), &from_matrix::place(&portal.chat), deed);
    }

    async fn fetch_media(&self, media: &MediaRef) -> Result<MediaStream, NetworkError> {
        let (network, locator) = (self.network(), &media.locator);
        let file = match serde_json::from_value::<(i64, usize)>(locator.clone()) {
            Ok((album, part)) => network.open_picture(album, part),
            Err(_) => match (locator.as_i64(), locator["picture"].as_i64()) {
                (Some(number), _) => network.open_file(number),
                (None, Some(number)) => network.open_group_picture(number),
                (None, None) => locator["emoji"].as_str().and_then(|name| network.open_emoji(name)),
            },
        };
        file.ok_or_else(|| NetworkError::NotFound("It is not there.".to_owned()))
    }

    async fn may_plumb(&self, request: &PlumbRequest) -> Consent {
        let Place::Group(group) = from_matrix::place(&request.chat) else {
            return Consent::No { words: "A conversation of two is nobody else's.".to_owned() };
        };
        let operates =
            |user: &RemoteUserId| self.network().level(parse_user_id(user), &group) >= OPERATOR;
        match request.accounts.iter().any(operates) {
            true => Consent::Yes,
            false => Consent::No { words: format!("Only operators of {group} decide that.") },
        }
    }

    async fn resolve(&self, _portal: &PortalKey, _step: &RemoteStep, key: &SendKey) -> SendOutcome {
        match self.network().find_by_key(self.account(), key.as_str()) {
            Some((number, at)) => SendOutcome::Confirmed {
                remote_id: Some(make_message_id(number)),
                timestamp: Some(at),
            },
            None => SendOutcome::Unknown { reason: "the network knows no such send".to_owned() },
        }
    }

    fn history(&self) -> Option<&dyn History> {
        Some(self)
    }

    fn directory(&self) -> Option<&dyn Directory> {
        Some(self)
    }
}

/// Puts news right that was told twice or in another order: each piece names the one before it, so
/// what stands behind one that is missing is left to be told again.
fn in_order(mut updates: Vec<Update>, position: i64) -> Vec<Update> {
    updates.sort_by_key(|update| update.number);
    updates.dedup_by_key(|update| update.number);
    let mut last = position;
    let in_place =
        move |update: &Update| std::mem::replace(&mut last, update.number) == update.after;
    updates.into_iter().take_while(in_place).collect()
}

/// A file that cannot be read now may be read later: nothing has been sent.
fn no_file(error: NetworkError) -> SendOutcome {
    match error {
        NetworkError::Unreachable(reason) => SendOutcome::Retry { after: PAUSE, reason },
        error => SendOutcome::Failed { words: format!("Its file cannot be read: {error}.") },
    }
}

impl Inner {
    /// Stays connected for good. Ends when the core serves this login no longer.
    async fn listen(&self, sink: &RemoteSink) -> Result<(), CommitError> {
        let mut position = self.stored_position(sink).await?;
        loop {
            sink.state(BridgeState::new(BridgeStateKind::Connecting)).await;
            match self.hear(sink, &mut position).await? {
                Refused::NoSuchAccount => {
                    let kind = BridgeStateKind::BadCredentials;
                    let words = "The network knows no such account any more.";
                    sink.state(BridgeState::with_message(kind, words)).await;
                    return Ok(());
                }
                refused => {
                    let kind = BridgeStateKind::TransientDisconnect;
                    let words = format!("{refused}.");
                    sink.state(BridgeState::with_message(kind, words)).await;
                    self.network.reachable().await;
                }
            }
        }
    }

    /// Hears updates and commits them, until the network is away. Returns why.
    async fn hear(&self, sink: &RemoteSink, position: &mut i64) -> Result<Refused, CommitError> {
        let account = self.metadata.account.as_str();
        if let Err(refused) = self.network.check(account) {
            return Ok(refused);
        }
        sink.state(BridgeState::new(BridgeStateKind::Connected)).await;
        loop {
            if let Some(lost) = self.network.lost_since(*position) {
                self.tell_of_gap(sink, lost).await?;
                *position = lost;
            }
            let updates = match self.network.updates(account, *position, AT_ONCE).await {
                Ok(updates) => in_order(updates, *position),
                Err(refused) => return Ok(refused),
            };
            let Some(last) = updates.last().map(|update| update.number) else { continue };
            // What may be lost is passed on beside the rest; one's own is known.
            let (passing, lasting): (Vec<_>, Vec<_>) =
                updates.iter().partition(|update| update.what.passes());
            for update in passing.into_iter().filter(|update| update.by != account) {
                sink.ephemeral(to_matrix::event(update, account, &self.login));
            }
            let events = lasting.into_iter().map(|u| to_matrix::event(u, account, &self.login));
            let cursor = Cursor { stream: STREAM.to_owned(), value: last.to_string(), order: last };
            let batch =
                Batch { events: events.collect(), cursors: vec![cursor], settlements: vec![] };
            self.commit(sink, batch).await?;
            *position = last;
        }
    }

    /// Says in every group that something was missed.
    async fn tell_of_gap(&self, sink: &RemoteSink, lost: i64) -> Result<(), CommitError> {
        let until = self.clock.now_ms();
        let gap = |group: String| {
            let reason = "the network kept no news while you were away".to_owned();
            let gap = Gap { since: None, until, reason };
            let chat = make_chat_id(&Place::Group(group));
            RemoteEvent::new(chat, RemoteEventKind::Gap(gap))
        };
        let groups = self.network.groups_of(&self.metadata.account);
        let cursor = Cursor { stream: STREAM.to_owned(), value: lost.to_string(), order: lost };
        let events = groups.into_iter().map(gap).collect();
        self.commit(sink, Batch { events, cursors: vec![cursor], settlements: vec![] }).await
    }

    /// Commits a batch, again if storage was in trouble: the network does not send it twice
    /// before we go on.
    async fn commit(&self, sink: &RemoteSink, batch: Batch) -> Result<(), CommitError> {
        loop {
            match sink.commit(batch.clone()).await {
                Err(CommitError::NotStored(why)) => {
                    tracing::warn!(why, "updates could not be stored; trying again");
                    self.clock.sleep(PAUSE).await;
                }
                other => return other,
            }
        }
    }

    async fn stored_position(&self, sink: &RemoteSink) -> Result<i64, CommitError> {
        loop {
            match sink.cursor(STREAM).await {
                Ok(Some(cursor)) => return Ok(cursor.order.max(self.metadata.since)),
                Ok(None) => return Ok(self.metadata.since),
                Err(CommitError::NotStored(_)) => self.clock.sleep(PAUSE).await,
                Err(CommitError::Closed) => return Err(CommitError::Closed),
            }
        }
    }
}
