//! `cargo xtask features`: the table of what each network carries, made of what the conformance suite
//! has shown. Nobody writes it, so nothing in it is a wish.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::test::cargo::{PROFILE, without_our_own_package};
use anyhow::{Context, Result, ensure};
use test_daemons::process::bound_command_with;

/// Tells the suite where results go.
pub(crate) const RESULTS: &str = "RIALTO_CONFORMANCE_RESULTS";
/// The template of new bridges is no network.
const TEMPLATE: &str = "bridge-newnet";

const HEAD: &str = "\
# What each network carries

<!-- Written by `cargo xtask features` from the results of the conformance suite. Not to be edited. -->

Each row is a test of the suite every bridge passes, each cell what it has shown:

- **carried**: it arrives as what it is;
- **as text**: it arrives as readable text, and the sender is told;
- **refused**: it stays where it was, and the sender is told in words;
- **left out**: it does not arrive, and nobody misses it;
- **kept**: the promise holds on this network;
- **not offered**: the network knows no such thing, or its harness cannot make it happen; the words say which.

IRC is shown on two servers: ngIRCd, which names no messages, and InspIRCd, which does and hands on tags. What is the
same on both is shown on ngIRCd alone: a bar stands for it.
";

/// By group, in the catalogue's order: check to package to words.
type Results = BTreeMap<(String, String, String), BTreeMap<String, String>>;

pub(crate) fn folder() -> PathBuf {
    crate::target().join("conformance")
}

fn page() -> PathBuf {
    crate::workspace().join("docs").join("src").join("features.md")
}

/// Throws away what an earlier run has shown.
pub(crate) fn forget() -> Result<()> {
    match fs::remove_dir_all(folder()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context("old results cannot be removed")
        }
        _ => Ok(()),
    }
}

/// Plays the suite and writes the page.
pub(crate) fn run() -> ExitCode {
    exit(forget().and_then(|()| play()).and_then(|()| write()))
}

/// Writes the page from the results the last run has left.
pub(crate) fn run_write() -> ExitCode {
    exit(write())
}

fn write() -> Result<()> {
    let page = page();
    fs::write(&page, table(&read()?)).context("the page cannot be written")?;
    crate::say(&format!("{} is written", page.display()));
    Ok(())
}

/// Compares the page with the results there are.
pub(crate) fn run_check() -> ExitCode {
    exit(check())
}

pub(crate) fn check() -> Result<()> {
    let results = read()?;
    let written = fs::read_to_string(page()).unwrap_or_default();
    ensure!(
        written == table(&results),
        "docs/src/features.md is not what the conformance suite has shown; `cargo xtask features` writes it"
    );
    Ok(())
}

fn exit(outcome: Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::complain(&format!("xtask features: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn play() -> Result<()> {
    let cargo = PathBuf::from(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let mut command = bound_command_with("TERM", &cargo, None);
    without_our_own_package(&mut command);
    let status = command
        .args(["test", "--workspace", "--profile", PROFILE, "--test", "conformance"])
        .current_dir(crate::workspace())
        .env("CARGO_TARGET_DIR", crate::target())
        .env(RESULTS, folder())
        .env("RIALTO_TEST_REQUIRE_ALL", "1")
        .status()
        .context("cargo cannot be run")?;
    ensure!(status.success(), "the suite does not pass");
    Ok(())
}

fn read() -> Result<Results> {
    let mut results = Results::new();
    for package in fs::read_dir(folder()).context("the suite has shown nothing yet")? {
        let package = package?;
        let name = package.file_name().to_string_lossy().into_owned();
        if name == TEMPLATE {
            continue;
        }
        for result in fs::read_dir(package.path())? {
            let result = result?;
            let file = result.file_name().to_string_lossy().into_owned();
            let mut parts = file.splitn(3, '.').map(str::to_owned);
            let (Some(place), Some(group), Some(check)) =
                (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            let words = fs::read_to_string(result.path())?.trim().to_owned();
            results.entry((place, group, check)).or_default().insert(name.clone(), words);
        }
    }
    ensure!(!results.is_empty(), "the suite has shown nothing yet");
    Ok(results)
}

fn table(results: &Results) -> String {
    let packages: BTreeSet<&String> = results.values().flat_map(BTreeMap::keys).collect();
    let mut page = HEAD.to_owned();
    let mut group_before = "";
    for ((_, group, check), shown) in results {
        if group != group_before {
            group_before = group;
            let names = packages.iter().map(|name| name.trim_start_matches("bridge-"));
            let names = names.collect::<Vec<_>>().join(" | ");
            let lines = "---|".repeat(packages.len() + 1);
            page.push_str(&format!("\n## {group}\n\n| | {names} |\n|{lines}\n"));
        }
        let played = |package: &str| {
            let mut rows = results.iter().filter(|((_, other, _), _)| other == group);
            rows.any(|(_, shown)| shown.contains_key(package))
        };
        let cells = packages.iter().map(|package| match shown.get(*package) {
            Some(words) => words.as_str(),
            None if played(package) => "fails",
            None => "–",
        });
        let cells = cells.collect::<Vec<_>>().join(" | ");
        page.push_str(&format!("| {} | {cells} |\n", check.replace('_', " ")));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_a_row_and_a_package_a_column() {
        let shown = |cells: &[(&str, &str)]| {
            cells.iter().map(|(name, words)| ((*name).to_owned(), (*words).to_owned())).collect()
        };
        let key =
            |place: &str, check: &str| (place.to_owned(), "messages".to_owned(), check.to_owned());
        let results = Results::from([
            (
                key("000", "text_from_matrix"),
                shown(&[("bridge-a", "carried"), ("bridge-b", "kept")]),
            ),
            (key("001", "image_from_matrix"), shown(&[("bridge-a", "as text")])),
        ]);
        let page = table(&results);
        assert!(page.contains("## messages\n\n| | a | b |\n|---|---|---|\n"), "{page}");
        assert!(
            page.ends_with(
                "| text from matrix | carried | kept |\n| image from matrix | as text | fails |\n"
            ),
            "{page}"
        );
    }

    #[test]
    fn a_group_that_is_not_played_somewhere_has_bars_there() {
        let shown = |name: &str| BTreeMap::from([(name.to_owned(), "carried".to_owned())]);
        let key = |place: &str, group: &str, check: &str| {
            (place.to_owned(), group.to_owned(), check.to_owned())
        };
        let results = Results::from([
            (key("000", "messages", "text_from_matrix"), shown("bridge-a")),
            (key("001", "room", "topic_from_matrix"), shown("bridge-a on B")),
        ]);
        let page = table(&results);
        assert!(page.contains("| text from matrix | carried | – |\n"), "{page}");
        assert!(page.contains("| topic from matrix | – | carried |\n"), "{page}");
    }
}
