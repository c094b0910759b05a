//! Netsplits: when servers lose each other, everybody on the other side quits at once and usually comes
//! back within a minute. Those quits are held back; who returns in time never left.

use bridge_core::network::{RemoteEvent, RemoteEventKind, RemoteMembership};

use super::{Heard, Translator, profile};
use crate::{
    connection::Session,
    ids::{make_chat_id, make_user_id},
};

/// Names that are told one by one.
const NAMED: usize = 8;

/// Somebody lost in a split.
#[derive(Debug)]
pub(super) struct Lost {
    /// Folded.
    nick: String,
    spelled: String,
    channel: String,
    servers: String,
    until_ms: i64,
}

/// Reads a quit's reason as the names of the two servers that lost each other.
pub(super) fn servers_of(reason: &str) -> Option<String> {
    let (one, other) = reason.split_once(' ')?;
    let is_server = |name: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '*' | '_');
        name.contains('.')
            && !name.starts_with('.')
            && !name.ends_with('.')
            && name.chars().all(plain)
    };
    (is_server(one) && is_server(other) && one != other).then(|| format!("{one} and {other}"))
}

impl Translator {
    /// Holds a quit back. False: it is none of a split, or nobody wants it held.
    pub(super) fn hold(
        &mut self,
        heard: &Heard<'_>,
        session: &Session,
        channels: &[String],
    ) -> bool {
        let hold_ms = i64::try_from(self.habits.netsplit_hold.as_millis()).unwrap_or(i64::MAX);
        let servers = heard.message.params.first().and_then(|reason| servers_of(reason));
        let Some(servers) = servers.filter(|_| hold_ms > 0) else { return false };
        self.lost.extend(channels.iter().map(|channel| Lost {
            nick: session.fold(&heard.from.nick),
            spelled: heard.from.nick.clone(),
            channel: channel.clone(),
            servers: servers.clone(),
            until_ms: heard.now_ms.saturating_add(hold_ms),
        }));
        true
    }

    /// Somebody came into a channel. True: they were only lost for a moment.
    pub(super) fn is_back(&mut self, session: &Session, nick: &str, channel: &str) -> bool {
        let nick = session.fold(nick);
        let before = self.lost.len();
        self.lost.retain(|lost| {
            lost.nick != nick || !session.rules.casemap.same(&lost.channel, channel)
        });
        self.lost.len() < before
    }

    /// Returns when the next ones are given up, Unix milliseconds.
    pub(crate) fn next_deadline(&self) -> Option<i64> {
        self.lost.iter().map(|lost| lost.until_ms).min()
    }

    /// Gives up those who did not come back in time: they leave, and each room is told once.
    pub(crate) fn tick(&mut self, now_ms: i64) -> Vec<RemoteEvent> {
        let (gone, kept) = std::mem::take(&mut self.lost)
            .into_iter()
            .partition::<Vec<_>, _>(|lost| lost.until_ms <= now_ms);
        self.lost = kept;
        let view = super::look(&self.view);
        let session = &view.session;
        let mut events = Vec::new();
        let mut channels: Vec<&str> = gone.iter().map(|lost| lost.channel.as_str()).collect();
        channels.sort_unstable();
        channels.dedup();
        for channel in channels {
            let here: Vec<&Lost> = gone.iter().filter(|lost| lost.channel == channel).collect();
            let Some(first) = here.first() else { continue };
            let chat = make_chat_id(session, channel);
            let text = format!("Lost in a split of {}: {}.", first.servers, names(&here));
            events.push(RemoteEvent::new(chat.clone(), RemoteEventKind::BridgeNotice { text }));
            if !self.habits.members.shows_leaves() {
                continue;
            }
            for lost in here {
                let change = bridge_core::network::MembershipChange {
                    user: make_user_id(session, &lost.nick),
                    is_me: false,
                    profile: Some(profile(&lost.spelled)),
                    membership: RemoteMembership::Leave,
                    reason: Some(format!("lost in a split of {}", lost.servers)),
                };
                events.push(RemoteEvent::new(chat.clone(), RemoteEventKind::Membership(change)));
            }
        }
        events
    }
}

fn names(lost: &[&Lost]) -> String {
    let named: Vec<&str> = lost.iter().take(NAMED).map(|lost| lost.spelled.as_str()).collect();
    match lost.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_names_two_servers_and_nothing_else() {
        assert_eq!(servers_of("*.net *.split").as_deref(), Some("*.net and *.split"));
        assert!(servers_of("irc.a.test irc.b.test").is_some());
        for reason in ["Quit: a.b c.d", "gone fishing", "a.b", "a. .b", "a.b a.b", "see x.y z.w q"]
        {
            assert_eq!(servers_of(reason), None, "{reason}");
        }
    }
}
