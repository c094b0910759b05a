//! Who is asking: a person with a device, or an appservice speaking as its bot, as one of its ghosts, or as a person
//! it has the right to speak for.

use std::sync::Arc;

use ruma::{DeviceId, MilliSecondsSinceUnixEpoch, OwnedDeviceId, OwnedUserId, UserId};
use support_matrix_http::MatrixError;

use crate::{appservice::Appservice, error::Result, house::House, users::TokenOwner};

/// The authenticated caller of one request.
#[derive(Debug, Clone)]
pub(crate) struct Requester {
    pub(crate) user_id: OwnedUserId,
    /// The session's device; an appservice has one only when it names one.
    pub(crate) device_id: Option<OwnedDeviceId>,
    /// Set when the token was an appservice's, whomever it speaks as.
    pub(crate) appservice: Option<Arc<Appservice>>,
    pub(crate) admin: bool,
}

/// As whom an appservice wants to speak.
#[derive(Debug, Clone, Default)]
pub(crate) struct Assertion {
    pub(crate) user_id: Option<String>,
    pub(crate) device_id: Option<String>,
}

impl Requester {
    /// Finds out whose token it is. Only an appservice may assert an identity; for people the assertion is ignored,
    /// as other servers do.
    pub(crate) async fn find(house: &House, token: &str, assertion: Assertion) -> Result<Self> {
        if let Some(appservice) = house.appservices.by_token(token) {
            return Self::assert_identity(house, appservice, assertion).await;
        }
        let owner = house.users.token_owner(token).await?;
        let owner = owner.ok_or_else(|| MatrixError::unknown_token(false))?;
        let now = house.clock.now_ms();
        if owner.has_expired(now) {
            return Err(MatrixError::unknown_token(true).into());
        }
        if owner.last_seen.is_due(now) {
            note_seen(house, &owner, now);
        }
        Ok(Self {
            user_id: owner.user_id,
            device_id: Some(owner.device_id),
            appservice: None,
            admin: owner.admin,
        })
    }

    async fn assert_identity(
        house: &House,
        appservice: Arc<Appservice>,
        assertion: Assertion,
    ) -> Result<Self> {
        let user_id = match assertion.user_id {
            None => appservice.sender.clone(),
            Some(user_id) => UserId::parse(user_id)
                .map_err(|_| MatrixError::invalid_param("`user_id` is not a user id."))?,
        };
        if !appservice.covers_user(&user_id) {
            return Err(MatrixError::forbidden(
                "The application service may not speak as this user: it is outside of its namespaces.",
            )
            .into());
        }
        let account = house.users.account(&user_id).await?.ok_or_else(|| {
            MatrixError::forbidden("The application service has not registered this user.")
        })?;
        if !account.active {
            return Err(MatrixError::user_deactivated().into());
        }
        let device_id = match assertion.device_id {
            None => None,
            Some(device_id) => {
                let device_id = OwnedDeviceId::from(device_id);
                let may_be_one = !device_id.as_str().contains('\0');
                if !may_be_one || !house.users.has_device(&user_id, &device_id).await? {
                    return Err(MatrixError::unknown_device().into());
                }
                Some(device_id)
            }
        };
        Ok(Self { user_id, device_id, appservice: Some(appservice), admin: account.admin })
    }

    /// Returns what a client's transaction ids are unique within. Two ghosts of one appservice have scopes of their
    /// own, whatever ids they use, and a new device of a person starts afresh.
    pub(crate) fn scope(&self) -> String {
        match &self.appservice {
            Some(appservice) => format!("as:{}|{}", appservice.id, self.user_id),
            None => {
                let device_id = self.device_id.as_deref().map_or("-", DeviceId::as_str);
                format!("{}|{device_id}", self.user_id)
            }
        }
    }

    /// Returns the time an event gets: the asserted one for appservices, now for everybody else.
    pub(crate) fn timestamp(
        &self,
        asserted: Option<MilliSecondsSinceUnixEpoch>,
        now: MilliSecondsSinceUnixEpoch,
    ) -> MilliSecondsSinceUnixEpoch {
        asserted.filter(|_| self.appservice.is_some()).unwrap_or(now)
    }

    /// Refuses a request about somebody else.
    pub(crate) fn must_be(&self, user_id: &UserId) -> Result<(), MatrixError> {
        if self.user_id == user_id {
            return Ok(());
        }
        Err(MatrixError::forbidden("This belongs to another user."))
    }
}

/// Writes down that a device was there, beside the request: nobody waits for that.
fn note_seen(house: &House, owner: &TokenOwner, now: i64) {
    let users = Arc::clone(&house.users);
    let (user_id, device_id) = (owner.user_id.clone(), owner.device_id.clone());
    house.tasks.spawn(async move {
        if let Err(error) = users.note_seen(&user_id, &device_id, now).await {
            tracing::debug!(%error, "when a device was seen was not written down");
        }
    });
}
