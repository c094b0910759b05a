//! Files on their way: from a network to the homeserver, and as links towards networks that carry
//! text only.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::{Journal, from_matrix::Event, plan::PlanTrouble, to_matrix::content};
use crate::{
    ids::LoginId,
    matrix::MatrixOutcome,
    media::{LARGEST, NewLink},
    network::{MediaRef, NetworkError},
    portals::Portal,
};

/// How long a network may take for one file.
const PATIENCE: Duration = Duration::from_secs(120);

impl Journal {
    /// Fetches a file from the network and brings it to the homeserver. The "event" it becomes is
    /// the file's address.
    pub(super) async fn bring_file(
        &self,
        sender: &str,
        login: &LoginId,
        media: &MediaRef,
    ) -> MatrixOutcome {
        let Some(client) = self.parts.logins.client(login) else {
            return refused("the account that heard of this file was logged out");
        };
        let fetching = AssertUnwindSafe(async {
            let stream = client.fetch_media(media).await?;
            let kind = stream.content_type.clone();
            Ok((kind, stream.collect(LARGEST).await?))
        })
        .catch_unwind();
        let fetched = tokio::select! {
            fetched = fetching => fetched,
            () = self.parts.clock.sleep(PATIENCE) => {
                return retry(Duration::from_secs(5), "the network does not hand the file over");
            }
        };
        let (kind, bytes) = match fetched {
            Ok(Ok(file)) => file,
            Ok(Err(error)) => return after(error),
            Err(_) => {
                tracing::error!(%login, "a bridge panicked while fetching a file");
                return refused("the bridge failed while fetching the file");
            }
        };
        let kind = kind.or_else(|| media.content_type.clone()).unwrap_or_default();
        let kind = content::content_type(&kind);
        let name = content::file_name(media);
        let brought = self.parts.matrix.upload(sender, &kind, &name, bytes).await;
        MatrixOutcome::from(brought)
    }

    /// Returns a signed link to a file somebody has sent.
    pub(super) async fn link_to(
        &self,
        event: &Event,
        media: &MediaRef,
        portal: &Portal,
    ) -> Result<Option<String>, PlanTrouble> {
        let Some(mxc) = media.locator.as_str() else { return Ok(None) };
        let hours = self.parts.networks.policy(&portal.key.network).media_link_hours;
        let lasts = i64::try_from(hours.saturating_mul(3_600_000)).unwrap_or(i64::MAX);
        let link = NewLink {
            mxc: mxc.to_owned(),
            room_id: event.room.clone(),
            event_id: event.id.clone(),
            filename: content::file_name(media),
            expires_at: self.now().saturating_add(lasts),
        };
        Ok(self.parts.media.link(link).await?)
    }
}

fn after(error: NetworkError) -> MatrixOutcome {
    match error {
        NetworkError::RateLimited(after) => retry(after, "the network asks to wait"),
        NetworkError::Offline(words) | NetworkError::Unreachable(words) => {
            retry(Duration::from_secs(2), &words)
        }
        NetworkError::NotFound(words)
        | NetworkError::Forbidden(words)
        | NetworkError::Invalid(words)
        | NetworkError::Unsupported(words)
        | NetworkError::BadCredentials(words) => refused(&words),
    }
}

fn retry(after: Duration, reason: &str) -> MatrixOutcome {
    MatrixOutcome::Retry { after, reason: reason.to_owned() }
}

fn refused(words: &str) -> MatrixOutcome {
    MatrixOutcome::Refused { errcode: "M_NOT_FOUND".to_owned(), words: words.to_owned() }
}
