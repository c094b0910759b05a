//! The network itself: what stands on the other side of a real bridge's socket. Not part of the
//! bridge; a real one finds this at the network and has a library for it in its place.
//!
//! Everything that happens gets the next number of one list. A member of a chat may ask for what
//! happened there after a number, again and again: nothing is lost while nobody listens.

mod gondolier;
mod world;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bridge_core::network::MediaStream;
use serde::{Deserialize, Serialize};
use support_clock::SharedClock;
use tokio::sync::watch;

use self::world::World;
pub(crate) use self::world::{Deed, Group, Happening, Refused, Update};
use crate::ids::Place;

/// The chat that is always there.
pub const LOBBY: &str = "lobby";

/// A handle to the network. Clones are the same network.
#[derive(Clone)]
pub struct DemoNetwork(Arc<Shared>);

struct Shared {
    clock: SharedClock,
    world: Mutex<World>,
    /// Changes with everything that happens.
    news: watch::Sender<u64>,
}

/// What kind of thing was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SaidKind {
    /// Words.
    Text,
    /// Words of a program.
    Notice,
    /// Something done.
    Emote,
    /// A file, with words about it.
    File,
    /// Something spoken, as a file.
    Voice,
    /// A sticker, as a file.
    Sticker,
    /// A place, as a `geo:` URI and perhaps words about it.
    Place,
}

/// A file on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoFile {
    /// Its name.
    pub name: String,
    /// What it is.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Makes a file's bytes whenever it is asked for.
pub type FileSource = Arc<dyn Fn() -> MediaStream + Send + Sync>;

/// A file a client is bringing; there once it is whole.
pub(crate) struct FileUpload {
    network: DemoNetwork,
    file: DemoFile,
}

impl FileUpload {
    pub(crate) fn add(&mut self, piece: &[u8]) {
        self.file.bytes.extend_from_slice(piece);
    }

    /// Returns the file's number.
    pub(crate) fn finish(self) -> i64 {
        let mut world = self.network.world();
        world.uploads.push(self.file);
        i64::try_from(world.uploads.len() - 1).unwrap_or(i64::MAX)
    }
}

/// Something that was said in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Its number; `m` and this number is the message's id.
    pub number: i64,
    /// By whom.
    pub by: String,
    /// What kind.
    pub kind: SaidKind,
    /// What, as it reads now.
    pub text: String,
    /// The same with markup, as Matrix writes it, where it has some.
    pub html: Option<String>,
    /// Whether it was changed.
    pub edited: bool,
    /// The number of the message it answers.
    pub reply_to: Option<i64>,
    /// The number of the message its thread begins with.
    pub thread: Option<i64>,
    /// Its file.
    pub file: Option<DemoFile>,
    /// Who reacts with what, in order.
    pub reactions: Vec<(String, String)>,
}

/// What goes wrong with a send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The message arrives, its answer does not.
    AnswerLost,
    /// The message is refused for this reason.
    Refused(String),
    /// The network asks to wait.
    Busy(std::time::Duration),
}

impl DemoNetwork {
    /// Makes a network with an empty lobby.
    pub fn new(clock: SharedClock) -> Self {
        // Numbers begin where the clock is, so that a network made anew after a restart does not
        // give out numbers that were known before.
        let first = clock.now_ms().max(0) << 20;
        let world = Mutex::new(World::new(first, LOBBY));
        Self(Arc::new(Shared { clock, world, news: watch::Sender::new(0) }))
    }

    /// Sends a gondolier to the lobby, who greets whoever comes and answers whatever is said.
    pub fn send_gondolier(&self) {
        self.change(|world, now| gondolier::arrive(world, LOBBY, now));
    }

    /// Makes a group.
    pub fn add_group(&self, name: &str) {
        self.change(|world, _| world.add_group(name));
    }

