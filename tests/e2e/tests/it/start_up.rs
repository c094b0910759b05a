//! When it does not start, it says what, why and what to do, with the exit code of its kind.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result, ensure};
use bridge_testkit::peers::{InspIrcd, PostgresServer};
use e2e::chat::{UNPACED, irc_network};
use e2e::{BotChat, Program, Setup};
use test_daemons::ports::free_ports;
use tokio::net::TcpListener;

use crate::support::modern::NETWORK;

/// Starts `up`, which must end by itself with this code and these words.
async fn refuses(program: &Program, code: i32, words: &[&str]) -> Result<()> {
    program.verb(&["up"]).run().await?.refusal(code, words)
}

#[tokio::test]
async fn a_taken_port_is_named() -> Result<()> {
    let program = Setup::new().write()?;
    let address = format!("127.0.0.1:{}", program.port());
    let _holder = TcpListener::bind(&address).await.context("the port is gone already")?;
    refuses(&program, 1, &[&address, "listen"]).await
}

#[tokio::test]
async fn a_second_program_on_the_same_folder_is_told_who_holds_it() -> Result<()> {
    let mut first = Setup::new().start().await?;
    // On another port: the folder is what they quarrel about.
    let [port] = free_ports::<1>()?;
    let text = fs::read_to_string(first.config_path())?;
    let second = first.folder().join("second.toml");
    fs::write(&second, text.replace(&first.port().to_string(), &port.to_string()))?;
    let path = second.display().to_string();
    let up = e2e::program::Verb::bare(first.folder(), &["up", "--config", &path]);
    up.run().await?.refusal(1, &["data", "another", "pid"])?;
    // The first does not mind.
    first.log_in("nobody").await.err().context("who is nobody?")?;
    first.stop()
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named() -> Result<()> {
    let program = Setup::new().write()?;
    // A file where the folder should be cannot be written into even by root.
    fs::write(program.data_dir(), "in the way")?;
    let data = program.data_dir().display().to_string();
    refuses(&program, 1, &[&data]).await
}

#[tokio::test]
async fn a_changed_server_name_is_refused() -> Result<()> {
    let mut program = Setup::new().start().await?;
    program.stop()?;
    let text = fs::read_to_string(program.config_path())?;
    fs::write(program.config_path(), text.replace("story.test", "other.test"))?;
    refuses(&program, 1, &["server_name", "story.test", "other.test"]).await
}

#[tokio::test]
async fn a_missing_sealing_key_is_refused_once_there_is_something_sealed() -> Result<()> {
    let irc = InspIrcd::builder().services().start()?;
    irc.create_account("alice", "correct-horse")?;
    let mut bob = irc.observer("bob").await?;
    let network = irc_network(NETWORK, &irc.address(), UNPACED);
    let mut program = Setup::new().section(&network).start().await?;
    let mut alice = program.person("alice").await?;
    let bot = BotChat::open(&mut alice).await?;
    let answers = "nick=alice password=correct-horse";
    e2e::chat::log_in_to_irc(&mut alice, &bot, NETWORK, answers, "alice", &mut bob).await?;
    program.stop()?;
    let key = program.data_dir().join("secrets.key");
    let mode = fs::metadata(&key).context("no secrets.key")?.permissions().mode();
    ensure!(mode & 0o777 == 0o600, "secrets.key may be read by others: {mode:o}");
    let set_aside = program.folder().join("elsewhere.key");
    fs::rename(&key, &set_aside)?;
    refuses(&program, 1, &["secrets.key"]).await?;
    // Put back, it starts, and the login is as it was.
    fs::rename(&set_aside, &key)?;
    program.up().await?;
    e2e::chat::wait_for_nick(&mut bob, "alice").await?;
    program.stop()
}

#[tokio::test]
async fn an_unknown_key_is_refused_with_the_nearest_one() -> Result<()> {
    let program = Setup::new().section("[bridge]\nbott = \"x\"").write()?;
    refuses(&program, 2, &["bott", "`bot`"]).await?;
    program.verb(&["config", "check"]).run().await?.refusal(2, &["bott"])
}

#[tokio::test]
async fn an_unknown_key_of_a_network_is_refused() -> Result<()> {
    let network = irc_network(NETWORK, "127.0.0.1:1", "tlss = false");
    let program = Setup::new().section(&network).write()?;
    refuses(&program, 2, &["tlss", "tls"]).await
}

#[tokio::test]
async fn an_unknown_kind_of_network_is_refused() -> Result<()> {
    let program = Setup::new().section("[networks.story]\nkind = \"ircc\"").write()?;
    refuses(&program, 2, &["ircc", "irc"]).await
}

#[tokio::test]
async fn a_value_of_the_wrong_type_is_refused() -> Result<()> {
    let program = Setup::new().section("[bridge]\nbot = 7").write()?;
    refuses(&program, 2, &["bot"]).await
}

#[tokio::test]
async fn a_file_that_is_no_toml_is_refused_with_the_line() -> Result<()> {
    let program = Setup::new().section("[bridge\n").write()?;
    refuses(&program, 2, &["rialto.toml", "line"]).await
}

#[tokio::test]
async fn a_config_that_is_not_there_is_refused() -> Result<()> {
    let program = Setup::new().write()?;
    fs::remove_file(program.config_path())?;
    refuses(&program, 2, &["rialto.toml"]).await
}

#[tokio::test]
async fn an_unreadable_registration_is_refused() -> Result<()> {
    let program = Setup::new().homeserver("appservices = [\"broken.yaml\"]").write()?;
    refuses(&program, 2, &["broken.yaml"]).await?;
    fs::write(program.folder().join("broken.yaml"), "id: broken\nurl: 7\n")?;
    refuses(&program, 2, &["broken.yaml"]).await
}

#[tokio::test]
async fn clashing_registrations_are_refused() -> Result<()> {
    let program = Setup::new().homeserver("appservices = [\"a.yaml\", \"b.yaml\"]").write()?;
    let text = "id: guest\nurl: null\nas_token: aaaaaaaaaaaaaaaaaaaaaaaa\nhs_token: bbbbbbbbbbbbbbbbbbbbbbbb\n\
                sender_localpart: guest\nnamespaces: {}\n";
    fs::write(program.folder().join("a.yaml"), text)?;
    fs::write(program.folder().join("b.yaml"), text)?;
    refuses(&program, 2, &["a.yaml", "b.yaml", "guest"]).await
}

#[tokio::test]
async fn an_unreachable_postgresql_is_named_without_its_password() -> Result<()> {
    let [port] = free_ports::<1>()?;
    let url = format!("postgres://rialto:hush-hush@127.0.0.1:{port}/rialto");
    let program = Setup::new().database(&url).write()?;
    let output = program.verb(&["up"]).run().await?;
    ensure!(!output.stderr.contains("hush-hush"), "the password is shown: {}", output.stderr);
    output.refusal(1, &["PostgreSQL", &port.to_string()])
}

#[tokio::test]
async fn a_postgresql_without_the_right_to_make_schemas_is_named() -> Result<()> {
    let postgres = PostgresServer::start()?;
    postgres.query("postgres", "CREATE ROLE guest LOGIN")?;
    postgres.create_database("story")?;
    let url = postgres.url().replace("postgres@", "guest@").replace("/postgres", "/story");
    let url = url.replacen("/story/", "//", 1);
    let program = Setup::new().database(&url).write()?;
    refuses(&program, 1, &["schema", "GRANT CREATE"]).await
}

#[tokio::test]
async fn a_certificate_and_a_key_that_do_not_match_are_refused() -> Result<()> {
    let tls = "tls = { certificate = \"one.pem\", key = \"other.pem\" }";
    let program = Setup::new().homeserver(tls).write()?;
    let make = || rcgen::generate_simple_self_signed(["localhost".to_owned()]);
    fs::write(program.folder().join("one.pem"), make()?.cert.pem())?;
    fs::write(program.folder().join("other.pem"), make()?.signing_key.serialize_pem())?;
    refuses(&program, 2, &["one.pem", "other.pem", "match"]).await
}

#[tokio::test]
async fn a_damaged_database_is_named() -> Result<()> {
    let mut program = Setup::new().start().await?;
    program.create_user("alice").await?;
    program.stop()?;
    let file = program.data_dir().join("homeserver.db");
    let mut bytes = fs::read(&file)?;
    let end = bytes.len().min(4096);
    bytes[..end].fill(0x2a);
    fs::write(&file, bytes)?;
    refuses(&program, 1, &["homeserver.db"]).await
}

#[tokio::test]
async fn an_unreachable_external_homeserver_is_named() -> Result<()> {
    let [homeserver, appservice] = free_ports::<2>()?;
    let program = Setup::new().write()?;
    let text = format!(
        "data_dir = \"data\"\n[homeserver]\nmode = \"external\"\nserver_name = \"story.test\"\n\
         url = \"http://127.0.0.1:{homeserver}\"\n\
         [appservice]\nlisten = \"127.0.0.1:{appservice}\"\naddress = \"http://127.0.0.1:{appservice}\"\n"
    );
    fs::write(program.config_path(), text)?;
    program.cli(&["registration", "generate", "--out", "registration.yaml"]).await?;
    refuses(&program, 1, &[&format!("127.0.0.1:{homeserver}")]).await
}

#[tokio::test]
async fn wrong_usage_ends_with_2() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for arguments in [&["dance"][..], &["up", "--nonsense"], &["user", "create"]] {
        let output = e2e::program::Verb::bare(folder.path(), arguments).run().await?;
        ensure!(output.code == 2, "{arguments:?} ended with {}: {}", output.code, output.stderr);
    }
    Ok(())
}
