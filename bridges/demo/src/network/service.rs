//! What the bridge's client calls: a real network's API.

use bridge_core::network::MediaStream;

use super::world::{Deed, Group, Refused, Update};
use super::{DemoFile, DemoNetwork};
use crate::ids::Place;

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

impl DemoNetwork {
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
        let mut world = self.world();
        if world.habits.forget_one() {
            return None;
        }
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

    /// Opens a group's picture, by the number of the update that set it.
    pub(crate) fn open_group_picture(&self, number: i64) -> Option<MediaStream> {
        let file = self.world().group_picture(number)?;
        Some(MediaStream::bytes(file.bytes).with_content_type(file.content_type))
    }

    /// Opens a picture people react with.
    pub(crate) fn open_emoji(&self, name: &str) -> Option<MediaStream> {
        let file = self.world().emojis.get(name).cloned()?;
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
                self.take_time().await;
                return self.world().habits.tell(updates);
            }
            if news.changed().await.is_err() {
                return Err(Refused::Unreachable);
            }
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
}
