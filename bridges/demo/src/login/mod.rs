//! The ways to log in: by name, which is enough, and one for every other kind of step there is, so that
//! whoever shows logins can be tried without a network.

mod elsewhere;
mod name;
mod password;

use std::time::Duration;

use bridge_core::network::{LoginFlow, LoginProcess, LoginRecord, LoginStep, NetworkError};
use support_clock::{SharedClock, SharedRandom};

pub(crate) use self::elsewhere::Doors;
use self::elsewhere::{ElsewhereLogin, What};
use self::name::NameLogin;
use self::password::PasswordLogin;
use crate::error::network_error;
use crate::metadata::LoginMetadata;
use crate::network::{DemoNetwork, Refused};

/// How long the gondolier takes to do what a login waits for.
const GONDOLIER: Duration = Duration::from_secs(3);

/// What a login is made of.
pub(crate) struct Entrance {
    pub(crate) network: DemoNetwork,
    pub(crate) doors: Doors,
    /// Whether the gondolier scans codes.
    pub(crate) gondolier: bool,
    pub(crate) clock: SharedClock,
    pub(crate) random: SharedRandom,
    /// Where the network's own pages are.
    pub(crate) pages: String,
}

const FLOWS: [(&str, &str, &str); 4] = [
    ("name", "By name", "Choose a name; there is no password."),
    (
        "password",
        "By password",
        "To try a form with a secret and a second one: the password is serenissima.",
    ),
    ("qr", "By QR code", "To try a picture that has to be scanned. The gondolier scans it."),
    ("page", "By web page", "To try a page that has to be opened."),
];

pub(crate) fn flows() -> Vec<LoginFlow> {
    let flow = |(id, name, description): (&str, &str, &str)| LoginFlow {
        id: id.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
    };
    FLOWS.into_iter().map(flow).collect()
}

impl Entrance {
    /// Begins a login.
    pub(crate) fn begin(
        self,
        flow: &str,
        owner: &str,
    ) -> Result<Box<dyn LoginProcess>, NetworkError> {
        Ok(match flow {
            "name" => Box::new(NameLogin::new(self.network, owner)),
            "password" => Box::new(PasswordLogin::new(self.network)),
            "qr" => Box::new(ElsewhereLogin::new(self, What::Code, owner)),
            "page" => Box::new(ElsewhereLogin::new(self, What::Page, owner)),
            other => {
                let words = format!("There is no way to log in called {other}.");
                return Err(NetworkError::Invalid(words));
            }
        })
    }
}

/// Makes or enters an account: the end of every login.
fn arrive(network: &DemoNetwork, account: String) -> Result<LoginStep, NetworkError> {
    let since = network.sign_up(&account).map_err(refused)?;
    let metadata = LoginMetadata { account: account.clone(), since };
    let record = LoginRecord {
        remote_id: account.clone(),
        name: account,
        metadata: metadata.to_value(),
        secret: None,
    };
    let instructions = "`join` takes you to a chat; `lobby` is always there.".to_owned();
    Ok(LoginStep::Complete { instructions, record })
}

/// Returns what somebody is called where nothing else is given.
fn name_of(owner: &str) -> &str {
    owner.trim_start_matches('@').split(':').next().unwrap_or_default()
}

/// A name that does not do is a wrong answer: the person is asked again.
fn refused(refused: Refused) -> NetworkError {
    match refused {
        Refused::Because(why) => NetworkError::Invalid(format!("That does not work: {why}.")),
        other => network_error(other),
    }
}
