//! NewNet against the conformance suite: how its other side is started, speaks and hears.

use bridge_core::network::NetworkFactory;
use bridge_newnet::{NewNet, factory_for};
use bridge_testkit::conformance::{Act, Done, Harness, Heard, Seen};
use bridge_testkit::{async_trait, bridge_conformance};

struct OtherSide(NewNet);

#[async_trait]
impl Harness for OtherSide {
    async fn start() -> Self {
        OtherSide(NewNet::default())
    }

    fn factory(&self) -> NetworkFactory {
        factory_for(self.0.clone())
    }

    async fn does(&self, who: &str, chat: &str, act: Act) -> Done {
        match act {
            Act::Say(words) if words.is_plain() => {
                Done::Message(self.0.says(who, chat, &words.text).to_string())
            }
            Act::Come => {
                self.0.comes(who, chat);
                // The network does not tell of it, so nobody is seen to come.
                Done::No
            }
            _ => Done::No,
        }
    }

    async fn sees(&self, chat: &str) -> Seen {
        let said = self.0.said_in(chat).into_iter().map(|said| Heard::text(said.by, said.text));
        Seen { said: said.collect(), ..Seen::default() }
    }
}

bridge_conformance!(OtherSide);