    /// Has somebody say something in a group; they join if they have to. Returns its number.
    pub fn says(&self, who: &str, group: &str, text: &str) -> i64 {
        self.speaks(who, group, SaidKind::Text, text)
    }

    /// Has somebody say something of any kind in a group; they join if they have to.
    pub fn speaks(&self, who: &str, group: &str, kind: SaidKind, text: &str) -> i64 {
        self.change(|world, now| {
            world.add_group(group);
            world.come(who, group, now);
            world.say(who, &Place::Group(group.to_owned()), kind, text, None, now)
        })
    }

    /// Has somebody answer a message of a group. Returns the answer's number.
    pub fn answers(&self, who: &str, group: &str, number: i64, text: &str) -> i64 {
        let deed = Deed::say(SaidKind::Text, text);
        self.does(who, group, deed.in_answer_to(number))
    }

    /// Has somebody say something in the thread that begins with a message of a group. Returns its
    /// number.
    pub fn says_in_thread(&self, who: &str, group: &str, number: i64, text: &str) -> i64 {
        self.does(who, group, Deed::say(SaidKind::Text, text).in_thread(number))
    }

    /// Has somebody read a group up to a message.
    pub fn reads(&self, who: &str, group: &str, number: i64) {
        self.does(who, group, Deed::Read { target: number });
    }

    /// Has somebody type in a group, or stop.
    pub fn types(&self, who: &str, group: &str, typing: bool) {
        self.does(who, group, Deed::Type { typing });
    }

    /// Returns up to which message somebody has read a group.
    pub fn read_up_to(&self, who: &str, group: &str) -> Option<i64> {
        self.world().read_up_to(who, group)
    }

    /// Whether somebody types in a group.
    pub fn is_typing(&self, who: &str, group: &str) -> bool {
        self.world().types(who, group)
    }

    /// Waits until something is so.
    pub async fn wait_until(&self, is_so: impl Fn(&Self) -> bool) {
        let mut news = self.0.news.subscribe();
        while !is_so(self) {
            if news.changed().await.is_err() {
                return;
            }
        }
    }

    /// Has somebody say something with markup in a group. Returns its number.
    pub fn marks(&self, who: &str, group: &str, text: &str, html: &str) -> i64 {
        let html = Some(html.to_owned());
        let (kind, text) = (SaidKind::Text, text.to_owned());
        self.does(
            who,
            group,
            Deed::Say { kind, text, html, reply_to: None, thread: None, file: None },
        )
    }

    /// Has somebody show a file in a group. Returns its number.
    pub fn shows(&self, who: &str, group: &str, file: DemoFile, caption: &str) -> i64 {
        self.shows_as(who, group, SaidKind::File, file, caption)
    }

    /// Has somebody show a file in a group, as something spoken or a sticker. Returns its number.
    pub fn shows_as(
        &self,
        who: &str,
        group: &str,
        kind: SaidKind,
        file: DemoFile,
        caption: &str,
    ) -> i64 {
        let (text, file) = (caption.to_owned(), Some(file));
        self.does(
            who,
            group,
            Deed::Say { kind, text, html: None, reply_to: None, thread: None, file },
        )
    }

    /// Has somebody show a file that is handed over as `source` makes it, each time it is asked for.
    /// Returns its number.
    pub fn shows_from(&self, who: &str, group: &str, name: &str, source: FileSource) -> i64 {
        let (name, content_type) = (name.to_owned(), String::new());
        let file = DemoFile { name, content_type, bytes: Vec::new() };
        self.change(|world, now| {
            world.add_group(group);
            world.come(who, group, now);
            let mut deed = Deed::say(SaidKind::File, "");
            if let Deed::Say { file: shown, .. } = &mut deed {
                *shown = Some(file);
            }
            let number = world.act(who, &Place::Group(group.to_owned()), deed, None, now);
            world.sources.insert(number, source);
            number
        })
    }

