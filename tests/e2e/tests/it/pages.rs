//! The page people meet first, in a real browser: every kind of step of a login, by light and by dark.

use anyhow::{Context as _, Result, ensure};
use e2e::program::PASSWORD;
use e2e::{Program, Setup};
use serde_json::{Value, json};

use crate::support::visitor::Visitor;

/// Waits for a step of a login and returns its words.
async fn step(visitor: &mut Visitor, kind: &str, selector: &str) -> Result<Value> {
    visitor.ask("step", json!({ "type": kind, "selector": selector })).await
}

async fn visit(program: &Program, light: &'static str) -> Result<()> {
    let mut visitor = Visitor::arrive("page_visitor.mjs", light)?;
    let opened = visitor.ask("open", json!({ "url": program.url() })).await?;
    ensure!(opened["address"] == format!("{}/_rialto/", program.url()), "{opened}");
    let wrong = json!({ "user": "alice", "password": "not hers" });
    let answer = visitor.ask("sign_in", wrong).await?;
    ensure!(answer["trouble"].as_str().is_some_and(|words| !words.is_empty()), "{answer}");
    visitor.ask("open", json!({ "url": program.url() })).await?;
    visitor.ask("sign_in", json!({ "user": "alice", "password": PASSWORD })).await?;
    let networks = visitor.ask("networks", json!({})).await?;
    ensure!(networks == json!(["play"]), "{networks}");
    visitor.picture("networks").await?;
    forms(&mut visitor).await?;
    code_and_page(&mut visitor, program).await?;

    let kept = visitor.ask("kept", json!({})).await?.to_string();
    ensure!(!kept.contains("serenissima") && !kept.contains(PASSWORD), "a secret stays: {kept}");
    for login in ["play-1", "play-2"] {
        visitor.ask("log_out", json!({ "login": login })).await?;
    }
    visitor.ask("sign_out", json!({})).await?;
    let faults = visitor.ask("faults", json!({})).await?;
    ensure!(faults == json!([]), "the browser complains: {faults:#}");
    Ok(())
}

/// A form with a secret, a wrong answer, a second form.
async fn forms(visitor: &mut Visitor) -> Result<()> {
    visitor.ask("begin", json!({ "flow": "play:password" })).await?;
    let form = step(visitor, "user_input", "").await?;
    let kinds = json!([["name", "text"], ["password", "password"], ["side", "select-one"]]);
    ensure!(form["fields"] == kinds, "{form}");
    visitor.picture("form").await?;
    let side = "San Polo";
    let wrong = json!({ "name": "marco", "password": "wrong", "side": side });
    visitor.ask("fill", json!({ "answers": wrong })).await?;
    let trouble = visitor.ask("trouble", json!({})).await?;
    ensure!(trouble.as_str().is_some_and(|words| words.contains("wrong")), "{trouble}");
    visitor.picture("wrong").await?;
    let right = json!({ "name": "marco", "password": "serenissima", "side": side });
    visitor.ask("fill", json!({ "answers": right })).await?;
    step(visitor, "user_input", "[name=code]").await?;
    visitor.ask("fill", json!({ "answers": { "code": "1591" } })).await?;
    step(visitor, "complete", "").await?;
    visitor.picture("done").await?;
    visitor.ask("done", json!({})).await?;
    let line = visitor.ask("login", json!({ "login": "play-1", "look": "connected" })).await?;
    ensure!(line.as_str().is_some_and(|line| line.starts_with("marco")), "{line}");
    Ok(())
}

/// A code to scan, a picture to compare, a page to open; and one that is given up.
async fn code_and_page(visitor: &mut Visitor, program: &Program) -> Result<()> {
    visitor.ask("begin", json!({ "flow": "play:qr" })).await?;
    step(visitor, "display_and_wait", "img.qr").await?;
    visitor.picture("code").await?;
    step(visitor, "display_and_wait", ".emoji").await?;
    visitor.picture("emoji").await?;
    visitor.ask("cancel", json!({})).await?;

    visitor.ask("begin", json!({ "flow": "play:page" })).await?;
    let shown = step(visitor, "display_and_wait", "a").await?;
    visitor.picture("page").await?;
    let link = shown["link"][0].as_str().context("no link")?;
    let opened = program.http().get(link).send().await?;
    ensure!(opened.status().is_success(), "{link}: {}", opened.status());
    step(visitor, "complete", "").await?;
    visitor.ask("done", json!({})).await?;
    visitor.ask("login", json!({ "login": "play-2", "look": "connected" })).await?;
    visitor.picture("logins").await
}

async fn program() -> Result<Program> {
    let program = Setup::new().section("[networks.play]\nkind = \"demo\"\n").start().await?;
    program.create_user("alice").await?;
    Ok(program)
}

#[tokio::test]
async fn every_kind_of_step_works_in_a_browser_by_light() -> Result<()> {
    visit(&program().await?, "light").await
}

#[tokio::test]
async fn every_kind_of_step_works_in_a_browser_by_dark() -> Result<()> {
    visit(&program().await?, "dark").await
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere_and_is_framed_by_nobody() -> Result<()> {
    let program = program().await?;
    let answer = program.http().get(format!("{}/_rialto/", program.url())).send().await?;
    let policy = answer.headers()["content-security-policy"].to_str()?.to_owned();
    for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
        ensure!(policy.contains(part), "{policy}");
    }
    let page = answer.text().await?;
    ensure!(!page.contains("http://") && !page.contains("https://"), "{page}");
    Ok(())
}
