//! The verbs, with the server running and without.

use crate::program::Program;
use std::os::unix::fs::PermissionsExt;

#[test]
fn version_and_help_are_results() {
    let program = Program::without_config();
    assert_eq!(program.run("version").ok(), format!("rialto {}\n", env!("CARGO_PKG_VERSION")));
    let help = program.run("--help").ok();
    assert!(help.contains("Run everything the configuration names"), "{help}");
}

#[test]
fn wrong_usage_exits_2_and_names_the_nearest() {
    let program = Program::without_config();
    for args in ["", "nonsense", "user", "user create", "up --nonsense", "version --log-format xml"]
    {
        let ran = program.run(args);
        assert_eq!(ran.code, 2, "{args}: {ran:?}");
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{args}: {ran:?}");
    }
}

#[test]
fn wrong_configuration_exits_2_from_every_verb() {
    let program = Program::with_config("\n[homeserver]\nlisen = \"127.0.0.1:0\"\n");
    for args in ["up", "config check", "config show", "user list", "registration generate"] {
        let ran = program.run(args);
        assert_eq!(ran.code, 2, "{args}: {ran:?}");
        for words in ["rialto.toml", "line 3", "homeserver.lisen", "`listen`"] {
            assert!(ran.complaint().contains(words), "{args}: {ran:?}");
        }
    }
}

#[test]
fn configuration_may_be_named_after_any_verb() {
    let program = Program::without_config();
    program.write("other.toml", "data_dir = \"elsewhere\"\n");
    let shown = program.run("config show --config other.toml").ok();
    assert!(shown.contains("elsewhere"), "{shown}");
    program.run("user create alice --config other.toml").ok();
    assert!(program.folder().join("elsewhere/homeserver.db").exists());
    let ran = program.run("config check --config absent.toml");
    assert_eq!(ran.code, 2);
    assert!(ran.complaint().contains("absent.toml: there is no such file"), "{ran:?}");
}

#[test]
fn unknown_kind_of_network_is_refused() {
    let program = Program::with_config("[networks.x]\nkind = \"carrier-pigeon\"\n");
    let ran = program.run("config check");
    assert_eq!(ran.code, 2);
    assert!(ran.complaint().contains("line 2, key `networks.x.kind`"), "{ran:?}");
}

#[test]
fn example_is_a_configuration_of_the_defaults() {
    let program = Program::without_config();
    let defaults = program.run("config show").ok();
    let example = program.run("config example").ok();
    program.write("rialto.toml", &example);
    assert_eq!(program.run("config show").ok(), defaults);
    program.run("config check").ok();
    insta::assert_snapshot!(example);
}

#[test]
fn commented_keys_of_the_example_are_keys_too() {
    let program = Program::without_config();
    let example = program.run("config example").ok();
    let uncommented = example.lines().map(|line| {
        let key = line.strip_prefix("# ").filter(|rest| {
            rest.split_once(" = ").is_some_and(|(key, _)| {
                key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            })
        });
        key.unwrap_or(line)
    });
    program.write("rialto.toml", &uncommented.collect::<Vec<_>>().join("\n"));
    let shown = program.run("config show").ok();
    for key in ["shared_secret", "certificate", "public_url", "https://matrix.example.org"] {
        assert!(shown.contains(key), "{shown}");
    }
}

#[test]
fn every_network_of_the_example_is_one_with_all_its_keys() {
    let program = Program::without_config();
    let example = program.run("config example").ok();
    let networks = example.lines().skip_while(|line| !line.starts_with("# [networks."));
    // Only one of these can be given beside its like, and no such files are here.
    let apart = ["accept_invalid_certificates", "tls_ca_file", "password_file"];
    let uncommented = networks.filter_map(|line| {
        let line = line.strip_prefix("# ").unwrap_or(line);
        let key = line.strip_prefix("  # ").filter(|rest| {
            rest.split_once(" = ").is_some_and(|(key, _)| {
                key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            })
        });
        let line = key.unwrap_or(line);
        (!apart.iter().any(|key| line.starts_with(key))).then_some(line)
    });
    program.write("rialto.toml", &uncommented.collect::<Vec<_>>().join("\n"));
    program.run("config check").ok();
    let shown = program.run("config show").ok();
    for kind in ["demo", "irc"] {
        let section = format!("[networks.{}]", if kind == "irc" { "libera" } else { kind });
        let (_, shown) = shown.split_once(&section).expect("every network is in the example");
        for key in ["display_name", "relay_template", "media_link_hours"] {
            assert!(shown.contains(&format!("{key} = ")), "{kind} shows no {key}");
        }
    }
}

