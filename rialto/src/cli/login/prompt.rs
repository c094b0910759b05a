//! Asking a person at a terminal. Questions go to standard error; an answer is a line of standard input, and a secret is
//! not shown while it is typed.

use super::{Field, WHAT};
use crate::{admin::Hidden, failure::Failure};
use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, IsTerminal as _, Write as _},
};

/// Answers given on the command line.
pub(super) struct Given(BTreeMap<String, Hidden>);

impl Given {
    pub(super) fn parse(answers: &[String]) -> Result<Given, Failure> {
        let mut given = BTreeMap::new();
        for answer in answers {
            // The answer is not quoted: it may be a secret.
            let (key, value) = answer.split_once('=').ok_or_else(|| {
                Failure::usage(WHAT, "an answer has no `=`", "Give answers as KEY=VALUE")
            })?;
            given.insert(key.to_owned(), Hidden::from(value.to_owned()));
        }
        Ok(Given(given))
    }

    pub(super) fn get(&self, key: &str) -> Option<Hidden> {
        self.0.get(key).cloned()
    }
}

/// Says something to the person. Without standard error nobody is there to be told.
pub(super) fn show(words: &str) {
    if !words.is_empty() {
        writeln!(io::stderr().lock(), "{words}").ok();
    }
}

/// Asks for a line; `None` at the end of input.
pub(super) fn line(question: &str) -> Option<String> {
    let mut err = io::stderr().lock();
    write!(err, "{question}: ").and_then(|()| err.flush()).ok();
    drop(err);
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line).ok()?;
    (read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Asks for one field of a form. `None`: it may be left out, and is.
pub(super) fn ask(field: &Field) -> Result<Option<Hidden>, Failure> {
    if !field.description.is_empty() {
        show(&field.description);
    }
    if !field.options.is_empty() {
        show(&format!("One of: {}", field.options.join(", ")));
    }
    let optional = if field.optional { " (may be left out)" } else { "" };
    let question = format!("{}{optional}", field.name);
    let is_secret = matches!(field.kind.as_str(), "password" | "token" | "2fa_code");
    let answer = if is_secret && io::stdin().is_terminal() {
        rpassword::prompt_password(format!("{question}: ")).ok()
    } else {
        line(&question)
    };
    match answer.filter(|answer| !answer.is_empty()) {
        Some(answer) => Ok(Some(Hidden::from(answer))),
        None if field.optional => Ok(None),
        None => Err(Failure::usage(
            WHAT,
            format!("`{}` is missing", field.id),
            format!("Answer it, or give it as {}=VALUE", field.id),
        )),
    }
}
