//! `/sync`: tokens, answers and the long poll.
#[derive(Debug, Default)]
pub(crate) struct Waiters;
impl Waiters {
    pub(crate) fn new() -> Self {
        Self
    }
    pub(crate) fn wake_user(&self, _user_id: &ruma::UserId) {}
}