/// The same story twice: on the opened database, and through the running server.
fn accounts_are_managed(program: &Program) {
    let created =
        program.run_with_input("user create alice --admin --password-stdin", "secret pass\n");
    assert_eq!(created.ok(), "@alice:localhost\n");
    let again = program.run_with_input("user create alice --password-stdin", "x\n");
    assert_eq!(again.code, 1);
    assert!(again.complaint().contains("exists already"), "{again:?}");
    let bob = program.run("user create bob").ok();
    assert!(bob.starts_with("@bob:localhost\npassword: "), "{bob}");
    program.run_with_input("user password bob --password-stdin", "other pass").ok();
    program.run("user deactivate bob").ok();
    let list = program.run("user list").ok();
    assert_eq!(list, "@alice:localhost admin\n@bob:localhost deactivated\n");
    for args in ["user password nobody --password-stdin", "user deactivate nobody"] {
        let ran = program.run_with_input(args, "secret");
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.complaint().contains("no active user nobody"), "{ran:?}");
    }
    for name in ["_rialto_libera_x", "rialtobot", "Bad@Name"] {
        let ran = program.run_with_input(&format!("user create {name} --password-stdin"), "secret");
        assert_eq!(ran.code, 1, "{name} belongs to the bridges or is no name: {ran:?}");
    }
    let empty = program.run_with_input("user create carol --password-stdin", "\n");
    assert_eq!(empty.code, 2, "{empty:?}");
}

#[test]
fn accounts_are_managed_without_a_server() {
    accounts_are_managed(&Program::new());
}

#[test]
fn accounts_are_managed_through_the_running_server() {
    let program = Program::new();
    let up = program.up();
    accounts_are_managed(&program);
    assert_eq!(up.stop("-TERM").0, 0);
    let list = program.run("user list").ok();
    assert_eq!(list.lines().count(), 2, "and they are kept: {list}");
}

fn appservices_are_managed(program: &Program) {
    program.write(
        "irc.yaml",
        "id: irc\nurl: http://127.0.0.1:1\nas_token: a\nhs_token: h\nsender_localpart: ircbot\n\
         namespaces: {users: [{exclusive: true, regex: '@irc_.*'}]}\n",
    );
    assert_eq!(program.run("appservice add irc.yaml").ok(), "irc\n");
    let list = program.run("appservice list").ok();
    assert_eq!(list, "irc http://127.0.0.1:1 waiting=0\n");
    let taken = program.run_with_input("user create irc_x --password-stdin", "secret");
    assert_eq!(taken.code, 1, "{taken:?}");
    program.run("appservice remove irc").ok();
    assert_eq!(program.run("appservice list").ok(), "");
    let again = program.run("appservice remove irc");
    assert_eq!(again.code, 1);
    assert!(again.complaint().contains("no appservice irc"), "{again:?}");
    program.write("bad.yaml", "id: irc\n");
    let bad = program.run("appservice add bad.yaml");
    assert_eq!(bad.code, 1);
    assert!(bad.complaint().contains("bad.yaml"), "{bad:?}");
}

#[test]
fn appservices_are_managed_without_a_server() {
    appservices_are_managed(&Program::new());
}

#[test]
fn appservices_are_managed_through_the_running_server() {
    let program = Program::new();
    let up = program.up();
    appservices_are_managed(&program);
    program.run("appservice add irc.yaml").ok();
    up.kill();
    let list = program.run("appservice list").ok();
    assert!(list.starts_with("irc "), "what was added survives a crash: {list}");
}

#[test]
fn sign_up_tokens_are_minted() {
    let program = Program::new();
    let one = program.run("registration token create --uses 2").ok();
    let up = program.up();
    let two = program.run("registration token create").ok();
    assert!(!one.trim().is_empty() && one != two);
    assert_eq!(program.run("registration token create --uses 0").code, 2);
    drop(up);
}

const EXTERNAL: &str = "[homeserver]\nmode = \"external\"\nserver_name = \"example.org\"\n\
    url = \"https://matrix.example.org\"\n[appservice]\naddress = \"http://bridge:29300/\"\n";

#[test]
fn registration_for_an_external_homeserver_keeps_its_tokens() {
    let program = Program::with_config(EXTERNAL);
    let snippet = program.run("registration generate --out r.yaml").ok();
    assert!(snippet.contains("app_service_config_files:"), "{snippet}");
    let file = program.folder().join("r.yaml");
    assert!(snippet.contains(&file.canonicalize().unwrap().display().to_string()), "{snippet}");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let written = registration::Registration::read(&file).unwrap();
    assert_eq!(written.url.as_deref(), Some("http://bridge:29300"));
    assert_eq!(written.sender_localpart, "rialtobot");
    let matcher = written.matcher(ruma::server_name!("example.org")).unwrap();
    assert!(matcher.user(ruma::user_id!("@_rialto_libera_bob:example.org")).is_exclusive());
    assert!(matcher.alias(ruma::room_alias_id!("#_rialto_libera_x:example.org")).is_exclusive());
    let printed = program.run("registration generate").ok();
    assert!(printed.contains("app_service_config_files"), "{printed}");
    assert_eq!(registration::Registration::parse(&printed).unwrap(), written, "the same again");
    let ran = program.run("registration generate --out absent/r.yaml");
    assert_eq!(ran.code, 1, "{ran:?}");
}

#[test]
fn embedded_homeserver_needs_no_registration_and_an_external_one_manages_itself() {
    let ran = Program::new().run("registration generate");
    assert_eq!(ran.code, 2);
    assert!(ran.complaint().contains("homeserver.mode"), "{ran:?}");
    let ran = Program::with_config(EXTERNAL).run("user list");
    assert_eq!(ran.code, 2);
    assert!(ran.complaint().contains("homeserver.mode"), "{ran:?}");
}
