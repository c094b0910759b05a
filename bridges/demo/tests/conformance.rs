//! The demo network against the conformance suite.

bridge_testkit::bridge_conformance!(bridge_testkit::conformance::DemoHarness);
