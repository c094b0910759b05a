//! Who speaks on the network for a Matrix person: an account of theirs, or a relay.

use super::Event;
use crate::{
    journal::{Journal, degrade::fill_in, plan::PlanTrouble},
    matrix::Sender,
    network::{MediaRef, NetworkPolicy, Profile, Speaker},
    permissions::Permission,
    portals::Portal,
};

/// An invisible mark within a name: programs that look for the name do not find it.
const ANTI_PING: char = '\u{200b}';

/// The longest name in front of relayed words, in characters.
const LONGEST_NAME: usize = 48;

impl Journal {
    /// Finds who speaks, or words why nobody does.
    pub(super) async fn speaker(
        &self,
        event: &Event,
        portal: &Portal,
        name: &str,
    ) -> Result<Result<Speaker, String>, PlanTrouble> {
        let network = &portal.key.network;
        let is_ghost = matches!(self.parts.matrix.kind_of(&event.sender), Sender::Ghost(..));
        let permission = self.parts.permissions.of(&event.sender);
        if !is_ghost {
            if permission == Permission::Block {
                let words =
                    "You are not allowed to use this bridge. It was not sent; ask its operator.";
                return Ok(Err(words.to_owned()));
            }
            if permission >= Permission::User
                && let Some(login) = self.parts.portals.speaker(portal, &event.sender).await?
            {
                return Ok(Ok(Speaker::Login { login }));
            }
        }
        let Some(login) = portal.relay.clone() else {
            return Ok(Err(format!(
                "You are not logged in to {name}, and nobody relays for this room. It was not sent; log in with `login {network}` and send it again."
            )));
        };
        let profile = self.relayed_profile(event, portal).await?;
        Ok(Ok(Speaker::Relay { login, profile }))
    }

    /// Returns how somebody without an account is shown: by name, which says whose it is where
    /// somebody else in the chat has one that looks the same.
    async fn relayed_profile(
        &self,
        event: &Event,
        portal: &Portal,
    ) -> Result<Profile, PlanTrouble> {
        let mxid = event.sender.clone();
        let shown = self.parts.matrix.profile(&mxid).await?;
        let mut name = shortened(&one_line(shown.name.as_deref().unwrap_or_default()));
        if name.is_empty() {
            name = mxid.clone();
        }
        let others = self.parts.ghosts.names_in_room(&event.room).await?;
        let looks = skeleton(&name);
        let taken = others.iter().any(|(ghost, other)| *ghost != mxid && skeleton(other) == looks);
        if taken && name != mxid {
            name = format!("{name} ({mxid})");
        }
        let policy = self.parts.networks.policy(&portal.key.network);
        let written = written(&policy, &name);
        let prefix = prefix(&policy, &name, &mxid);
        let avatar = shown.avatar.map(|url| MediaRef {
            source: "mxc".to_owned(),
            locator: url.into(),
            ..MediaRef::default()
        });
        Ok(Profile {
            written: Some(written),
            prefix: Some(prefix),
            avatar,
            ..Profile::new(mxid, name)
        })
    }
}

fn written(policy: &NetworkPolicy, name: &str) -> String {
    if policy.relay_anti_ping { anti_ping(name) } else { name.to_owned() }
}

fn prefix(policy: &NetworkPolicy, name: &str, mxid: &str) -> String {
    let (name, mxid) = (written(policy, name), written(policy, mxid));
    fill_in(&policy.relay_template, &[("name", &name), ("mxid", &mxid)])
}

/// Cuts a name that would leave no room for words.
fn shortened(name: &str) -> String {
    if name.chars().count() <= LONGEST_NAME {
        return name.to_owned();
    }
    let kept: String = name.chars().take(LONGEST_NAME - 1).collect();
    format!("{}…", kept.trim_end())
}

/// Puts an invisible mark into every word of a name, behind its first letter. The server's part of a
/// Matrix id calls nobody.
fn anti_ping(name: &str) -> String {
    let mut marked = String::with_capacity(name.len() + 8);
    let mut letters = name.chars().peekable();
    let (mut before, mut in_id, mut in_server) = (' ', false, false);
    while let Some(letter) = letters.next() {
        in_id = (in_id || letter == '@') && !letter.is_whitespace();
        in_server = in_id && (in_server || letter == ':');
        marked.push(letter);
        let begins = letter.is_alphanumeric() && !before.is_alphanumeric();
        if begins && !in_server && letters.peek().is_some_and(|next| next.is_alphanumeric()) {
            marked.push(ANTI_PING);
        }
        before = letter;
    }
    marked
}

/// Takes out what would break a line or hide in a name.
fn one_line(name: &str) -> String {
    let visible = name.chars().filter(|c| !c.is_control() && !is_invisible(*c));
    visible.collect::<String>().trim().to_owned()
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}')
}

/// Returns what a name looks like: names with the same skeleton are easily taken for each other.
fn skeleton(name: &str) -> String {
    let letters = name.chars().filter(|c| !c.is_whitespace() && !is_invisible(*c));
    letters.flat_map(char::to_lowercase).map(look_alike).collect()
}

/// Returns the Latin letter a letter looks like. The common ones; a full table is Unicode's TR39.
fn look_alike(c: char) -> char {
    match c {
        'а' | 'α' | 'à' | 'á' | 'â' | 'ä' | 'ɑ' => 'a',
        'в' | 'β' => 'b',
        'с' | 'ϲ' => 'c',
        'е' | 'ё' | 'è' | 'é' | 'ê' | 'ë' => 'e',
        'һ' | 'н' => 'h',
        'і' | 'ι' | 'ı' | '1' | 'l' | '|' | 'í' | 'ì' => 'i',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'м' => 'm',
        'о' | 'ο' | '0' | 'ö' | 'ó' | 'ò' => 'o',
        'р' | 'ρ' => 'p',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'υ' | 'ü' | 'ú' => 'u',
        'ν' | 'ѵ' => 'v',
        'х' | 'χ' => 'x',
        'у' | 'γ' => 'y',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_the_same_have_one_skeleton() {
        for (one, other) in
            [("alice", "аlісе"), ("Bob", "b0b"), ("bill", "biII"), ("bob", "b\u{200b}ob")]
        {
            assert_eq!(skeleton(one), skeleton(other), "{one} {other}");
        }
        assert_ne!(skeleton("alice"), skeleton("alicia"));
    }

    #[test]
    fn a_relayed_name_calls_nobody() {
        let policy = NetworkPolicy::default();
        let shown = |policy: &NetworkPolicy, name| prefix(policy, name, "@carol:x");
        assert_eq!(shown(&policy, "Carol"), "<C\u{200b}arol> ");
        let plain = NetworkPolicy {
            relay_anti_ping: false,
            relay_template: "{name} [{mxid}]: ".to_owned(),
            ..policy
        };
        assert_eq!(shown(&plain, "Carol"), "Carol [@carol:x]: ");
        assert_eq!(shortened(&"o".repeat(300)).chars().count(), LONGEST_NAME);
        assert_eq!(anti_ping("Carol Danvers-2 x"), "C\u{200b}arol D\u{200b}anvers-2 x");
        assert_eq!(anti_ping("a (@carol:x.test)"), "a (@c\u{200b}arol:x.test)");
        assert_eq!(one_line(" a\n\u{202e}b "), "ab");
    }
}
