//! A channel on a real InspIRCd, both ways: lines a second in a burst, and the latency of single lines.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bridge_testkit::peers::{InspIrcd, RawIrc};
use serde_json::{Value, json};

use crate::client::Client;
use crate::figures::Load;
use crate::program::Program;

const CHANNEL: &str = "#bench";

/// Measures both directions; each figure with the name it is printed under.
pub(crate) async fn measure(
    program: &Program,
    ircd: &InspIrcd,
    messages: usize,
) -> Result<Vec<(String, Load)>> {
    let mut observer = ircd.observer("observer").await?;
    observer.join(CHANNEL).await?;
    program.run(&["user", "create", "bridged", "--password-stdin"], "bench-password\n")?;
    let mut person = Person::new(Client::login(program.url(), "bridged", "bench-password").await?);
    let room = person.bridge_channel().await?;

    let mut figures = Vec::new();
    figures.push((
        "IRC to Matrix, a burst".to_owned(),
        to_matrix_burst(program, &mut person, &room, &observer, messages).await?,
    ));
    figures.push((
        "IRC to Matrix, one at a time".to_owned(),
        to_matrix_single(program, &mut person, &room, &observer, messages / 3).await?,
    ));
    figures.push((
        "Matrix to IRC, one at a time".to_owned(),
        from_matrix(program, &person.client, &room, &observer, messages / 3).await?,
    ));
    Ok(figures)
}

async fn to_matrix_burst(
    program: &Program,
    person: &mut Person,
    room: &str,
    observer: &RawIrc,
    messages: usize,
) -> Result<Load> {
    let (begun, cpu) = (Instant::now(), program.cpu()?);
    for number in 0..messages {
        observer.say(CHANNEL, &format!("burst {number}")).await?;
    }
    let mut latencies = Vec::with_capacity(messages);
    while latencies.len() < messages {
        let seen = person.texts(room).await?;
        let new = seen.iter().filter(|text| text.starts_with("burst ")).count();
        latencies.extend(std::iter::repeat_n(begun.elapsed(), new));
    }
    Ok(Load::of(latencies, begun.elapsed(), program.cpu()?.saturating_sub(cpu)))
}

async fn to_matrix_single(
    program: &Program,
    person: &mut Person,
    room: &str,
    observer: &RawIrc,
    messages: usize,
) -> Result<Load> {
    let (begun, cpu) = (Instant::now(), program.cpu()?);
    let mut latencies = Vec::with_capacity(messages);
    for number in 0..messages {
        let (said, text) = (Instant::now(), format!("single {number}"));
        observer.say(CHANNEL, &text).await?;
        while !person.texts(room).await?.contains(&text) {}
        latencies.push(said.elapsed());
    }
    Ok(Load::of(latencies, begun.elapsed(), program.cpu()?.saturating_sub(cpu)))
}

async fn from_matrix(
    program: &Program,
    client: &Client,
    room: &str,
    observer: &RawIrc,
    messages: usize,
) -> Result<Load> {
    let (begun, cpu) = (Instant::now(), program.cpu()?);
    let mut latencies = Vec::with_capacity(messages);
    for number in 0..messages {
        let (said, text) = (Instant::now(), format!("outward {number}"));
        client.say(room, &format!("o{number}"), &text).await?;
        observer.wait(&text, |heard| heard.iter().rev().any(|one| one.line.text() == text)).await?;
        latencies.push(said.elapsed());
    }
    Ok(Load::of(latencies, begun.elapsed(), program.cpu()?.saturating_sub(cpu)))
}

/// A Matrix person who syncs.
struct Person {
    client: Client,
    since: Option<String>,
}

impl Person {
    fn new(client: Client) -> Self {
        Self { client, since: None }
    }

    /// Talks to the bot until the channel is a room, and returns that room.
    async fn bridge_channel(&mut self) -> Result<String> {
        let direct = self
            .client
            .create_room(json!({
                "is_direct": true,
                "preset": "trusted_private_chat",
                "invite": ["@rialtobot:localhost"],
            }))
            .await?;
        self.tell_bot(&direct, "login irc nick=bridged", "bridged").await?;
        let answer = self.tell_bot(&direct, &format!("join irc {CHANNEL}"), "!").await?;
        let start = answer.find('!').context("no room id in the bot's answer")?;
        let room =
            answer[start..].split(|c: char| c.is_whitespace() || c == ')' || c == '"').next();
        Ok(room.context("no room id")?.trim_end_matches(['.', ',']).to_owned())
    }

    /// Says a command and returns the first answer that contains `expected`.
    async fn tell_bot(&mut self, direct: &str, command: &str, expected: &str) -> Result<String> {
        let begun = Instant::now();
        self.client.say(direct, &command.replace(' ', "-"), command).await?;
        loop {
            let texts = self.texts_by(direct, "@rialtobot:localhost").await?;
            if let Some(answer) = texts.into_iter().find(|text| text.contains(expected)) {
                return Ok(answer);
            }
            ensure!(
                begun.elapsed() < Duration::from_secs(60),
                "the bot did not answer `{command}`"
            );
        }
    }

    /// Syncs once and returns the new texts in a room.
    async fn texts(&mut self, room: &str) -> Result<Vec<String>> {
        self.texts_where(room, |_| true).await
    }

    async fn texts_by(&mut self, room: &str, sender: &str) -> Result<Vec<String>> {
        self.texts_where(room, |event| event["sender"] == sender).await
    }

    async fn texts_where(
        &mut self,
        room: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Vec<String>> {
        let sync = self.client.sync(self.since.as_deref(), 10_000).await?;
        self.since = sync["next_batch"].as_str().map(str::to_owned);
        let timeline = &sync["rooms"]["join"][room]["timeline"];
        ensure!(timeline["limited"] != true || self.since.is_none(), "the timeline was cut");
        let events = timeline["events"].as_array().into_iter().flatten();
        Ok(events
            .filter(|event| wanted(event))
            .filter_map(|event| event["content"]["body"].as_str().map(str::to_owned))
            .collect())
    }
}
