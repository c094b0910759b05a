//! The small pieces every message passes: how long one takes, compared from change to change.

use std::hint::black_box;

use bridge_irc::wire::{Encoding, LineBudget, Message, split_text};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn parse_line(criterion: &mut Criterion) {
    let line = b"@time=2026-11-21T03:00:00.000Z;msgid=abc~1;account=alice :alice!a@host PRIVMSG #rialto :What news?";
    criterion.bench_function("irc: parse a tagged line", |bench| {
        bench.iter(|| Message::parse(black_box(line), Encoding::default()));
    });
}

fn split_long_text(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("irc: split a text");
    for length in [400, 3_000, 60_000] {
        let text = "Gondolière à l’Arsenal, ".chars().cycle().take(length).collect::<String>();
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(length.to_string(), |bench| {
            bench.iter(|| split_text(black_box(&text), LineBudget::bytes(420)));
        });
    }
    group.finish();
}

criterion_group!(pieces, parse_line, split_long_text);
criterion_main!(pieces);
