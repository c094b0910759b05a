//! `rialto user ...`

use super::{orders, say};
use crate::{
    admin::{Answer, Hidden, Order, UserLine},
    config::Config,
    failure::Failure,
};
use clap::Subcommand;
use std::io::Read;
use support_clock::{OsRandom, Random};

#[derive(Debug, Subcommand)]
pub(super) enum UserVerb {
    /// Make an account; without --password-stdin a password is made up and printed
    Create {
        /// The user name
        name: String,
        /// Allow administrative endpoints
        #[arg(long)]
        admin: bool,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Give an account another password and sign all its devices out
    Password {
        /// The user name
        name: String,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// List all accounts
    List,
    /// Close an account for good
    Deactivate {
        /// The user name
        name: String,
    },
}

pub(super) async fn run(verb: UserVerb, config: &Config) -> Result<(), Failure> {
    match verb {
        UserVerb::Create { name, admin, password_stdin } => {
            let password = Password::get(password_stdin)?;
            let order = Order::CreateUser { name, admin, password: password.hidden() };
            print(orders::carry_out(config, order).await?)?;
            password.print()
        }
        UserVerb::Password { name, password_stdin } => {
            let password = Password::get(password_stdin)?;
            let order = Order::SetPassword { name, password: password.hidden() };
            print(orders::carry_out(config, order).await?)?;
            password.print()
        }
        UserVerb::List => print(orders::carry_out(config, Order::ListUsers).await?),
        UserVerb::Deactivate { name } => {
            print(orders::carry_out(config, Order::DeactivateUser { name }).await?)
        }
    }
}

/// A password the person knows, or one that has to be told.
enum Password {
    Given(Hidden),
    MadeUp(Hidden),
}

impl Password {
    fn get(from_stdin: bool) -> Result<Password, Failure> {
        if from_stdin { read_stdin().map(Password::Given) } else { Ok(Password::make_up()) }
    }

    fn make_up() -> Password {
        Password::MadeUp(Hidden::from(OsRandom.token(18)))
    }

    fn hidden(&self) -> Hidden {
        match self {
            Password::Given(password) | Password::MadeUp(password) => password.clone(),
        }
    }

    fn print(&self) -> Result<(), Failure> {
        match self {
            Password::Given(_) => Ok(()),
            Password::MadeUp(password) => say(&format!("password: {}", password.expose())),
        }
    }
}

/// Reads a password; one newline at its end is not part of it.
fn read_stdin() -> Result<Hidden, Failure> {
    let what = "no password was read";
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text).map_err(|error| {
        Failure::usage(what, format!("standard input: {error}"), "Give the password as UTF-8 text")
    })?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        let todo = "Write the password to it, as in `printf %s PASSWORD | rialto user create NAME --password-stdin`";
        return Err(Failure::usage(what, "standard input is empty", todo));
    }
    Ok(Hidden::from(password.to_owned()))
}

fn print(answer: Answer) -> Result<(), Failure> {
    match answer {
        Answer::Text(user_id) => say(&user_id),
        Answer::Users(users) => users.iter().try_for_each(|user| say(&line(user))),
        Answer::Done | Answer::Appservices(_) | Answer::Provisioned { .. } | Answer::Journal(_) => {
            Ok(())
        }
    }
}

fn line(user: &UserLine) -> String {
    let mut line = user.user_id.clone();
    if user.admin {
        line.push_str(" admin");
    }
    if user.deactivated {
        line.push_str(" deactivated");
    }
    line
}
