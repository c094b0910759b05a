//! Which names people may have. Appservices have more freedom: historic user ids contain almost anything.

use ruma::{OwnedUserId, ServerName, UserId};
use support_matrix_http::MatrixError;

/// The longest user id, sigil and server name included.
const LONGEST: usize = 255;
/// The longest password, in bytes.
const LONGEST_PASSWORD: usize = 512;

/// Refuses what cannot be an id that a client makes up, such as that of a device or a transaction, or a short name: it is
/// kept and compared as a whole, so it has a length and no NUL. `what` says which it is.
pub(crate) fn check_opaque(what: &str, value: &str) -> Result<(), MatrixError> {
    if value.len() <= LONGEST && !value.contains('\0') {
        return Ok(());
    }
    let words = format!("The {what} has to be at most {LONGEST} bytes long, without NUL.");
    Err(MatrixError::invalid_param(words))
}

/// Refuses a password so long that hashing it would be work.
pub(crate) fn check_new_password(password: &str) -> Result<(), MatrixError> {
    if password.len() <= LONGEST_PASSWORD {
        return Ok(());
    }
    let words = format!("A password has at most {LONGEST_PASSWORD} bytes.");
    Err(MatrixError::invalid_param(words))
}

/// Makes the user id a person asks for. Capitals are folded, as clients and people expect.
pub(crate) fn make_user_id(
    localpart: &str,
    server_name: &ServerName,
) -> Result<OwnedUserId, MatrixError> {
    let localpart = localpart.to_lowercase();
    let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '=' | '-' | '/' | '+');
    if localpart.is_empty() {
        return Err(MatrixError::invalid_username("A user name needs at least one character."));
    }
    if !localpart.chars().all(allowed) {
        return Err(MatrixError::invalid_username(
            "A user name may contain only a-z, 0-9 and the characters . _ = - / +",
        ));
    }
    if localpart.starts_with('_') {
        return Err(MatrixError::invalid_username(
            "A user name may not begin with _: such names belong to bridges.",
        ));
    }
    make_any(&localpart, server_name)
}

/// Makes the user id an appservice asks for.
pub(crate) fn make_ghost_id(
    localpart: &str,
    server_name: &ServerName,
) -> Result<OwnedUserId, MatrixError> {
    let printable = |c: char| !c.is_control() && c != ':';
    if localpart.is_empty() || !localpart.chars().all(printable) {
        return Err(MatrixError::invalid_username("This cannot be the local part of a user id."));
    }
    make_any(localpart, server_name)
}

fn make_any(localpart: &str, server_name: &ServerName) -> Result<OwnedUserId, MatrixError> {
    let whole = format!("@{localpart}:{server_name}");
    if whole.len() > LONGEST {
        return Err(MatrixError::invalid_username("The user id would be longer than 255 bytes."));
    }
    UserId::parse(whole)
        .map_err(|_| MatrixError::invalid_username("This cannot be the local part of a user id."))
}

#[cfg(test)]
mod tests {
    use ruma::server_name;

    use super::*;

    #[test]
    fn capitals_are_folded() {
        let id = make_user_id("Alice", server_name!("hs.test")).unwrap();
        assert_eq!(id, "@alice:hs.test");
    }

    #[test]
    fn impossible_names_are_refused_with_their_code() {
        for name in ["", "_ghost", "white space", "häschen", "a:b", "@a", &"a".repeat(250)] {
            let error = make_user_id(name, server_name!("hs.test")).unwrap_err();
            assert_eq!(error.errcode, "M_INVALID_USERNAME", "{name}");
        }
    }

    #[test]
    fn ghosts_may_have_historic_names() {
        let id = make_ghost_id("_irc_Some|Nick^", server_name!("hs.test")).unwrap();
        assert_eq!(id, "@_irc_Some|Nick^:hs.test");
        assert!(make_ghost_id("a:b", server_name!("hs.test")).is_err());
    }
}
