//! `rialto demo`: a throw-away house with the network that comes with the program. A newcomer is made, logs in there, joins a chat and
//! greets, so that something crosses both ways before anybody does anything. Every crossing is printed by the bridge as it happens.

mod printer;
mod visitor;

use crate::{
    Kinds,
    config::{Config, ListenAddress, Loaded},
    failure::Failure,
    logs::Logs,
    running::Running,
    up::{DRAIN, Signals},
};
use homeserver::Homeserver;
use secrecy::SecretString;
use std::{io::Write as _, sync::Arc};
use support_clock::{OsRandom, Random};
use support_matrix_http::InProcess;
use visitor::Visitor;

/// The kind and id of the network.
const NETWORK: &str = bridge_demo::KIND;
/// The chat that is joined.
const CHAT: &str = bridge_demo::LOBBY;
/// Who the person at the keyboard is.
const NEWCOMER: &str = "newcomer";

const WHAT: &str = "the demo did not come about";

/// Runs the demo until SIGTERM or SIGINT.
pub(crate) async fn demo(kinds: &Kinds, listen: Option<&str>, logs: &Logs) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let folder =
        tempfile::tempdir().map_err(|error| Failure::file(WHAT, &std::env::temp_dir(), &error))?;
    let loaded = Loaded { config: configuration(kinds, listen, folder.path())?, file: None };
    let (observer, printer) = printer::start();
    let running = Running::start(kinds, &loaded, Some(observer)).await?;
    let outcome = tokio::select! {
        Err(failure) = show(&running, &printer, logs) => Err(failure),
        () = signals.next() => Ok(()),
    };
    tokio::select! {
        () = running.stop(DRAIN) => {}
        () = signals.next() => {}
    }
    outcome
}

/// The configuration of the throw-away house; not a single file of the person's is read.
fn configuration(
    kinds: &Kinds,
    listen: Option<&str>,
    folder: &std::path::Path,
) -> Result<Config, Failure> {
    if !kinds.names().iter().any(|kind| kind == NETWORK) {
        return Err(Failure::new(WHAT, "this program was built without the demo network", ""));
    }
    let text =
        format!("data_dir = \"data\"\n[networks.{NETWORK}]\nkind = \"{NETWORK}\"\nstage = true\n");
    let mut config = Config::parse(&text, folder)
        .map_err(|faults| crate::failure::config_failure(None, faults))?;
    config.homeserver.listen =
        ListenAddress::parse(listen.unwrap_or("127.0.0.1:0")).ok_or_else(|| {
            Failure::usage(WHAT, "--listen is no `HOST:PORT`", "Write it like `127.0.0.1:8008`")
        })?;
    Ok(config)
}

/// Makes the newcomer, says how to get in, and lets them say hello.
async fn show(running: &Running, printer: &printer::Printer, logs: &Logs) -> Result<(), Failure> {
    let homeserver = running
        .homeserver()
        .ok_or_else(|| Failure::new(WHAT, "there is no embedded homeserver", ""))?;
    let password = OsRandom.token(12);
    make_newcomer(homeserver, &password).await?;
    printer.say(format!("url: http://{}", running.address));
    printer.say(format!("user: {NEWCOMER}"));
    printer.say(format!("password: {password}"));
    logs.release();
    // Not a result: who reads this is a person with a browser.
    let stage = format!(
        "http://{}/_rialto/network/{NETWORK}/stage/#{NEWCOMER}:{password}",
        running.address
    );
    writeln!(std::io::stderr().lock(), "Play both sides in a browser: {stage}").ok();
    let transport = Arc::new(InProcess::new(homeserver.router()));
    let mut visitor = Visitor::log_in(transport, NEWCOMER, &password).await?;
    let bot = format!("@rialtobot:{}", homeserver.server_name());
    let room = visitor.talk_to(&bot).await?;
    visitor.ask(&room, &bot, &format!("login {NETWORK} name={NEWCOMER}"), "logged in").await?;
    let answer = visitor.ask(&room, &bot, &format!("join {NETWORK} {CHAT}"), "is joined").await?;
    let portal = answer
        .split_whitespace()
        .rev()
        .find(|word| word.starts_with('!'))
        .ok_or_else(|| Failure::new(WHAT, format!("the bot named no room: {answer}"), ""))?;
    visitor.say(portal, "Hello from Matrix! Who is around?").await
}

async fn make_newcomer(homeserver: &Homeserver, password: &str) -> Result<(), Failure> {
    let password = SecretString::from(password);
    homeserver
        .create_user(NEWCOMER, Some(&password), false)
        .await
        .map(drop)
        .map_err(|error| Failure::new(WHAT, error.to_string(), ""))
}
