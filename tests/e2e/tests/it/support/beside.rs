//! Alice on a homeserver that is not Rialto's own, and Bob on InspIRCd in one channel.

use anyhow::{Result, ensure};
use bridge_testkit::peers::{InspIrcd, RawIrc};
use e2e::chat::{UNPACED, irc_network, is_success};
use e2e::external::Kind;
use e2e::{Beside, IrcStory, Quirk, Setup, journal};

use super::modern::{CHANNEL, NETWORK};

/// Everybody in place, nothing said yet. Dropped in this order.
pub(crate) struct Elsewhere {
    pub(crate) bob: RawIrc,
    pub(crate) story: IrcStory,
    pub(crate) beside: Beside,
    pub(crate) _irc: InspIrcd,
}

impl Elsewhere {
    pub(crate) async fn begin(kind: Kind, quirks: &[Quirk]) -> Result<Elsewhere> {
        Elsewhere::begin_with(kind, quirks, false).await
    }

    pub(crate) async fn begin_with(
        kind: Kind,
        quirks: &[Quirk],
        with_double_puppets: bool,
    ) -> Result<Elsewhere> {
        let irc = InspIrcd::start()?;
        let mut bob = irc.observer("bob").await?;
        bob.join(CHANNEL).await?;
        let setup = Setup::new().section(&irc_network(NETWORK, &irc.address(), UNPACED));
        let mut beside = Beside::registered(kind, setup, quirks, with_double_puppets).await?;
        beside.program.up().await?;
        let alice = beside.homeserver.person("alice").await?;
        let story = IrcStory::begin_as(alice, NETWORK, CHANNEL, &mut bob).await?;
        Ok(Elsewhere { bob, story, beside, _irc: irc })
    }

    /// A few lines each way, each there once and in order, and nothing left undone.
    pub(crate) async fn lines_cross_each_way(&mut self) -> Result<()> {
        let Elsewhere { bob, story, beside, .. } = self;
        let ghost = story.ghost("bob");
        let room = story.room.clone();
        for number in 1..=5 {
            bob.say(CHANNEL, &format!("irc {number}")).await?;
            let (_, fate) = story.say(&format!("mx {number}")).await?;
            ensure!(is_success(&fate), "the bridge says {fate}");
        }
        story.alice.expect_message(&room, &ghost, "irc 5").await?;
        bob.expect_message(CHANNEL, "mx 5").await?;
        let numbered = |what: &str| (1..=5).map(|n| format!("{what} {n}")).collect::<Vec<_>>();
        let on_matrix = story.alice.room(&room).bodies_of(&ghost);
        ensure!(on_matrix == numbered("irc"), "on Matrix: {on_matrix:?}");
        let from_alice = |line: &&bridge_testkit::peers::Heard| line.line.nick() == "alice";
        let heard = bob.heard();
        let on_irc: Vec<String> = heard
            .iter()
            .filter(|one| one.line.is_message_to(CHANNEL))
            .filter(from_alice)
            .map(|one| one.line.text().to_owned())
            .collect();
        ensure!(on_irc == numbered("mx"), "on IRC: {on_irc:?}");
        journal::expect_all_settled(&beside.program).await?;
        Ok(())
    }

    /// A message is taken by the homeserver, its answer never comes, and both programs die: afterwards it is there once.
    pub(crate) async fn a_lost_answer_doubles_nothing(&mut self) -> Result<()> {
        let Elsewhere { bob, story, beside, .. } = self;
        let (ghost, room) = (story.ghost("bob"), story.room.clone());
        bob.say(CHANNEL, "before").await?;
        story.alice.expect_message(&room, &ghost, "before").await?;
        beside.way_there.take_on(Quirk::SwallowsNextAnswer);
        bob.say(CHANNEL, "during").await?;
        beside.way_there.swallowed().await?;
        beside.program.kill_9()?;
        beside.homeserver.crash().await?;
        beside.program.up().await?;
        e2e::chat::wait_for_nick(bob, "alice").await?;
        bob.wait("alice in the channel again", |heard| {
            heard
                .iter()
                .filter(|one| one.line.command == "JOIN" && one.line.nick() == "alice")
                .count()
                >= 2
        })
        .await?;
        bob.say(CHANNEL, "after").await?;
        story.alice.expect_message(&room, &ghost, "after").await?;
        let bodies = story.alice.room(&room).bodies_of(&ghost);
        ensure!(bodies == ["before", "during", "after"], "on Matrix: {bodies:?}");
        journal::expect_all_settled(&beside.program).await?;
        Ok(())
    }
}