    /// Has somebody show the file of a message once more. Returns the new message's number.
    pub fn shows_again(&self, who: &str, group: &str, number: i64) -> i64 {
        self.change(|world, now| {
            world.come(who, group, now);
            world.show_again(who, &Place::Group(group.to_owned()), number, now)
        })
    }

    /// Returns how many files clients have brought.
    pub fn uploads(&self) -> usize {
        self.world().uploads.len()
    }

    /// Has somebody change a message of a group.
    pub fn edits(&self, who: &str, group: &str, number: i64, text: &str) {
        self.does(who, group, Deed::Edit { target: number, text: text.to_owned() });
    }

    /// Has somebody take a message of a group back.
    pub fn takes_back(&self, who: &str, group: &str, number: i64) {
        self.does(who, group, Deed::TakeBack { target: number });
    }

    /// Has somebody react to a message of a group, or no longer.
    pub fn reacts(&self, who: &str, group: &str, number: i64, emoji: &str, set: bool) {
        self.does(who, group, Deed::React { target: number, emoji: emoji.to_owned(), set });
    }

    /// Has somebody show several files in a group as one message. Returns its number.
    pub fn shows_album(&self, who: &str, group: &str, files: Vec<DemoFile>, caption: &str) -> i64 {
        self.does(who, group, Deed::Album { files, caption: caption.to_owned() })
    }

    /// Has somebody ask a group something, with answers to choose from. Returns its number.
    pub fn asks(&self, who: &str, group: &str, question: &str, answers: &[String]) -> i64 {
        let (question, answers) = (question.to_owned(), answers.to_vec());
        self.does(who, group, Deed::Ask { question, answers })
    }

    /// Has somebody call a group.
    pub fn calls(&self, who: &str, group: &str, video: bool) {
        self.does(who, group, Deed::Call { video });
    }

    /// Has somebody close a group for good.
    pub fn closes(&self, who: &str, group: &str, reason: &str) {
        self.does(who, group, Deed::Close { reason: reason.to_owned() });
    }

    /// Has somebody pin a message of a group, or no longer.
    pub fn pins(&self, who: &str, group: &str, number: i64, pinned: bool) {
        self.does(who, group, Deed::Pin { target: number, pinned });
    }

    /// Returns the pinned messages of a group.
    pub fn pinned(&self, group: &str) -> Vec<i64> {
        self.world().pinned(group)
    }

    /// Has somebody call a group something else.
    pub fn names(&self, who: &str, group: &str, name: &str) {
        self.does(who, group, Deed::Name { name: name.to_owned() });
    }

    /// Returns what a group is called.
    pub fn name(&self, group: &str) -> Option<String> {
        self.describe(group).ok().map(|group| group.name)
    }

    /// Gives somebody in a group a rank, as a Matrix power level.
    pub fn ranks(&self, by: &str, who: &str, group: &str, level: i64) {
        self.does(by, group, Deed::Rank { who: who.to_owned(), level });
    }

    fn does(&self, who: &str, group: &str, deed: Deed) -> i64 {
        self.change(|world, now| {
            world.add_group(group);
            world.come(who, group, now);
            world.act(who, &Place::Group(group.to_owned()), deed, None, now)
        })
    }

    /// Has somebody write to somebody else. Returns its number.
    pub fn writes(&self, who: &str, to: &str, text: &str) -> i64 {
        self.change(|world, now| {
            world.add_person(who);
            world.say(who, &Place::With(to.to_owned()), SaidKind::Text, text, None, now)
        })
    }

    /// Has somebody come into a group.
    pub fn comes(&self, who: &str, group: &str) {
        self.change(|world, now| {
            world.add_group(group);
            world.come(who, group, now);
        });
    }

    /// Has somebody leave a group.
    pub fn goes(&self, who: &str, group: &str) {
        self.change(|world, now| world.go(who, group, now));
    }

    /// Has somebody remove somebody from a group.
    pub fn removes(&self, by: &str, who: &str, group: &str, reason: &str) {
        let (who, reason) = (who.to_owned(), reason.to_owned());
        self.does(by, group, Deed::Remove { who, ban: false, reason });
    }

