//! Logging in and out in a terminal: every kind of step, wrong answers, and for whom.

use anyhow::{Context as _, Result, ensure};
use e2e::{Program, Setup};

async fn program() -> Result<Program> {
    let program = Setup::new().section("[networks.play]\nkind = \"demo\"\n").start().await?;
    program.create_user("alice").await?;
    Ok(program)
}

#[tokio::test]
async fn a_login_by_forms_asks_for_what_is_missing() -> Result<()> {
    let program = program().await?;
    let login = program.verb(&["login", "play", "--flow", "password", "name=marco"]);
    let output = login.input("serenissima\nSan Polo\n1591\n").run().await?;
    ensure!(output.stderr.contains("San Marco, San Polo"), "it says {}", output.stderr);
    ensure!(output.success()? == "login: play-1\n");
    let logins = program.cli(&["logins", "--user", "alice"]).await?;
    ensure!(logins.starts_with("play-1 play marco CONNECT"), "logins: {logins}");
    program.cli(&["logout", "play-1"]).await?;
    ensure!(program.cli(&["logins"]).await?.is_empty(), "one is left");
    Ok(())
}

#[tokio::test]
async fn a_code_is_drawn_and_waited_for() -> Result<()> {
    let program = program().await?;
    let output = program.verb(&["login", "play", "--flow", "qr"]).run().await?;
    let drawn = output.stderr.lines().filter(|line| line.contains('█') && line.len() > 40).count();
    ensure!(drawn > 10, "there is no picture of a code in {}", output.stderr);
    ensure!(output.stderr.contains("🦁🌉🛶"), "it says {}", output.stderr);
    ensure!(output.success()? == "login: play-1\n");
    Ok(())
}

#[tokio::test]
async fn a_login_that_does_not_work_says_why_and_leaves_nothing() -> Result<()> {
    let program = program().await?;
    let wrong =
        ["login", "play", "--flow", "password", "name=marco", "password=no", "side=San Polo"];
    program.verb(&wrong).run().await?.refusal(1, &["the password is wrong", "try again"])?;
    let missing = program.verb(&["login", "play", "--flow", "password", "name=marco"]);
    missing.run().await?.refusal(2, &["`password` is missing", "password=VALUE"])?;
    let several = program.verb(&["login", "play"]);
    several.run().await?.refusal(2, &["several ways", "password", "qr", "--flow"])?;
    let unknown = program.verb(&["login", "play", "--flow", "gondola"]);
    unknown.run().await?.refusal(2, &["no way `gondola`", "password"])?;
    program.verb(&["login", "nowhere"]).run().await?.refusal(1, &["no network `nowhere`"])?;
    program.verb(&["login", "play", "oops"]).run().await?.refusal(2, &["KEY=VALUE"])?;
    program.verb(&["logout", "play-9"]).run().await?.refusal(1, &["login"])?;
    ensure!(program.cli(&["logins"]).await?.is_empty(), "one is left");
    Ok(())
}

#[tokio::test]
async fn whose_login_it_is_has_to_be_clear() -> Result<()> {
    let mut program = program().await?;
    program.create_user("bob").await?;
    program.verb(&["logins"]).run().await?.refusal(2, &["several accounts", "--user"])?;
    let stranger =
        program.verb(&["login", "play", "--flow", "qr", "--user", "@eve:elsewhere.test"]);
    stranger.run().await?.refusal(1, &["may not log in"])?;
    let login = ["login", "play", "--flow", "name", "name=rob", "--user", "@bob:story.test"];
    program.cli(&login).await.context("bob may log in")?;
    ensure!(program.cli(&["logins", "--user", "alice"]).await?.is_empty(), "it is alice's");
    ensure!(program.cli(&["logins", "--user", "bob"]).await?.contains("rob"), "it is not bob's");
    program.stop()?;
    program.verb(&["logins", "--user", "bob"]).run().await?.refusal(1, &["rialto up"])
}
