//! `rialto demo`: the first thing anybody does.

use crate::program::Program;
use std::io::{BufRead, BufReader};

#[test]
fn demo_shows_messages_crossing_both_ways_and_leaves_nothing_behind() {
    let program = Program::without_config();
    let mut demo = program.spawn("demo");
    // The end of input does not end it.
    drop(demo.child.stdin.take());
    let mut lines = BufReader::new(demo.child.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    let url = next();
    assert!(url.starts_with("url: http://127.0.0.1:"), "{url}");
    assert!(next().starts_with("user: "));
    assert!(next().starts_with("password: "));
    let (mut to_network, mut from_network) = (None, None);
    while to_network.is_none() || from_network.is_none() {
        let line = next();
        match line.chars().next() {
            Some('→') => to_network = Some(line),
            Some('←') => from_network = Some(line),
            _ => panic!("not a crossing: {line}"),
        }
    }
    assert!(to_network.unwrap().contains("Hello from Matrix!"));
    assert_eq!(demo.end("-TERM"), 0);
    assert_eq!(std::fs::read_dir(program.folder()).unwrap().count(), 0);
}

#[test]
fn demo_listens_where_it_is_told() {
    let program = Program::without_config();
    let ran = program.run("demo --listen nowhere");
    assert_eq!(ran.code, 2, "{ran:?}");
    let mut demo = program.spawn("demo --listen 127.0.0.1:0");
    let mut lines = BufReader::new(demo.child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("url: "));
    // Also before the newcomer has said hello.
    assert_eq!(demo.end("-INT"), 0);
}