    /// Has somebody remove somebody from a group and keep them out.
    pub fn bans(&self, by: &str, who: &str, group: &str, reason: &str) {
        let (who, reason) = (who.to_owned(), reason.to_owned());
        self.does(by, group, Deed::Remove { who, ban: true, reason });
    }

    /// Has somebody set a group's topic.
    pub fn sets_topic(&self, who: &str, group: &str, topic: &str) {
        self.does(who, group, Deed::Topic { topic: topic.to_owned() });
    }

    /// Takes the network away, or brings it back.
    pub fn set_reachable(&self, reachable: bool) {
        self.change(|world, _| world.reachable = reachable);
    }

    /// Deletes an account: its logins are no longer accepted.
    pub fn delete_account(&self, account: &str) {
        self.change(|world, _| world.delete_account(account));
    }

    /// Has the network lose every file there is.
    pub fn forget_files(&self) {
        self.change(|world, _| world.forget_files());
    }

    /// Makes a coming send go wrong; several are taken one after the other.
    pub fn fail_next(&self, fault: Fault) {
        self.world().faults.push_back(fault);
    }

    /// Returns what was said in a group, in order.
    pub fn said_in(&self, group: &str) -> Vec<Said> {
        self.world().said(&Place::Group(group.to_owned()), "")
    }

    /// Returns what was said between two people, in order.
    pub fn said_between(&self, one: &str, other: &str) -> Vec<Said> {
        self.world().said(&Place::With(other.to_owned()), one)
    }

    /// Returns who is in a group.
    pub fn members(&self, group: &str) -> Vec<String> {
        self.describe(group).map(|group| group.members.into_iter().collect()).unwrap_or_default()
    }

    /// Returns a group's topic.
    pub fn topic(&self, group: &str) -> String {
        self.describe(group).map(|group| group.topic).unwrap_or_default()
    }

    /// Returns somebody's rank in a group, as a Matrix power level.
    pub fn rank(&self, who: &str, group: &str) -> i64 {
        self.level(who, group)
    }

    /// Waits until what was said in a group fits, and returns it.
    pub async fn wait_said_in(&self, group: &str, fits: impl Fn(&[Said]) -> bool) -> Vec<Said> {
        let mut news = self.0.news.subscribe();
        loop {
            let said = self.said_in(group);
            if fits(&said) {
                return said;
            }
            if news.changed().await.is_err() {
                return said;
            }
        }
    }

    // What follows is what the bridge's client calls.

    /// Makes an account, or enters an existing one, and returns the number of the newest update.
    pub(crate) fn sign_up(&self, account: &str) -> Result<i64, Refused> {
        self.change(|world, _| world.sign_up(account))
    }

    pub(crate) fn join(&self, account: &str, group: &str) -> Result<(), Refused> {
        self.change(|world, now| {
            world.check(account)?;
            if !world.has_group(group) {
                return Err(Refused::NoSuchChat);
            }
            world.come(account, group, now);
            Ok(())
        })
    }

    pub(crate) fn leave(&self, account: &str, group: &str) -> Result<(), Refused> {
        self.change(|world, now| {
            world.check(account)?;
            world.go(account, group, now);
            Ok(())
        })
    }

    /// Does something. The same key again is the same thing, done once.
    pub(crate) fn post(
        &self,
        account: &str,
        place: &Place,
        deed: Deed,
        key: &str,
    ) -> Result<(i64, i64), Refused> {
        self.change(|world, now| world.post(account, place, deed, key, now))
    }

    /// Does something that may be lost.
    pub(crate) fn pass(&self, account: &str, place: &Place, deed: Deed) {
        self.change(|world, now| {
            if world.check(account).is_ok() {
                world.act(account, place, deed, None, now);
            }
        });
    }

