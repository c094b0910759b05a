//! How logins of a network behave, as the operator wants it.

use std::time::Duration;

/// Whose coming and going is shown in rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MemberSync {
    /// People come in when they talk and stay.
    Off,
    /// People come in when they talk and leave when they leave.
    Lazy,
    /// People come in when they talk or join, and leave when they leave.
    Half,
    /// Everybody in the channel is in the room.
    #[default]
    Full,
}

impl MemberSync {
    /// Reads the configuration's word.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "off" => Some(Self::Off),
            "lazy" => Some(Self::Lazy),
            "half" => Some(Self::Half),
            "full" => Some(Self::Full),
            _ => None,
        }
    }

    /// Whether joins are shown.
    pub(crate) fn shows_joins(self) -> bool {
        matches!(self, Self::Half | Self::Full)
    }

    /// Whether leaves are shown. Of people who never came in there is nothing to show.
    pub(crate) fn shows_leaves(self) -> bool {
        self != Self::Off
    }

    /// Whether everybody who is there is shown.
    pub(crate) fn shows_everybody(self) -> bool {
        self == Self::Full
    }
}

/// What a network's configuration says about the behaviour of its logins.
#[derive(Debug, Clone)]
pub struct Habits {
    /// Whose coming and going is shown.
    pub members: MemberSync,
    /// Longest text that is sent, in IRC lines.
    pub max_lines: usize,
    /// How long people lost in a netsplit may take to come back before they are shown as gone.
    pub netsplit_hold: Duration,
    /// How long a line waits for its successors, to become one message with them; zero: not at all.
    pub merge_lines: Duration,
    /// What is answered to CTCP VERSION; `None`: no CTCP request is answered.
    pub ctcp_version: Option<String>,
    /// After how long without a word from Matrix a login is marked as away.
    pub away_after: Option<Duration>,
    /// What it says then.
    pub away_message: String,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            members: MemberSync::default(),
            max_lines: 50,
            netsplit_hold: Duration::from_secs(60),
            merge_lines: Duration::ZERO,
            ctcp_version: Some("Rialto".to_owned()),
            away_after: None,
            away_message: "Not at the keyboard".to_owned(),
        }
    }
}
