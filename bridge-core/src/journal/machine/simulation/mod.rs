//! The journal and its lanes, played by a simulator: a clock that jumps, a network and a homeserver
//! that lose, repeat, delay and refuse, and a process that dies between any two things it does. All
//! of it follows from a seed: the same seed is the same schedule and the same verdict.
//!
//! What decides is the machine itself; what is stored, and when, follows the worker (`lanes/`) and the
//! statements of the store.
//!
//! `RIALTO_SIMULATION=50000` plays that many seeds, `RIALTO_SIMULATION=17..18` these; a seed that fails
//! says how to play it again.

mod house;
mod outside;
mod verdict;

use std::ops::Range;

use self::house::House;

/// How many seeds the test command plays.
const SEEDS: u64 = 300;
/// How many things happen before it calms down.
const LENGTH: usize = 250;

/// Plays one seed and returns what happened, in a number, or what is wrong.
fn play(seed: u64) -> Result<u64, String> {
    let mut house = House::new(seed);
    for _ in 0..LENGTH {
        house.anything()?;
    }
    house.calm_down()?;
    verdict::judge(&house)?;
    Ok(house.trace())
}

fn seeds() -> Range<u64> {
    let Ok(asked) = std::env::var("RIALTO_SIMULATION") else { return 0..SEEDS };
    let number = |text: &str| {
        text.trim().parse::<u64>().expect("RIALTO_SIMULATION is a number of seeds, or 17..18")
    };
    match asked.split_once("..") {
        Some((first, end)) => number(first)..number(end),
        None => 0..number(&asked),
    }
}

#[test]
fn nothing_is_lost_doubled_or_reordered_whatever_happens_when() {
    for seed in seeds() {
        if let Err(wrong) = play(seed) {
            panic!(
                "seed {seed}: {wrong}\nto play it again: RIALTO_SIMULATION={seed}..{} cargo test -p bridge-core simulation",
                seed + 1
            );
        }
    }
}

#[test]
fn the_same_seed_is_the_same_schedule() {
    for seed in 0..20 {
        let first = play(seed).expect("the seed is right");
        assert_eq!(play(seed).expect("the seed is right"), first, "seed {seed}");
    }
    let different: std::collections::BTreeSet<u64> = (0..20).filter_map(|s| play(s).ok()).collect();
    assert!(different.len() > 15, "different seeds are the same");
}

/// A simulator that finds nothing in a broken machine is of no use: each of these breaks one rule.
#[test]
fn the_simulator_finds_broken_rules() {
    use self::house::Broken;
    for broken in Broken::ALL {
        let caught = (0..200).any(|seed| {
            let mut house = House::broken(seed, broken);
            let lived = (0..LENGTH).try_for_each(|_| house.anything());
            lived.and_then(|()| house.calm_down()).and_then(|()| verdict::judge(&house)).is_err()
        });
        assert!(caught, "{broken:?} is not noticed in 200 seeds");
    }
}
