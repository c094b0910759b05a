//! `config example`: the commented configuration, written from the keys' own docs.

use super::{
    section::{Key, Mark},
    sections::EVERY_KEY,
};
use bridge_core::network::NetworkPolicy;
use std::fmt::Write;

/// Returns the example. Networks give their own examples: kind and text.
pub(crate) fn example(networks: &[(String, String)]) -> String {
    let mut text = String::from(
        "# Rialto's configuration, written by `rialto config example`.\n\
         # Every key may be left out; a key that is not commented out shows its default.\n\
         # Secrets may be kept in files of their own: KEY_file instead of KEY.\n",
    );
    for (section, keys) in EVERY_KEY {
        if !section.is_empty() {
            push(&mut text, "");
            docs(&mut text, section_docs(section));
            push(&mut text, &format!("[{section}]"));
        }
        for key in keys.iter().filter(|key| key.mark != Mark::Section) {
            push_key(&mut text, key);
        }
    }
    push(&mut text, "");
    docs(&mut text, section_docs("permissions"));
    push(&mut text, "[permissions]\n\"*\" = \"relay\"\n\"localhost\" = \"user\"");
    push(&mut text, "");
    docs(&mut text, section_docs("networks"));
    for (_, example) in networks {
        for line in example.lines().chain(NetworkPolicy::EXAMPLE.lines()) {
            push(&mut text, &if line.is_empty() { String::new() } else { format!("# {line}") });
        }
    }
    text
}

fn section_docs(section: &str) -> &'static [&'static str] {
    let (_, top) = EVERY_KEY[0];
    top.iter().find(|key| key.name == section).map(|key| key.docs).unwrap_or_default()
}

fn push_key(text: &mut String, key: &Key) {
    docs(text, key.docs);
    let hash = if key.mark == Mark::Plain { "" } else { "# " };
    push(text, &format!("{hash}{} = {}", key.name, key.shown));
}

fn docs(text: &mut String, docs: &[&str]) {
    for line in docs {
        push(text, &format!("#{line}"));
    }
}

fn push(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a text can always grow");
}
