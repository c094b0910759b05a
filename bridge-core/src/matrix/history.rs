//! Inserting history, where the homeserver can: the embedded one, and others that name
//! `com.beeper.batch_sending` in `/versions`.

use http::Method;
use serde_json::{Value, json};

use super::Matrix;
use super::call::Call;
use super::outcome::MatrixTrouble;

/// What such a homeserver says in `/versions`.
const FEATURE: &str = "com.beeper.batch_sending";

/// Where a batch goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BatchPlace {
    /// Before everything.
    Before,
    /// Before everything, or after it where nobody has said anything yet.
    Beginning,
    /// After everything, as news.
    After,
}

impl Matrix {
    /// Whether the homeserver inserts history. Asked once.
    pub(crate) async fn inserts_history(&self) -> Result<bool, MatrixTrouble> {
        if let Some(known) = self.0.inserts_history.get() {
            return Ok(*known);
        }
        let answer = self.natural(self.bot(), Call::bare("versions", &["versions"])).await?;
        let can = answer["unstable_features"][FEATURE].as_bool().unwrap_or(false);
        Ok(*self.0.inserts_history.get_or_init(|| can))
    }

    /// Whether the homeserver is known to insert history.
    pub(crate) fn is_known_to_insert_history(&self) -> bool {
        self.0.inserts_history.get().copied().unwrap_or(false)
    }

    /// Inserts events, oldest first. Doing it again changes nothing: the events name their ids.
    pub(crate) async fn insert_history(
        &self,
        room: &str,
        place: BatchPlace,
        events: &[Value],
    ) -> Result<(), MatrixTrouble> {
        let body = json!({
            "forward": place == BatchPlace::After,
            "forward_if_no_messages": place == BatchPlace::Beginning,
            "send_notification": place == BatchPlace::After,
            "events": events,
        });
        let path = ["com.beeper.backfill", "rooms", room, "batch_send"];
        let call = Call::unstable("batch_send", Method::POST, &path).body(&body);
        self.natural(self.bot(), call).await.map(drop)
    }
}
