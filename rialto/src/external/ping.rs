//! Does the homeserver reach us? Asked once we listen: an appservice ping goes there and comes back.

use super::{
    External,
    findings::{REGISTER, WHAT},
};
use crate::failure::Failure;
use http::{Request, header};
use std::time::Duration;
use support_clock::Clock;
use support_matrix_http::MatrixError;

/// A name that is just being announced or a proxy that is just starting is given some time.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_secs(1);

/// What became of one ping.
#[derive(Debug)]
enum Pinged {
    Fine,
    /// May be otherwise in a moment.
    Unreached(Failure),
    Wrong(Failure),
}

impl External {
    /// Asks the homeserver to call us, and says what is wrong if it cannot.
    pub(crate) async fn ping(&self, clock: &dyn Clock) -> Result<(), Failure> {
        let mut tries = 1;
        loop {
            let path = format!("/_matrix/client/v1/appservice/{}/ping", self.id);
            let ping = Request::post(path).header(header::CONTENT_TYPE, "application/json");
            let body = serde_json::json!({ "transaction_id": format!("start-{tries}") });
            let answer = self.tell(self.as_bot(ping), &body).await?;
            if answer.status().is_success() {
                return Ok(());
            }
            match understand(&MatrixError::from_response(&answer), &self.url, &self.address) {
                Pinged::Fine => return Ok(()),
                Pinged::Wrong(failure) => return Err(failure),
                Pinged::Unreached(failure) if tries == TRIES => return Err(failure),
                Pinged::Unreached(_) => clock.sleep(PAUSE).await,
            }
            tries += 1;
        }
    }
}

fn understand(error: &MatrixError, url: &str, address: &str) -> Pinged {
    let unreached = |why: String, todo: String| Pinged::Unreached(Failure::new(WHAT, why, todo));
    match error.errcode.as_str() {
        // Dendrite has no ping. Whether messages come from there is seen when they come.
        "M_UNRECOGNIZED" => {
            tracing::info!("the homeserver has no ping, so whether it reaches us is not checked");
            Pinged::Fine
        }
        "M_URL_NOT_SET" => Pinged::Wrong(Failure::new(
            WHAT,
            format!("{url} has a copy of our registration without an address to call"),
            REGISTER,
        )),
        "M_FORBIDDEN" => Pinged::Wrong(Failure::new(
            WHAT,
            format!("{url} knows our token under another registration id"),
            REGISTER,
        )),
        "M_BAD_STATUS" => match error.extra.get("status").and_then(serde_json::Value::as_u64) {
            Some(401 | 403) => Pinged::Wrong(Failure::new(
                WHAT,
                format!("{url} calls {address} with another hs_token than ours, so its copy of our registration is another or an older one"),
                REGISTER,
            )),
            status => unreached(
                format!(
                    "{url} calls {address}, and something else than Rialto answers there (status {})",
                    status.map_or_else(|| "unknown".to_owned(), |status| status.to_string())
                ),
                "Check appservice.address and the proxies on the way, then generate the registration again".to_owned(),
            ),
        },
        "M_CONNECTION_FAILED" | "M_CONNECTION_TIMEOUT" => unreached(
            format!("{url} does not reach us: its copy of our registration, or the way to {address}, is wrong ({})", error.message),
            "Set appservice.address to where the homeserver reaches appservice.listen, generate the registration again, put it in the old one's place and restart the homeserver".to_owned(),
        ),
        _ => {
            tracing::warn!(%error, "the homeserver could not be asked whether it reaches us");
            Pinged::Fine
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    fn pinged(errcode: &str, status: Option<u16>) -> Pinged {
        let mut error = MatrixError::new(StatusCode::BAD_GATEWAY, errcode, "words");
        if let Some(status) = status {
            error = error.with("status", status);
        }
        understand(&error, "http://hs", "http://us")
    }

    #[test]
    fn findings_are_told_apart_by_whether_waiting_helps() {
        assert!(matches!(pinged("M_UNRECOGNIZED", None), Pinged::Fine));
        assert!(matches!(pinged("M_URL_NOT_SET", None), Pinged::Wrong(_)));
        assert!(matches!(pinged("M_BAD_STATUS", Some(403)), Pinged::Wrong(_)));
        assert!(matches!(pinged("M_BAD_STATUS", Some(502)), Pinged::Unreached(_)));
        assert!(matches!(pinged("M_CONNECTION_FAILED", None), Pinged::Unreached(_)));
    }

    #[test]
    fn a_wrong_token_is_called_one() {
        let Pinged::Wrong(failure) = pinged("M_BAD_STATUS", Some(401)) else {
            panic!("waiting does not help")
        };
        assert!(failure.why.contains("hs_token"), "{failure}");
    }
}
