//! The other verbs: they do the same while the program runs and while it does not.

use std::fs;

use anyhow::{Result, ensure};
use e2e::program::{PASSWORD, Verb};
use e2e::{Program, Setup};

/// Runs a story twice: once with the program up, once with it down.
async fn up_and_down(story: impl AsyncFn(&Program, bool) -> Result<()>) -> Result<()> {
    let mut program = Setup::new().start().await?;
    story(&program, true).await?;
    program.stop()?;
    let down = Setup::new().write()?;
    story(&down, false).await
}

#[tokio::test]
async fn users_are_created_listed_and_deactivated() -> Result<()> {
    up_and_down(async |program, runs| {
        program.create_user("alice").await?;
        let twice = program.verb(&["user", "create", "alice", "--password-stdin"]);
        twice.input("another\n").run().await?.refusal(1, &["alice"])?;
        let root = program.verb(&["user", "create", "root", "--admin", "--password-stdin"]);
        // One trailing newline is dropped, not two: the password ends in one.
        root.input("two lines\n\n").run().await?.success()?;
        let listed = program.cli(&["user", "list"]).await?;
        ensure!(listed.contains("alice") && listed.contains("root"), "listed: {listed}");
        if runs {
            program.log_in("alice").await?;
        }
        let change = program.verb(&["user", "password", "alice", "--password-stdin"]);
        change.input("something else\n").run().await?.success()?;
        if runs {
            ensure!(program.log_in("alice").await.is_err(), "the old password still works");
        }
        program.cli(&["user", "deactivate", "alice"]).await?;
        program.verb(&["user", "deactivate", "nobody"]).run().await?.refusal(1, &["nobody"])?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_user_made_while_nothing_runs_can_log_in_later() -> Result<()> {
    let mut program = Setup::new().write()?;
    program.create_user("alice").await?;
    program.up().await?;
    let alice = program.log_in("alice").await?;
    ensure!(alice.user_id() == "@alice:story.test", "{}", alice.user_id());
    program.stop()
}

#[tokio::test]
async fn a_deactivated_user_is_out_at_once() -> Result<()> {
    let program = Setup::new().start().await?;
    let alice = program.person("alice").await?;
    program.cli(&["user", "deactivate", "alice"]).await?;
    let whoami = "/_matrix/client/v3/account/whoami";
    let (status, answer) = alice.request(reqwest::Method::GET, whoami, None).await?;
    ensure!(status == 401 && answer["errcode"] == "M_UNKNOWN_TOKEN", "{status} {answer}");
    ensure!(program.log_in("alice").await.is_err(), "she can log in again");
    Ok(())
}

#[tokio::test]
async fn registration_generate_keeps_its_tokens() -> Result<()> {
    let network = e2e::chat::irc_network("libera", "irc.libera.chat:6697", "");
    let program = Setup::new().section(&network).write()?;
    let text = fs::read_to_string(program.config_path())?;
    let text = text.replace(
        "[homeserver]\n",
        "[homeserver]\nmode = \"external\"\nurl = \"https://matrix.story.test\"\n",
    );
    let text: String = text
        .lines()
        .filter(|line| !line.starts_with("listen") && !line.starts_with("rate_limits"))
        .fold(String::new(), |all, line| all + line + "\n");
    fs::write(
        program.config_path(),
        text + "[appservice]\nlisten = \"127.0.0.1:29300\"\naddress = \"http://127.0.0.1:29300\"\n",
    )?;
    let first = program.cli(&["registration", "generate", "--out", "one.yaml"]).await?;
    program.cli(&["registration", "generate", "--out", "two.yaml"]).await?;
    let one = fs::read_to_string(program.folder().join("one.yaml"))?;
    let two = fs::read_to_string(program.folder().join("two.yaml"))?;
    ensure!(one == two, "two calls, two registrations");
    for part in ["as_token", "hs_token", "rialtobot", "_rialto_", "http://127.0.0.1:29300"] {
        ensure!(one.contains(part), "`{part}` is not in it:\n{one}");
    }
    ensure!(first.contains("app_service_config_files"), "no snippet for Synapse: {first}");
    let printed = program.cli(&["registration", "generate"]).await?;
    ensure!(printed.contains("as_token"), "without --out it is printed: {printed}");
    Ok(())
}

#[tokio::test]
async fn a_sign_up_token_lets_one_person_in() -> Result<()> {
    let program = Setup::new().homeserver("registration = \"token\"").start().await?;
    let printed = program.cli(&["registration", "token", "create", "--uses", "1"]).await?;
    let token = printed.split_whitespace().last().unwrap_or_default().to_owned();
    let someone = program.person("helper").await?;
    let register = |name: &str| {
        serde_json::json!({
            "username": name, "password": PASSWORD,
            "auth": { "type": "m.login.registration_token", "token": token },
        })
    };
    let path = "/_matrix/client/v3/register";
    let (status, first) =
        someone.request(reqwest::Method::POST, path, Some(serde_json::json!({}))).await?;
    ensure!(
        status == 401 && first["flows"].to_string().contains("m.login.registration_token"),
        "{first}"
    );
    let with_session = |name: &str| {
        let mut body = register(name);
        body["auth"]["session"] = first["session"].clone();
        body
    };
    let (status, answer) =
        someone.request(reqwest::Method::POST, path, Some(with_session("newcomer"))).await?;
    ensure!(status == 200, "{status} {answer}");
    let (status, answer) =
        someone.request(reqwest::Method::POST, path, Some(register("second"))).await?;
    ensure!(status != 200, "a token for one let two in: {answer}");
    Ok(())
}

#[tokio::test]
async fn configuration_is_checked_shown_and_exemplified() -> Result<()> {
    up_and_down(async |program, _| {
        program.cli(&["config", "check"]).await?;
        let shown = program.cli(&["config", "show"]).await?;
        ensure!(shown.contains("story.test") && shown.contains("sqlite"), "{shown}");
        let example = program.cli(&["config", "example"]).await?;
        let file = program.folder().join("example.toml");
        fs::write(&file, &example)?;
        // The example is a configuration.
        let path = file.display().to_string();
        Verb::bare(program.folder(), &["config", "check", "--config", &path])
            .run()
            .await?
            .success()?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn secrets_are_masked_when_shown() -> Result<()> {
    let program = Setup::new()
        .homeserver("shared_secret = \"hush-hush\"")
        .database("postgres://rialto:very-hush@127.0.0.1:1/rialto")
        .write()?;
    let shown = program.cli(&["config", "show"]).await?;
    ensure!(!shown.contains("hush-hush") && !shown.contains("very-hush"), "{shown}");
    ensure!(shown.contains("shared_secret"), "{shown}");
    Ok(())
}

#[tokio::test]
async fn without_a_configuration_it_is_a_homeserver_without_networks() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let shown = Verb::bare(folder.path(), &["config", "show"]).run().await?.success()?;
    ensure!(shown.contains("127.0.0.1:8008") && shown.contains("localhost"), "{shown}");
    let version = Verb::bare(folder.path(), &["version"]).run().await?.success()?;
    ensure!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
    let help = Verb::bare(folder.path(), &["--help"]).run().await?.success()?;
    for verb in ["up", "demo", "user", "appservice", "registration", "config", "version"] {
        ensure!(help.contains(verb), "--help does not name `{verb}`: {help}");
    }
    Ok(())
}
