//! `rialto login`, `rialto logins`, `rialto logout`: the steps of a login in a terminal. They are the same steps as on the
//! page and in a chat with the bot; nothing here knows a network.

mod asking;
mod prompt;

use self::{
    asking::{Bridges, Refused},
    prompt::Given,
};
use super::say;
use crate::{
    admin::{Ask, Hidden},
    config::Config,
    failure::Failure,
};
use clap::Args;
use qrcode::{QrCode, render::unicode::Dense1x2};
use serde::Deserialize;
use std::{collections::BTreeMap, io::IsTerminal as _};

/// How often wrong answers to one form are asked for again.
const TRIES: u32 = 5;

/// Begins every failure here.
const WHAT: &str = "nobody was logged in";

#[derive(Debug, Args)]
pub(super) struct LoginArguments {
    /// The network, as the configuration calls it
    network: String,
    /// Answers that are known already; what is missing is asked for
    #[arg(value_name = "KEY=VALUE")]
    answers: Vec<String>,
    /// Which way to log in; without it, it is asked for where there are several
    #[arg(long)]
    flow: Option<String>,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Debug, Args)]
pub(super) struct Whose {
    /// Whose login it is: a user name or a Matrix id; may be left out where there is one account
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct LogoutArguments {
    /// The login, as `rialto logins` names it, or `all`
    login: String,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Deserialize)]
struct Flows {
    flows: Vec<Flow>,
}

#[derive(Deserialize)]
struct Flow {
    id: String,
    name: String,
    description: String,
}

/// What a login asks for next.
#[derive(Deserialize)]
struct Step {
    login_id: String,
    #[serde(rename = "type")]
    kind: String,
    step_id: String,
    #[serde(default)]
    instructions: String,
    user_input: Option<Form>,
    display_and_wait: Option<Display>,
    complete: Option<Complete>,
}

#[derive(Deserialize)]
struct Form {
    fields: Vec<Field>,
}

#[derive(Deserialize)]
pub(super) struct Field {
    id: String,
    name: String,
    #[serde(default)]
    description: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    options: Vec<String>,
    #[serde(default)]
    optional: bool,
}

#[derive(Deserialize)]
struct Display {
    #[serde(rename = "type")]
    kind: String,
    data: Option<String>,
}

#[derive(Deserialize)]
struct Complete {
    user_login_id: String,
}

#[derive(Deserialize)]
struct Whoami {
    logins: Vec<LoginLine>,
}

#[derive(Deserialize)]
struct LoginLine {
    id: String,
    name: String,
    network: String,
    state: State,
}

#[derive(Deserialize)]
struct State {
    state_event: String,
    message: Option<String>,
}

/// Logs somebody in, step by step.
pub(super) async fn login(arguments: LoginArguments, config: &Config) -> Result<(), Failure> {
    let given = Given::parse(&arguments.answers)?;
    let bridges = Bridges::open(config, arguments.whose.user, Some(arguments.network)).await?;
    let flow = choose(arguments.flow, bridges.get::<Flows>("login/flows").await?.flows)?;
    let mut step: Step = bridges.post(&format!("login/start/{flow}"), BTreeMap::new()).await?;
    let process = step.login_id.clone();
    let walking = async {
        while step.kind != "complete" {
            step = next(&bridges, step, &given).await?;
        }
        Ok(step)
    };
    let outcome = tokio::select! {
        outcome = walking => outcome,
        _ = tokio::signal::ctrl_c() => Err(Failure::new(WHAT, "it was given up", "")),
    };
    match outcome {
        Ok(step) => {
            prompt::show(&step.instructions);
            let login = step.complete.map(|complete| complete.user_login_id).unwrap_or_default();
            say(&format!("login: {login}"))
        }
        Err(failure) => {
            // One that ended by itself is gone already.
            bridges.give_up(&process).await;
            Err(failure)
        }
    }
}

/// Lists somebody's logins and how they are.
pub(super) async fn list(whose: Whose, config: &Config) -> Result<(), Failure> {
    let bridges = Bridges::open(config, whose.user, None).await?;
    let whoami: Whoami = bridges.get("whoami").await?;
    whoami.logins.iter().try_for_each(|login| {
        let LoginLine { id, name, network, state } = login;
        let message = state.message.as_ref().map(|words| format!(": {words}")).unwrap_or_default();
        say(&format!("{id} {network} {name} {}{message}", state.state_event))
    })
}

