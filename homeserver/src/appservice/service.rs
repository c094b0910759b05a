//! One application service: its identity, its namespaces, the way to it, and how its deliveries go.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::HeaderValue;
use registration::{Matcher, Registration, RegistrationError};
use ruma::{OwnedRoomId, OwnedUserId, RoomAliasId, RoomId, ServerName, UserId};
use support_matrix_http::{HttpTransport, TransportError};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{
    Origin,
    passing::{Batch, Passing},
};
use crate::{
    store::receipts::Receipt,
    users::{TokenHash, hash_token},
};

/// An application service as this process knows it.
#[derive(Debug)]
pub(crate) struct Appservice {
    pub(crate) id: String,
    /// Its own account, as whom it acts when it names nobody.
    pub(crate) sender: OwnedUserId,
    pub(crate) origin: Origin,
    registration: Registration,
    matcher: Matcher,
    authorization: HeaderValue,
    token_hash: TokenHash,
    /// The way to it; none when its registration has no url: then nothing is queued for it either.
    transport: Option<Arc<dyn HttpTransport>>,
    /// Something was queued.
    work: Notify,
    /// What it has still to be told of typing and receipts, and that there is some.
    passing: Mutex<Passing>,
    passing_work: Notify,
    /// Counts the reasons to try again at once.
    flushes: watch::Sender<u64>,
    /// Ends the sender at once, whatever it is doing.
    ended: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
    delivery: Mutex<Delivery>,
}

/// How its deliveries go.
#[derive(Debug, Clone, Default)]
pub(super) struct Delivery {
    /// Attempts that failed since the last one that did not.
    pub(super) failures: u32,
    /// Why the last one failed.
    pub(super) last_failure: Option<String>,
}

impl Appservice {
    /// Compiles a registration.
    pub(super) fn new(
        registration: Registration,
        server_name: &ServerName,
        origin: Origin,
        transport: Option<Arc<dyn HttpTransport>>,
    ) -> Result<Self, RegistrationError> {
        registration.validate()?;
        let matcher = registration.matcher(server_name)?;
        let authorization = format!("Bearer {}", registration.hs_token.expose());
        let mut authorization =
            HeaderValue::try_from(authorization).map_err(|_| RegistrationError {
                file: None,
                line: None,
                field: Some("hs_token".to_owned()),
                fault: "it has characters that no HTTP header can carry".to_owned(),
            })?;
        authorization.set_sensitive(true);
        Ok(Self {
            id: registration.id.clone(),
            sender: matcher.sender().to_owned(),
            origin,
            matcher,
            authorization,
            token_hash: hash_token(registration.as_token.expose()),
            registration,
            transport,
            work: Notify::new(),
            passing: Mutex::default(),
            passing_work: Notify::new(),
            flushes: watch::Sender::new(0),
            ended: CancellationToken::new(),
            task: Mutex::new(None),
            delivery: Mutex::new(Delivery::default()),
        })
    }

    pub(super) fn registration(&self) -> &Registration {
        &self.registration
    }

    pub(super) fn token_hash(&self) -> &TokenHash {
        &self.token_hash
    }

    /// Whether events are pushed to it at all.
    pub(crate) fn pushes(&self) -> bool {
        self.transport.is_some()
    }

    /// Whether it may act as this user, and hears what this user does.
    pub(crate) fn covers_user(&self, user_id: &UserId) -> bool {
        self.matcher.user(user_id).is_any()
    }

    /// Whether nobody else may have this user id.
    pub(crate) fn owns_user(&self, user_id: &UserId) -> bool {
        self.matcher.user(user_id).is_exclusive()
    }

    /// Whether those it speaks as have to keep to the limits. Its own account never has to.
    pub(crate) fn is_rate_limited(&self) -> bool {
        self.registration.is_rate_limited()
    }

    pub(crate) fn covers_alias(&self, alias: &str) -> bool {
        <&RoomAliasId>::try_from(alias).is_ok_and(|alias| self.matcher.alias(alias).is_any())
    }

    pub(crate) fn owns_alias(&self, alias: &RoomAliasId) -> bool {
        self.matcher.alias(alias).is_exclusive()
    }

    pub(crate) fn covers_room(&self, room_id: &RoomId) -> bool {
        self.matcher.room(room_id).is_any()
    }

    /// The header by which the homeserver proves itself.
    pub(super) fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }

    /// Sends one request to it.
    pub(super) async fn call(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, TransportError> {
        match &self.transport {
            Some(transport) => transport.call(request).await,
            None => Err(TransportError::NotSent("the registration has no url".to_owned())),
        }
    }

    /// Tells the sender that something was queued.
    pub(super) fn wake(&self) {
        self.work.notify_one();
    }

    /// Waits until something was queued. What was queued before the call counts.
    pub(super) async fn woken(&self) {
        self.work.notified().await;
    }

    /// Whether it asks for typing and receipts.
    pub(super) fn wants_passing(&self) -> bool {
        self.pushes() && self.registration.wants_ephemeral()
    }

    /// Under which names it reads them: each name it asked by. A program reads the one it knows.
    pub(super) fn names_for_passing(&self) -> impl Iterator<Item = &'static str> {
        let Registration { receive_ephemeral, push_ephemeral, .. } = &self.registration;
        let stable = (*receive_ephemeral == Some(true)).then_some("ephemeral");
        let older = (*push_ephemeral == Some(true)).then_some("de.sorunome.msc2409.ephemeral");
        stable.into_iter().chain(older)
    }

    /// Has it told who types in a room.
    pub(super) fn tell_typing(&self, room_id: OwnedRoomId) {
        lock(&self.passing).add_typing(room_id);
        self.passing_work.notify_one();
    }

    /// Has it told of a receipt.
    pub(super) fn tell_receipt(&self, room_id: OwnedRoomId, receipt: Receipt) {
        lock(&self.passing).add_receipt(room_id, receipt);
        self.passing_work.notify_one();
    }

    /// Takes a part of what it has still to be told.
    pub(super) fn take_passing(&self) -> Option<Batch> {
        lock(&self.passing).take()
    }

    pub(super) fn put_back_passing(&self, batch: Batch) {
        lock(&self.passing).put_back(batch);
        self.passing_work.notify_one();
    }

    /// Waits until there is something to tell.
    pub(super) async fn passing_came(&self) {
        while lock(&self.passing).is_empty() {
            self.passing_work.notified().await;
        }
    }

    /// Ends the pause between two attempts, also one that is about to begin.
    pub(super) fn flush(&self) {
        self.flushes.send_modify(|count| *count += 1);
    }

    /// Returns where flushes are heard of.
    pub(super) fn flushes(&self) -> watch::Receiver<u64> {
        self.flushes.subscribe()
    }

    pub(crate) fn ended(&self) -> &CancellationToken {
        &self.ended
    }

    pub(super) fn set_task(&self, task: JoinHandle<()>) {
        *lock(&self.task) = Some(task);
    }

    /// Ends the sender at once and waits until it is gone, so that its successor is never second in flight.
    pub(super) async fn end(&self) {
        self.ended.cancel();
        let task = lock(&self.task).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(
                appservice = %self.id,
                error = &error as &dyn std::error::Error,
                "appservice sender failed"
            );
        }
    }

    pub(super) fn note_delivery(&self) {
        *lock(&self.delivery) = Delivery::default();
    }

    pub(super) fn note_failure(&self, why: String) {
        let mut delivery = lock(&self.delivery);
        delivery.failures = delivery.failures.saturating_add(1);
        delivery.last_failure = Some(why);
    }

    pub(super) fn delivery(&self) -> Delivery {
        lock(&self.delivery).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
