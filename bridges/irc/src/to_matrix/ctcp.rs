//! Requests of program to program, inside of messages (<https://modern.ircdocs.horse/ctcp>).

use bridge_core::network::RemoteEventKind;

use super::{Heard, Translator};
use crate::{convert::format_time, wire::Message};

/// What is answered of what a stranger sends along.
const ECHOED: usize = 64;

impl Translator {
    /// Takes a request; the answer, if any, is put aside to be sent. Returns what a person should
    /// see of it.
    pub(super) fn ctcp(
        &mut self,
        heard: &Heard<'_>,
        text: &str,
        private: bool,
    ) -> Option<RemoteEventKind> {
        let body = text.trim_matches('\u{1}');
        let (request, argument) = body.split_once(' ').unwrap_or((body, ""));
        let request = request.to_ascii_uppercase();
        if heard.message.is("NOTICE") {
            // An answer to a question that we never ask.
            return None;
        }
        let nick = &heard.from.nick;
        if request == "DCC" {
            let what = if argument.starts_with("SEND") { "a file" } else { "a direct connection" };
            let text = format!(
                "{nick} offered {what} by DCC, which the bridge cannot take. Ask for a link instead."
            );
            return Some(RemoteEventKind::BridgeNotice { text });
        }
        // Whoever asks a whole channel gets no answer from a bridge: it would be a flood.
        let version = self.habits.ctcp_version.clone()?;
        if !private || heard.from.is_server() || !self.may_answer(heard.now_ms) {
            return None;
        }
        let answer = match request.as_str() {
            "VERSION" => version,
            "PING" => argument.chars().filter(|c| !c.is_control()).take(ECHOED).collect(),
            "TIME" => format_time(heard.now_ms),
            "CLIENTINFO" => "ACTION CLIENTINFO PING TIME VERSION".to_owned(),
            _ => {
                let name: String =
                    request.chars().filter(|c| c.is_ascii_graphic()).take(20).collect();
                let text = format!(
                    "{nick}'s program asked ours something by CTCP ({name}) that the bridge does not answer."
                );
                return (!name.is_empty()).then_some(RemoteEventKind::BridgeNotice { text });
            }
        };
        let answer = format!("\u{1}{request} {answer}\u{1}");
        self.replies.push(Message::new("NOTICE", [nick.as_str(), &answer]));
        None
    }

    fn may_answer(&mut self, now_ms: i64) -> bool {
        let now = std::time::Duration::from_millis(u64::try_from(now_ms).unwrap_or(0));
        self.ctcp_answers.take(now).is_ok()
    }
}