/// Logs out, at the network and here.
pub(super) async fn logout(arguments: LogoutArguments, config: &Config) -> Result<(), Failure> {
    let bridges = Bridges::open(config, arguments.whose.user, None).await?;
    let login: String = url::form_urlencoded::byte_serialize(arguments.login.as_bytes()).collect();
    bridges.post::<serde::de::IgnoredAny>(&format!("logout/{login}"), BTreeMap::new()).await?;
    Ok(())
}

/// Chooses the way to log in: the named one, the only one, or the one the person at the terminal names.
fn choose(named: Option<String>, flows: Vec<Flow>) -> Result<String, Failure> {
    let known = flows.iter().map(|flow| flow.id.as_str()).collect::<Vec<_>>().join(", ");
    let which = match named {
        Some(named) => named,
        None if flows.len() == 1 => flows[0].id.clone(),
        None if !std::io::stdin().is_terminal() => {
            let why = format!("there are several ways to log in: {known}");
            return Err(Failure::usage(WHAT, why, "Choose one with --flow"));
        }
        None => {
            prompt::show("There are several ways to log in:");
            for Flow { id, name, description } in &flows {
                prompt::show(&format!("  {id}: {name}. {description}"));
            }
            prompt::line("Which one").unwrap_or_default()
        }
    };
    if flows.iter().any(|flow| flow.id == which) {
        return Ok(which);
    }
    Err(Failure::usage(
        WHAT,
        format!("there is no way `{which}` to log in"),
        format!("Choose one of {known}"),
    ))
}

async fn next(bridges: &Bridges, step: Step, given: &Given) -> Result<Step, Failure> {
    prompt::show(&step.instructions);
    let Step { login_id, step_id, kind, .. } = &step;
    let path = format!("login/step/{login_id}/{step_id}/{kind}");
    match (&step.user_input, &step.display_and_wait) {
        (Some(form), _) => fill_in(bridges, &path, form, given).await,
        (_, Some(display)) => {
            show(display);
            bridges.post(&path, BTreeMap::new()).await
        }
        (None, None) => Err(Failure::new(
            WHAT,
            format!("a step of the kind `{kind}` cannot be done in a terminal"),
            "Use the page of the running server",
        )),
    }
}

/// Shows a code to scan or to compare.
fn show(display: &Display) {
    let Some(data) = &display.data else { return };
    match QrCode::new(data).ok().filter(|_| display.kind == "qr") {
        Some(code) => {
            // Dark on light, as scanners want it, on terminals that are light on dark.
            let mut drawn = code.render::<Dense1x2>();
            prompt::show(&drawn.dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build());
            prompt::show(data);
        }
        None => prompt::show(data),
    }
}

/// Asks for what is missing and hands it in; what was wrong is asked for again where somebody is there to ask.
async fn fill_in(
    bridges: &Bridges,
    path: &str,
    form: &Form,
    given: &Given,
) -> Result<Step, Failure> {
    let asks_again = std::io::stdin().is_terminal();
    let mut first = true;
    for tries_left in (0..TRIES).rev() {
        let known = first.then_some(given);
        let mut answers: BTreeMap<String, Hidden> = BTreeMap::new();
        for field in &form.fields {
            if let Some(answer) = known.and_then(|given| given.get(&field.id)) {
                answers.insert(field.id.clone(), answer);
            } else if let Some(answer) = prompt::ask(field)? {
                answers.insert(field.id.clone(), answer);
            }
        }
        first = false;
        match bridges.try_ask(Ask::Post(answers), path).await? {
            Ok(step) => return Ok(step),
            Err(Refused { words, ended }) if ended || !asks_again || tries_left == 0 => {
                return Err(Failure::new(WHAT, words, "Try again"));
            }
            Err(Refused { words, .. }) => prompt::show(&words),
        }
    }
    Err(Failure::new(WHAT, "the answers were wrong too often", "Try again"))
}
