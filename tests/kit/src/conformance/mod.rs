//! The conformance suite: what every bridge promises, as named tests.
//!
//! A bridge's author says how the network's other side is started, acts and sees (a [`Harness`]); the
//! suite reads from the bridge's own capability table what is to be expected of it. What is declared
//! must be carried both ways; what is not must be refused or turned into words, and the sender told.
//! So every test applies to every bridge, and says what it has shown.
//!
//! ```no_run
//! use bridge_testkit::conformance::{Act, Done, Harness, Heard, Seen};
//! use bridge_testkit::{async_trait, bridge_conformance};
//! # use bridge_demo::DemoNetwork as Server;
//! # use bridge_demo::factory_for;
//! # use bridge_core::network::NetworkFactory;
//!
//! struct Mine(Server);
//!
//! #[async_trait]
//! impl Harness for Mine {
//!     async fn start() -> Self {
//!         Mine(Server::new(bridge_testkit::clock()))
//!     }
//!     fn factory(&self) -> NetworkFactory {
//!         factory_for(self.0.clone())
//!     }
//!     async fn does(&self, who: &str, chat: &str, act: Act) -> Done {
//!         let Act::Say(words) = act else { return Done::No };
//!         Done::Message(self.0.says(who, chat, &words.text).to_string())
//!     }
//!     async fn sees(&self, chat: &str) -> Seen {
//!         let said = self.0.said_in(chat).into_iter();
//!         Seen { said: said.map(|said| Heard::text(said.by, said.text)).collect(), ..Seen::default() }
//!     }
//! }
//!
//! bridge_conformance!(Mine);
//! ```
//!
//! For one network and all its tests the macro expands to
//!
//! ```ignore
//! #[test]
//! fn text_from_matrix() {
//!     bridge_testkit::conformance::run::<Mine>(env!("CARGO_PKG_NAME"), "text_from_matrix");
//! }
//! // and so on, one for each name of the catalogue
//! ```

mod checks;
mod demo;
mod harness;
mod list;
mod stage;
mod verdict;
mod watch;

use std::sync::Arc;
use std::time::Duration;

pub use self::demo::DemoHarness;
pub use self::harness::{Act, Done, File, Harness, Heard, Mishap, Seen, Trouble, Words};
pub use self::list::{Check, catalogue, find};
pub use self::stage::Stage;
pub use self::verdict::{RESULTS, Shown};

/// How long anything is waited for: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs one check of the catalogue against a network of its own, and writes down what it has shown.
///
/// # Panics
/// If the bridge does not keep what the check asks for.
pub fn run<H: Harness>(package: &str, name: &str) {
    if let Some(missing) = H::missing() {
        let all = std::env::var("RIALTO_TEST_REQUIRE_ALL").is_ok_and(|value| value == "1");
        assert!(!all, "{missing}");
        say(&format!("{name}: not played: {missing}"));
        return;
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("the runtime starts");
    let check = find(name).expect("the macro knows the catalogue's names only");
    let shown = runtime.block_on(async {
        let harness: Arc<dyn Harness> = Arc::new(H::start().await);
        check.run(Stage::open(harness, PATIENCE).await).await
    });
    runtime.shutdown_background();
    verdict::record(package, H::variant(), check, shown);
    say(&format!("{name}: {shown}"));
}

#[expect(clippy::print_stdout, reason = "shown with a test's output: what a pass has shown")]
fn say(words: &str) {
    println!("{words}");
}
