//! What goes wrong on the network, on demand.

use super::DemoNetwork;

/// What goes wrong with a send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The message arrives, its answer does not.
    AnswerLost,
    /// The message is refused for this reason.
    Refused(String),
    /// The network asks to wait.
    Busy(std::time::Duration),
}

impl DemoNetwork {
    /// Takes the network away, or brings it back.
    pub fn set_reachable(&self, reachable: bool) {
        self.change(|world, _| world.reachable = reachable);
    }

    /// Deletes an account: its logins are no longer accepted.
    pub fn delete_account(&self, account: &str) {
        self.change(|world, _| world.delete_account(account));
    }

    /// Has the network lose every file there is.
    pub fn forget_files(&self) {
        self.change(|world, _| world.forget_files());
    }

    /// Makes a coming send go wrong; several are taken one after the other.
    pub fn fail_next(&self, fault: Fault) {
        self.world().faults.push_back(fault);
    }
}
