//! The size limits of the specification: 65,536 bytes for a whole event as federation sends it, 255 bytes
//! for each id in it.

use super::EventError;

/// The longest event, signatures included.
pub(crate) const MAX_EVENT_BYTES: usize = 65_535;

/// The longest sender, room id, state key, type and event id.
pub(crate) const MAX_ID_BYTES: usize = 255;

/// Refuses an id that is too long; `name` says which one it is.
pub(crate) fn check_identifier(name: &str, value: &str) -> Result<(), EventError> {
    if value.len() > MAX_ID_BYTES {
        return Err(EventError::TooLarge(format!(
            "The {name} is {} bytes long; {MAX_ID_BYTES} are allowed.",
            value.len()
        )));
    }
    Ok(())
}

/// Refuses an event that is too long as a whole.
pub(crate) fn check_event(json: &str) -> Result<(), EventError> {
    if json.len() > MAX_EVENT_BYTES {
        return Err(EventError::TooLarge(format!(
            "The event is {} bytes long with everything a server adds; {MAX_EVENT_BYTES} are allowed.",
            json.len()
        )));
    }
    Ok(())
}
