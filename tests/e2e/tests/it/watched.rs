//! The house as a monitoring program sees it.

use anyhow::{Context, Result, ensure};
use e2e::Program;
use e2e::chat::is_success;

use crate::support::modern::Modern;

async fn get(program: &Program, path: &str, header: Option<(&str, &str)>) -> Result<(u16, String)> {
    let mut request = program.http().get(format!("{}{path}", program.url()));
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let answer = request.send().await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

/// The value of the figure whose line begins like this.
fn figure(text: &str, begins: &str) -> Result<f64> {
    let line = text.lines().find(|line| line.starts_with(begins));
    let line = line.with_context(|| format!("no `{begins}` in\n{text}"))?;
    Ok(line.rsplit(' ').next().context("a line without a value")?.parse()?)
}

#[tokio::test]
async fn figures_tell_what_crossed_and_how_the_logins_are() -> Result<()> {
    let mut modern = Modern::begin().await?;
    let (_, fate) = modern.story.say("one").await?;
    ensure!(is_success(&fate), "the bridge says {fate}");
    modern.bob.say("#rialto", "two").await?;
    modern
        .story
        .alice
        .expect_message(&modern.story.room, &modern.story.ghost("bob"), "two")
        .await?;
    let program = &modern.program;
    ensure!(get(program, "/health", None).await? == (200, "ok\n".to_owned()));
    ensure!(get(program, "/ready", None).await? == (200, "ready\n".to_owned()));
    let (status, text) = get(program, "/metrics", None).await?;
    ensure!(status == 200 && text.ends_with("# EOF\n"), "{status}: {text}");
    for (line, at_least) in [
        ("rialto_rows_total{direction=\"from_matrix\",kind=\"message\",outcome=\"sent\"}", 1.0),
        ("rialto_crossing_seconds_count{direction=\"to_matrix\"}", 1.0),
        ("rialto_acknowledge_seconds_count{direction=\"from_matrix\"}", 1.0),
        ("rialto_steps_total{target=\"network\",network=\"story\",state=\"sent\"}", 1.0),
        ("rialto_homeserver_requests_total{endpoint=\"send\",status=\"200\"}", 1.0),
        ("rialto_journal_oldest_seconds{direction=\"from_matrix\"}", 0.0),
        ("rialto_login_state{login=\"story-1\",network=\"story\",state=\"connected\"}", 1.0),
        ("rialto_appservice_owed{appservice=\"rialto\"}", 0.0),
    ] {
        let value = figure(&text, line)?;
        ensure!(value >= at_least, "{line} is {value}");
    }
    Ok(())
}

#[tokio::test]
async fn figures_are_not_for_those_who_come_through_a_proxy_without_the_token() -> Result<()> {
    let section = "[metrics]\ntoken = \"a token for the figures\"";
    let open = e2e::Setup::new().start().await?;
    let passed_on = Some(("x-forwarded-for", "203.0.113.7"));
    ensure!(get(&open, "/metrics", passed_on).await?.0 == 403);
    let closed = e2e::Setup::new().section(section).start().await?;
    ensure!(get(&closed, "/metrics", None).await?.0 == 403);
    let wrong = Some(("authorization", "Bearer another"));
    ensure!(get(&closed, "/metrics", wrong).await?.0 == 403);
    let right = Some(("authorization", "Bearer a token for the figures"));
    ensure!(get(&closed, "/metrics", right).await?.0 == 200);
    Ok(())
}