    /// Opens a message's file.
    pub(crate) fn open_file(&self, number: i64) -> Option<MediaStream> {
        let world = self.world();
        if let Some(source) = world.sources.get(&number).cloned() {
            drop(world);
            return Some(source());
        }
        let file = world.file(number)?;
        Some(MediaStream::bytes(file.bytes).with_content_type(file.content_type))
    }

    /// Opens one file of an album.
    pub(crate) fn open_picture(&self, number: i64, part: usize) -> Option<MediaStream> {
        let file = self.world().picture(number, part)?;
        Some(MediaStream::bytes(file.bytes).with_content_type(file.content_type))
    }

    /// Begins to take a file from a client.
    pub(crate) fn begin_upload(&self, name: &str, content_type: &str) -> FileUpload {
        let (name, content_type) = (name.to_owned(), content_type.to_owned());
        let file = DemoFile { name, content_type, bytes: Vec::new() };
        FileUpload { network: self.clone(), file }
    }

    pub(crate) fn has_file(&self, number: i64) -> bool {
        self.uploaded(number).is_some()
    }

    pub(crate) fn uploaded(&self, number: i64) -> Option<DemoFile> {
        self.world().uploads.get(usize::try_from(number).ok()?).cloned()
    }

    pub(crate) fn level(&self, who: &str, group: &str) -> i64 {
        self.world().level(who, group)
    }

    pub(crate) fn find_by_key(&self, account: &str, key: &str) -> Option<(i64, i64)> {
        self.world().find_by_key(account, key)
    }

    pub(crate) fn check(&self, account: &str) -> Result<(), Refused> {
        self.world().check(account)
    }

    pub(crate) fn describe(&self, group: &str) -> Result<Group, Refused> {
        self.world().describe(group)
    }

    pub(crate) fn knows(&self, person: &str) -> bool {
        self.world().knows(person)
    }

    pub(crate) fn people_like(&self, part: &str) -> Vec<String> {
        self.world().people_like(part)
    }

    /// Makes a group with its first member in it.
    pub(crate) fn found(&self, account: &str, group: &str) -> Result<(), Refused> {
        self.change(|world, now| {
            world.check(account)?;
            if world.has_group(group) {
                return Err(Refused::Because(format!("there is a group `{group}` already")));
            }
            world.add_group(group);
            world.come(account, group, now);
            Ok(())
        })
    }

    /// Returns the next updates for an account after a number; waits if there are none.
    pub(crate) async fn updates(
        &self,
        account: &str,
        after: i64,
        most: usize,
    ) -> Result<Vec<Update>, Refused> {
        let mut news = self.0.news.subscribe();
        loop {
            let updates = {
                let world = self.world();
                world.check(account)?;
                world.updates(account, after, most)
            };
            if !updates.is_empty() {
                return Ok(updates);
            }
            if news.changed().await.is_err() {
                return Err(Refused::Unreachable);
            }
        }
    }

    /// Whether the network is there.
    pub(crate) fn is_reachable(&self) -> bool {
        self.world().reachable
    }

    /// Waits until more has happened than was seen, and returns how much has.
    pub(crate) async fn news_after(&self, seen: u64) -> u64 {
        let mut news = self.0.news.subscribe();
        match news.wait_for(|count| *count != seen).await {
            Ok(count) => *count,
            Err(_) => seen,
        }
    }

    /// Waits until the network is there again.
    pub(crate) async fn reachable(&self) {
        let mut news = self.0.news.subscribe();
        while !self.world().reachable {
            if news.changed().await.is_err() {
                return;
            }
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut World, i64) -> T) -> T {
        let now = self.0.clock.now_ms();
        let result = {
            let mut world = self.world();
            let result = change(&mut world, now);
            gondolier::answer(&mut world, now);
            result
        };
        self.0.news.send_modify(|count| *count += 1);
        result
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for DemoNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DemoNetwork").finish_non_exhaustive()
    }
}
