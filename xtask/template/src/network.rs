//! A stand-in for the network: what a real bridge finds on the other side of a socket, in memory.
//! Replace it by the network's client library, and play the other side in tests by a fake server.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;
use tokio::sync::watch;

/// The chat that is always there.
pub const LOBBY: &str = "lobby";

/// A handle to the network. Clones are the same network.
#[derive(Clone, Debug)]
pub struct NewNet(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    world: Mutex<World>,
    news: watch::Sender<u64>,
}

#[derive(Debug)]
struct World {
    /// Everything that was said, in order. Never 0: that is where a login begins that heard nothing.
    log: Vec<Said>,
    chats: BTreeMap<String, BTreeSet<String>>,
    accounts: BTreeSet<String>,
    by_key: HashMap<(String, String), i64>,
}

/// Something that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Its number on the network.
    pub number: i64,
    /// Where.
    pub chat: String,
    /// By whom.
    pub by: String,
    /// What.
    pub text: String,
    /// What the sender's client called it.
    pub(crate) key: Option<String>,
}

/// Why the network does not do something.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Refused {
    #[error("there is no such chat")]
    NoSuchChat,
    #[error("you are not in this chat")]
    NotThere,
    #[error("the network knows no such account")]
    NoSuchAccount,
    #[error("a name has 1 to 32 letters and digits")]
    BadName,
}

impl Default for NewNet {
    fn default() -> Self {
        let chats = BTreeMap::from([(LOBBY.to_owned(), BTreeSet::new())]);
        let (log, accounts, by_key) = (Vec::new(), BTreeSet::new(), HashMap::new());
        let world = Mutex::new(World { log, chats, accounts, by_key });
        Self(Arc::new(Shared { world, news: watch::Sender::new(0) }))
    }
}

impl NewNet {
    /// Has somebody come into a chat, which is made if need be.
    pub fn comes(&self, who: &str, chat: &str) {
        let mut world = self.world();
        world.chats.entry(chat.to_owned()).or_default().insert(who.to_owned());
    }

    /// Has somebody say something. Returns its number.
    pub fn says(&self, who: &str, chat: &str, text: &str) -> i64 {
        self.comes(who, chat);
        self.note(who, chat, text, None)
    }

    /// Returns what was said in a chat, in order.
    pub fn said_in(&self, chat: &str) -> Vec<Said> {
        self.world().log.iter().filter(|said| said.chat == chat).cloned().collect()
    }

    /// Makes an account, or enters an existing one; returns the number of the newest message.
    pub(crate) fn sign_up(&self, account: &str) -> Result<i64, Refused> {
        let fits = (1..=32).contains(&account.len()) && account.chars().all(char::is_alphanumeric);
        if !fits {
            return Err(Refused::BadName);
        }
        let mut world = self.world();
        world.accounts.insert(account.to_owned());
        Ok(world.newest())
    }

    /// Joins a chat that is there.
    pub(crate) fn join(&self, account: &str, chat: &str) -> Result<(), Refused> {
        let mut world = self.world();
        let members = world.chats.get_mut(chat).ok_or(Refused::NoSuchChat)?;
        members.insert(account.to_owned());
        Ok(())
    }

    /// Leaves a chat.
    pub(crate) fn leave(&self, account: &str, chat: &str) -> Result<(), Refused> {
        let mut world = self.world();
        let members = world.chats.get_mut(chat).ok_or(Refused::NoSuchChat)?;
        members.remove(account);
        Ok(())
    }

    /// Returns who is in a chat.
    pub(crate) fn members(&self, chat: &str) -> Result<Vec<String>, Refused> {
        let world = self.world();
        let members = world.chats.get(chat).ok_or(Refused::NoSuchChat)?;
        Ok(members.iter().cloned().collect())
    }

    /// Says something. The same key again is the same message, said once.
    pub(crate) fn post(
        &self,
        account: &str,
        chat: &str,
        text: &str,
        key: &str,
    ) -> Result<i64, Refused> {
        if let Some(known) = self.find_by_key(account, key) {
            return Ok(known);
        }
        if !self.members(chat)?.iter().any(|member| member == account) {
            return Err(Refused::NotThere);
        }
        Ok(self.note(account, chat, text, Some(key)))
    }

    /// Returns the number of a message that was said with a key.
    pub(crate) fn find_by_key(&self, account: &str, key: &str) -> Option<i64> {
        self.world().by_key.get(&(account.to_owned(), key.to_owned())).copied()
    }

    /// Returns what an account heard after a number; waits if there is nothing.
    pub(crate) async fn updates(&self, account: &str, after: i64) -> Result<Vec<Said>, Refused> {
        let mut news = self.0.news.subscribe();
        loop {
            let heard = self.world().heard(account, after)?;
            if !heard.is_empty() || news.changed().await.is_err() {
                return Ok(heard);
            }
        }
    }

    fn note(&self, who: &str, chat: &str, text: &str, key: Option<&str>) -> i64 {
        let mut world = self.world();
        let number = world.newest() + 1;
        let (chat, by, text) = (chat.to_owned(), who.to_owned(), text.to_owned());
        if let Some(key) = key {
            world.by_key.insert((by.clone(), key.to_owned()), number);
        }
        world.log.push(Said { number, chat, by, text, key: key.map(str::to_owned) });
        drop(world);
        self.0.news.send_modify(|count| *count += 1);
        number
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    fn newest(&self) -> i64 {
        self.log.last().map_or(1, |said| said.number)
    }

    fn heard(&self, account: &str, after: i64) -> Result<Vec<Said>, Refused> {
        if !self.accounts.contains(account) {
            return Err(Refused::NoSuchAccount);
        }
        let is_there = |said: &&Said| {
            self.chats.get(&said.chat).is_some_and(|members| members.contains(account))
        };
        let fresh = self.log.iter().filter(|said| said.number > after);
        Ok(fresh.filter(is_there).cloned().collect())
    }
}
