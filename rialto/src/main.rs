//! The program with the networks that come with it.

use std::process::ExitCode;

fn main() -> ExitCode {
    rialto::builder()
        .network(bridge_demo::KIND, bridge_demo::factory())
        .example(bridge_demo::KIND, bridge_demo::EXAMPLE)
        .network(bridge_irc::KIND, bridge_irc::factory())
        .example(bridge_irc::KIND, bridge_irc::EXAMPLE)
        .run()
}
