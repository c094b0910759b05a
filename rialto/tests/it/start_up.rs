//! When it does not start, it says why in words of its own.

use crate::program::Program;
use std::{net::TcpListener, os::unix::fs::PermissionsExt};

#[test]
fn taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let program = Program::with_config(&format!("[homeserver]\nlisten = \"{address}\"\n"));
    let ran = program.run("up");
    assert_eq!(ran.code, 1);
    let complaint = ran.complaint();
    assert!(complaint.contains(&format!("{address} is taken")), "{complaint}");
    assert!(complaint.contains("homeserver.listen"), "{complaint}");
}

#[test]
fn address_of_another_machine_is_named() {
    let ran = Program::with_config("[homeserver]\nlisten = \"192.0.2.1:0\"\n").run("up");
    assert_eq!(ran.code, 1);
    assert!(ran.complaint().contains("no address of this machine"), "{ran:?}");
}

#[test]
fn second_server_on_the_same_folder_names_the_first() {
    let program = Program::new();
    let up = program.up();
    let ran = program.run("up");
    assert_eq!(ran.code, 1);
    assert!(ran.complaint().contains("is in use by another Rialto (rialto pid"), "{ran:?}");
    assert_eq!(up.stop("-TERM").0, 0);
    assert_eq!(program.up().stop("-INT").0, 0, "the folder is free again");
}

#[test]
fn killed_server_leaves_nothing_in_the_way() {
    let program = Program::new();
    program.up().kill();
    program.run_with_input("user create alice --password-stdin", "secret\n").ok();
    assert_eq!(program.up().stop("-TERM").0, 0);
}

#[test]
fn data_folder_that_cannot_be_made_is_named() {
    let program = Program::with_config("data_dir = \"file/below\"\n");
    program.write("file", "");
    let ran = program.run("up");
    assert_eq!(ran.code, 1);
    assert!(ran.complaint().starts_with("cannot use the data folder: "), "{ran:?}");
    // Root may write everywhere, so where a folder cannot be made for anybody stands in for missing rights.
    let ran = Program::with_config("data_dir = \"/proc/rialto\"\n").run("up");
    assert_eq!(ran.code, 1);
    assert!(ran.complaint().starts_with("cannot use the data folder: "), "{ran:?}");
}

#[test]
fn full_disk_is_named() {
    let full = std::path::Path::new("/dev/full");
    let error = std::fs::write(full, "x").unwrap_err();
    let words = rialto::Failure::file("cannot write a file", full, &error).to_string();
    assert!(words.contains("the disk of /dev/full is full"), "{words}");
}

#[test]
fn data_folder_is_private_and_so_are_its_files() {
    let program = Program::new();
    assert_eq!(program.up().stop("-TERM").0, 0);
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&program.data("")), 0o700);
    for name in ["registration.yaml", "double-puppets.yaml", "instance.lock"] {
        assert_eq!(mode(&program.data(name)), 0o600, "{name}");
    }
}

#[test]
fn changed_server_name_is_refused() {
    let program = Program::new();
    program.run("user create alice").ok();
    program.write(
        "rialto.toml",
        "[homeserver]\nlisten = \"127.0.0.1:0\"\nserver_name = \"other.org\"\n",
    );
    let ran = program.run("up");
    assert_eq!(ran.code, 1);
    let complaint = ran.complaint();
    for words in ["server_name", "localhost", "other.org"] {
        assert!(complaint.contains(words), "{complaint}");
    }
}

#[test]
fn damaged_database_is_named() {
    let program = Program::new();
    program.run("user create alice").ok();
    std::fs::write(program.data("homeserver.db"), "this is no database, and it never was one")
        .unwrap();
    let ran = program.run("up");
    assert_eq!(ran.code, 1);
    assert!(ran.complaint().contains("homeserver.db"), "{ran:?}");
}

#[test]
fn unreachable_postgres_is_named_without_its_password() {
    let program = Program::with_config(
        "[homeserver]\nlisten = \"127.0.0.1:0\"\n[database]\nurl = \"postgres://u:s3cret@127.0.0.1:1/d\"\n",
    );
    let ran = program.run("up");
    assert_eq!(ran.code, 1);
    assert!(ran.complaint().contains("cannot be reached"), "{ran:?}");
    assert!(!ran.err.contains("s3cret"), "{ran:?}");
}

#[test]
fn registration_files_are_checked_at_start() {
    let text = "[homeserver]\nlisten = \"127.0.0.1:0\"\nappservices = [\"a.yaml\", \"b.yaml\"]\n";
    let program = Program::with_config(text);
    let ran = program.run("up");
    assert_eq!(ran.code, 2);
    assert!(ran.complaint().contains("a.yaml: there is no such file"), "{ran:?}");
    let file = |id: &str, sender: &str, as_token: &str| {
        format!(
            "id: {id}\nurl: null\nas_token: {as_token}\nhs_token: h\nsender_localpart: {sender}\nnamespaces: {{}}\n"
        )
    };
    program.write("a.yaml", &file("a", "abot", "same"));
    program.write("b.yaml", &file("b", "bbot", "same"));
    for verb in ["up", "config check"] {
        let ran = program.run(verb);
        assert_eq!(ran.code, 2, "{ran:?}");
        for words in ["a.yaml", "b.yaml", "same as_token"] {
            assert!(ran.complaint().contains(words), "{ran:?}");
        }
    }
    program.write("b.yaml", &file("b", "_rialto_libera_x", "other"));
    let ran = program.run("up");
    assert_eq!(ran.code, 2, "it is in the way of the bridges: {ran:?}");
    assert!(ran.complaint().contains("_rialto_libera_x"), "{ran:?}");
}

fn certificate() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

#[test]
fn certificate_and_key_that_do_not_match_are_refused() {
    let text = "[homeserver]\nlisten = \"127.0.0.1:0\"\ntls = { certificate = \"c.pem\", key = \"k.pem\" }\n";
    let program = Program::with_config(text);
    let ran = program.run("config check");
    assert_eq!(ran.code, 2);
    assert!(ran.complaint().contains("c.pem"), "{ran:?}");
    let ((certificate, key), (_, other_key)) = (certificate(), certificate());
    program.write("c.pem", &certificate);
    program.write("k.pem", &other_key);
    for verb in ["up", "config check"] {
        let ran = program.run(verb);
        assert_eq!(ran.code, 2);
        assert!(ran.complaint().contains("do not match"), "{ran:?}");
    }
    program.write("k.pem", &key);
    program.run("config check").ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn server_answers_over_tls() {
    use bytes::Bytes;
    use support_matrix_http::{HttpTransport, SocketOptions, SocketTransport};
    let text = "[homeserver]\nlisten = \"127.0.0.1:0\"\ntls = { certificate = \"c.pem\", key = \"k.pem\" }\n";
    let program = Program::with_config(text);
    let (certificate, key) = certificate();
    program.write("c.pem", &certificate);
    program.write("k.pem", &key);
    let up = program.up();
    let base = format!("https://{}", up.address).parse().unwrap();
    let request = || http::Request::get("/_matrix/client/versions").body(Bytes::new()).unwrap();
    let trusting = SocketOptions { accept_invalid_certificates: true, ..SocketOptions::default() };
    let trusting = SocketTransport::new(&base, trusting).unwrap();
    assert_eq!(trusting.call(request()).await.unwrap().status(), 200);
    let strict = SocketTransport::new(&base, SocketOptions::default()).unwrap();
    assert!(strict.call(request()).await.is_err(), "nobody vouches for this certificate");
    drop((trusting, strict));
    assert_eq!(up.stop("-TERM").0, 0);
}
