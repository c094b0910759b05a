//! The suite bites: deliberately broken demo networks, each of which must fail the checks named here,
//! with the words given here, and no other of those it plays.
//!
//! In the test command each network plays the checks that must fail and a few that must not; with
//! `RIALTO_TEETH=all` it plays the whole catalogue.

mod broken;
mod cases;
mod faults;

use std::sync::Arc;
use std::time::Duration;

use bridge_testkit::conformance::{Check, DemoHarness, Harness, Stage, catalogue, find};

use tokio_util::task::TaskTracker;

use crate::broken::Broken;
use crate::cases::{Case, cases};
use crate::faults::Fault;

/// What comes at all comes sooner, except on a busy machine: whatever does not go as expected is
/// played again with more patience.
const PATIENCE: Duration = Duration::from_secs(2);
const MORE_PATIENCE: Duration = Duration::from_secs(40);

/// Checks every broken network passes unless its case says otherwise: it is broken in one place.
const STILL: [&str; 2] = ["every_message_has_a_status", "help_names_the_network"];

/// Plays one check against a broken network; returns why it failed.
async fn play(fault: Fault, check: &Check, patience: Duration) -> Result<(), String> {
    let harness: Arc<dyn Harness> = Arc::new(Broken::new(DemoHarness::start().await, fault));
    let check = *check;
    let playing = TaskTracker::new().spawn(async move {
        check.run(Stage::open(harness, patience).await).await;
    });
    match playing.await {
        Ok(()) => Ok(()),
        Err(ended) => {
            let panic = ended.into_panic();
            let words = panic.downcast_ref::<String>().cloned();
            let words =
                words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()));
            Err(words.unwrap_or_else(|| "without words".to_owned()))
        }
    }
}

/// Which checks a case plays.
fn played(case: &Case) -> Vec<&'static Check> {
    if std::env::var("RIALTO_TEETH").is_ok_and(|asked| asked == "all") {
        return catalogue().iter().collect();
    }
    let failing = case.fails.iter().map(|(name, _)| *name);
    let names = failing.chain(STILL);
    names.map(|name| find(name).unwrap_or_else(|| panic!("{name} is no check"))).collect()
}

/// A check that is to fail, and words of its failure.
type Expected = (&'static str, &'static str);

fn is_expected(expected: Option<&Expected>, came: &Result<(), String>) -> bool {
    match (expected, came) {
        (None, Ok(())) => true,
        (Some((_, words)), Err(why)) => why.contains(words),
        _ => false,
    }
}

/// Plays a case and says what went otherwise than it should.
async fn bite(case: &Case) -> Vec<String> {
    let mut wrong = Vec::new();
    for check in played(case) {
        let expected = case.fails.iter().find(|(name, _)| *name == check.name);
        let mut came = play(case.fault, check, PATIENCE).await;
        if !is_expected(expected, &came) {
            came = play(case.fault, check, MORE_PATIENCE).await;
        }
        if is_expected(expected, &came) {
            continue;
        }
        match (expected, came) {
            (None, Ok(())) => {}
            (None, Err(why)) => wrong.push(format!("{} should pass: {why}", check.name)),
            (Some(_), Ok(())) => wrong.push(format!("{} should fail, and passes", check.name)),
            (Some((_, words)), Err(why)) => {
                wrong.push(format!("{} should fail with {words:?}, not: {why}", check.name));
            }
        }
    }
    wrong
}

fn run(name: &str) {
    let case = cases().into_iter().find(|case| case.name == name);
    let case = case.unwrap_or_else(|| panic!("{name} is no case"));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("the runtime starts");
    let wrong = runtime.block_on(bite(&case));
    runtime.shutdown_background();
    assert!(wrong.is_empty(), "a network that {}:\n{}", case.what, wrong.join("\n"));
}

#[test]
fn every_case_has_its_test_and_names_checks_there_are() {
    let named: Vec<&str> = cases().iter().map(|case| case.name).collect();
    assert_eq!(named, TESTS);
    assert!(named.len() >= 15);
    for case in cases() {
        assert!(!case.fails.is_empty(), "{} breaks nothing", case.name);
        assert!(case.fails.iter().all(|(check, _)| find(check).is_some()), "{}", case.name);
    }
}

macro_rules! teeth {
    ($($name:ident)*) => {
        const TESTS: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                run(stringify!($name));
            }
        )*
    };
}

teeth! {
    drops_every_third_message
    doubles_what_it_hears
    swaps_neighbours
    hears_itself
    acknowledges_before_it_stores
    claims_edits_and_sends_none
    claims_polls_it_cannot_plan
    speaks_with_anothers_account
    leaves_out_the_relayed_name
    mangles_markup
    cuts_long_texts
    shouts
    ignores_limits
    swallows_refusals
    sends_again_under_a_new_key
    forgets_its_logins
    takes_any_name
    mixes_up_chats
    gives_everything_one_voice
    loses_answers_to_messages
    breaks_files
    plans_by_dice
    holds_up_all_chats
    never_says_it_is_away
    loses_redactions
    claims_pins_and_sets_none
    names_no_rooms
    shows_bans_as_removals
    loses_parts
    doubles_reactions
    loses_contacts
    claims_timers_and_sets_none
    keeps_deliveries_to_itself
    loses_pictures
    reacts_without_pictures
    takes_renamed_people_for_others
    takes_moved_chats_for_others
    never_lifts_a_ban
    loses_invitations
    claims_commands_and_takes_none
}
