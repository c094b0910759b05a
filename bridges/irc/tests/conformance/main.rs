//! IRC against the conformance suite, on real servers: ngIRCd, the network with the fewest means, and
//! InspIRCd, on which messages have ids and lines have tags.

mod channel;
mod servers;
mod witness;

mod ngircd {
    use bridge_testkit::bridge_conformance;
    use bridge_testkit::peers::NgIrcd;

    use crate::channel::Channel;

    bridge_conformance!(Channel<NgIrcd>);
}

mod inspircd {
    use bridge_testkit::bridge_conformance;
    use bridge_testkit::peers::InspIrcd;

    use crate::channel::Channel;

    // What is different there. It takes a second to let anybody in, so the rest is left to ngIRCd.
    bridge_conformance!(Channel<InspIrcd>, only changes room people);
}
