//! Something new on the homeserver: tuwunel and continuwuity keep what they could not deliver until there is news for
//! us. So after each start we make some, in a room that nobody but the bot is in.

use super::External;
use crate::failure::Failure;
use http::{Request, header};
use serde_json::{Value, json};
use support_clock::Clock;
use support_matrix_http::MatrixError;

/// The room's alias, among the names of our registration.
const ALIAS: &str = "_rialto_nudge";

impl External {
    /// Says something where only the bot is. That it does not work is not worth more than a line in the log.
    pub(crate) async fn nudge(&self, clock: &dyn Clock) {
        if let Err(failure) = self.try_nudge(clock).await {
            tracing::info!(%failure, "the homeserver was not given news; what it kept for us comes with the next");
        }
    }

    async fn try_nudge(&self, clock: &dyn Clock) -> Result<(), Failure> {
        let room = json!({
            "room_alias_name": ALIAS, "preset": "private_chat", "visibility": "private",
            "name": "Rialto's own room", "creation_content": { "m.federate": false },
        });
        let create = self.as_json(Request::post("/_matrix/client/v3/createRoom"));
        let made = self.tell(create, &room).await?;
        // Making a room is news already.
        if made.status().is_success() {
            return Ok(());
        }
        let error = MatrixError::from_response(&made);
        if error.errcode != "M_ROOM_IN_USE" {
            return Err(refused(&error));
        }
        let server = &self.server_name;
        let path = format!("/_matrix/client/v3/directory/room/%23{ALIAS}%3A{server}");
        let found = self.ask(self.as_bot(Request::get(path))).await?;
        let found: Value = serde_json::from_slice(found.body()).unwrap_or_default();
        let room: String = url::form_urlencoded::byte_serialize(
            found["room_id"].as_str().unwrap_or_default().as_bytes(),
        )
        .collect();
        let now = clock.now_ms();
        let path = format!("/_matrix/client/v3/rooms/{room}/send/com.rialto.nudge/nudge-{now}");
        let said = self.tell(self.as_json(Request::put(path)), &json!({})).await?;
        if said.status().is_success() {
            Ok(())
        } else {
            Err(refused(&MatrixError::from_response(&said)))
        }
    }

    fn as_json(&self, request: http::request::Builder) -> http::request::Builder {
        self.as_bot(request).header(header::CONTENT_TYPE, "application/json")
    }
}

fn refused(error: &MatrixError) -> Failure {
    Failure::new(super::WHAT, error.to_string(), "")
}
