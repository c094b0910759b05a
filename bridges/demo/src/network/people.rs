//! What people do on the network, for tests and for the page to have them do it.

use super::world::Deed;
use super::{DemoFile, DemoNetwork, FileSource, SaidKind};
use crate::ids::Place;

impl DemoNetwork {
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

    /// Has somebody call a group something else.
    pub fn names(&self, who: &str, group: &str, name: &str) {
        self.does(who, group, Deed::Name { name: name.to_owned() });
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

    /// Has somebody ask somebody into a group.
    pub fn invites(&self, by: &str, who: &str, group: &str) {
        self.does(by, group, Deed::Invite { who: who.to_owned() });
    }

    /// Has somebody let somebody into a group again who was kept out.
    pub fn unbans(&self, by: &str, who: &str, group: &str) {
        self.does(by, group, Deed::Unban { who: who.to_owned() });
    }

    /// Has somebody ask to come into a group.
    pub fn knocks(&self, who: &str, group: &str) {
        let place = Place::Group(group.to_owned());
        self.change(|world, now| world.act(who, &place, Deed::Knock, None, now));
    }

    /// Has somebody set a group's picture, or take it away.
    pub fn sets_picture(&self, who: &str, group: &str, file: Option<DemoFile>) {
        self.does(who, group, Deed::Picture { file });
    }

    /// Has somebody set for how long a group's messages stay, in milliseconds; 0: for good.
    pub fn sets_timer(&self, who: &str, group: &str, ms: i64) {
        self.does(who, group, Deed::Timer { ms });
    }

    /// Has a message of a group reach somebody, who has not read it.
    pub fn receives(&self, who: &str, group: &str, number: i64) {
        self.does(who, group, Deed::Deliver { target: number });
    }

    /// Adds a picture people react with, by its name (`:gondola:`).
    pub fn add_emoji(&self, name: &str, file: DemoFile) {
        self.change(|world, _| world.emojis.insert(name.to_owned(), file));
    }

    /// Gives somebody who has no account of the bridge another id.
    pub fn renames_person(&self, old: &str, new: &str) {
        self.change(|world, now| world.rename_person(old, new, now));
    }

    /// Has somebody give a group another id.
    pub fn moves_group(&self, who: &str, old: &str, new: &str) {
        self.change(|world, now| world.move_group(who, old, new, now));
    }

    /// Has somebody set a group's topic.
    pub fn sets_topic(&self, who: &str, group: &str, topic: &str) {
        self.does(who, group, Deed::Topic { topic: topic.to_owned() });
    }
}
