//! `docs/src/tutorial.md` as a machine reads it: the files it shows, and the commands.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// What the tutorial has its reader do.
#[derive(Debug, Default)]
pub(super) struct Tutorial {
    /// Each file by its path in the bridge's folder, with its text.
    files: Vec<(String, String)>,
    /// What is run, in order.
    pub(super) commands: Vec<String>,
    steps: usize,
}

impl Tutorial {
    /// Reads it, with what it includes.
    pub(super) fn read(workspace: &Path) -> Result<Self> {
        let page = workspace.join("docs/src/tutorial.md");
        let text = fs::read_to_string(&page).context("there is no tutorial")?;
        let tutorial = Self::parse(&text, |path| {
            let file = page.parent().unwrap_or(workspace).join(path);
            fs::read_to_string(&file).with_context(|| format!("{} is not there", file.display()))
        })?;
        ensure!(
            tutorial.steps == 9 && text.contains("# A bridge in nine steps"),
            "the tutorial counts its steps wrong: {}",
            tutorial.steps
        );
        Ok(tutorial)
    }

    fn parse(page: &str, include: impl Fn(&str) -> Result<String>) -> Result<Self> {
        let mut tutorial = Self::default();
        let mut named: Option<String> = None;
        let mut lines = page.lines();
        while let Some(line) = lines.next() {
            if line.starts_with("## Step ") {
                tutorial.steps += 1;
            }
            if let Some(name) = line.strip_prefix('`').and_then(|rest| rest.strip_suffix("`:")) {
                named = Some(name.to_owned());
            }
            let Some(kind) = line.strip_prefix("```") else { continue };
            let mut text = String::new();
            for line in lines.by_ref().take_while(|line| *line != "```") {
                let included =
                    line.strip_prefix("{{#include ").and_then(|rest| rest.strip_suffix("}}"));
                match included {
                    Some(path) => text.push_str(&include(path)?),
                    None => text.push_str(&format!("{line}\n")),
                }
            }
            match (kind, named.take()) {
                ("sh", _) => tutorial.commands.extend(text.lines().map(str::to_owned)),
                (_, Some(name)) => tutorial.files.push((name, text)),
                (kind, None) => bail!("a block of {kind} has no name: {text}"),
            }
        }
        ensure!(
            tutorial.commands.iter().all(|command| command.starts_with("cargo ")),
            "the tutorial runs something else than cargo: {:?}",
            tutorial.commands
        );
        Ok(tutorial)
    }

    /// Writes every file into a folder.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        for (name, text) in &self.files {
            let file = folder.join(name);
            fs::create_dir_all(file.parent().unwrap_or(folder)).context("no folder")?;
            fs::write(&file, text).with_context(|| format!("{name} cannot be written"))?;
        }
        Ok(())
    }

    /// Compares it with a bridge that was made under another name: the manifest apart, they are the same.
    pub(super) fn ensure_same(&self, made: &Path, name: &str) -> Result<()> {
        for (file, text) in self.files.iter().filter(|(file, _)| file != "Cargo.toml") {
            let expected = crate::new_bridge::spelled(name, text)?;
            let there = fs::read_to_string(made.join(file));
            let there = there.with_context(|| format!("`new-bridge` makes no {file}"))?;
            ensure!(there == expected, "{file} is another in the tutorial than in a new bridge");
        }
        let count = |folder: &str| fs::read_dir(made.join(folder)).map(Iterator::count);
        let made = count("src")? + count("tests")?;
        ensure!(made + 1 == self.files.len(), "the tutorial leaves out a file, of {made}");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read() {
        let page = "# T\n## Step 1: a\n`src/a.rs`:\n\n```rust\n{{#include x}}\nmore\n```\n```sh\ncargo test\n```\n";
        let read =
            Tutorial::parse(page, |path| Ok(format!("text of {path}\n"))).expect("it is right");
        assert_eq!(read.files, [("src/a.rs".to_owned(), "text of x\nmore\n".to_owned())]);
        assert_eq!((read.commands, read.steps), (vec!["cargo test".to_owned()], 1));
        assert!(Tutorial::parse("```rust\n```\n", |_| Ok(String::new())).is_err());
    }

    #[test]
    fn every_page_of_the_book_is_in_its_contents() {
        let folder = crate::workspace().join("docs/src");
        let contents = fs::read_to_string(folder.join("SUMMARY.md")).expect("it is there");
        for entry in fs::read_dir(&folder).expect("it is there") {
            let name = entry.expect("it can be read").file_name().to_string_lossy().into_owned();
            assert!(name == "SUMMARY.md" || contents.contains(&format!("({name})")), "{name}");
        }
        for link in contents.split('(').skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(folder.join(link).is_file(), "{link}");
        }
    }
}
