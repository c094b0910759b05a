//! Registrations that cannot live on one homeserver together.

use crate::{Matcher, Registration, RegistrationError};
use ruma::ServerName;

/// Two registrations in each other's way. The indices are those of the slice given to [`find_clashes`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Clash {
    /// Both have the same name.
    #[error("two registrations have the id `{id}`; ids have to be unique")]
    SameId {
        /// The two.
        pair: (usize, usize),
        /// Their name.
        id: String,
    },
    /// Nobody could tell which of the two is speaking.
    #[error("the registrations `{first}` and `{second}` have the same as_token; generate one anew")]
    SameToken {
        /// The two.
        pair: (usize, usize),
        /// The name of the first.
        first: String,
        /// The name of the second.
        second: String,
    },
    /// The account of one belongs to the other alone.
    #[error(
        "the account {sender} of `{first}` belongs to the exclusive users of `{second}`; change one of them"
    )]
    Sender {
        /// The two.
        pair: (usize, usize),
        /// The name of the one whose account it is.
        first: String,
        /// The name of the one who claims it.
        second: String,
        /// The account.
        sender: String,
    },
    /// The same users or aliases belong to both alone.
    #[error("the registrations `{first}` and `{second}` both claim `{regex}` exclusively")]
    SameNamespace {
        /// The two.
        pair: (usize, usize),
        /// The name of the first.
        first: String,
        /// The name of the second.
        second: String,
        /// What they claim.
        regex: String,
    },
}

/// Compares every registration with every other one.
///
/// Whether two different patterns can match the same id is not computed; who registers the id first then has it.
pub fn find_clashes(
    registrations: &[Registration],
    server_name: &ServerName,
) -> Result<Vec<Clash>, RegistrationError> {
    let matchers = registrations
        .iter()
        .map(|registration| registration.matcher(server_name))
        .collect::<Result<Vec<_>, _>>()?;
    let known: Vec<_> = registrations.iter().zip(&matchers).enumerate().collect();
    let mut clashes = Vec::new();
    for (position, one) in known.iter().enumerate() {
        for other in &known[position + 1..] {
            compare(*one, *other, &mut clashes);
        }
    }
    Ok(clashes)
}

type Known<'a> = (usize, (&'a Registration, &'a Matcher));

fn compare(one: Known<'_>, other: Known<'_>, clashes: &mut Vec<Clash>) {
    let ((index, (first, _)), (other_index, (second, _))) = (one, other);
    let pair = (index, other_index);
    let names = || (first.id.clone(), second.id.clone());
    if first.id == second.id {
        clashes.push(Clash::SameId { pair, id: first.id.clone() });
    }
    if first.as_token == second.as_token {
        let (first, second) = names();
        clashes.push(Clash::SameToken { pair, first, second });
    }
    if let Some(clash) = sender_claimed(one, other).or_else(|| sender_claimed(other, one)) {
        clashes.push(clash);
    }
    for regex in shared_patterns(first, second) {
        let (first, second) = names();
        clashes.push(Clash::SameNamespace { pair, first, second, regex });
    }
}

fn sender_claimed(owner: Known<'_>, claimer: Known<'_>) -> Option<Clash> {
    let ((index, (first, owner)), (other_index, (second, claimer))) = (owner, claimer);
    claimer.user(owner.sender()).is_exclusive().then(|| Clash::Sender {
        pair: (index, other_index),
        first: first.id.clone(),
        second: second.id.clone(),
        sender: owner.sender().to_string(),
    })
}

fn shared_patterns(first: &Registration, second: &Registration) -> Vec<String> {
    let exclusive = |registration: &Registration| -> Vec<String> {
        let namespaces = &registration.namespaces;
        let all = namespaces.users.iter().chain(&namespaces.aliases);
        all.filter(|namespace| namespace.exclusive).map(|one| one.regex.clone()).collect()
    };
    let theirs = exclusive(second);
    exclusive(first).into_iter().filter(|regex| theirs.contains(regex)).collect()
}
