//! `cargo xtask new-bridge NAME`: a bridge to begin with. It is the crate in `xtask/template`, which is
//! built and tested with everything else, under another name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};

/// How the template spells itself, as a word and as a type.
const WORD: &str = "newnet";
const TYPE: &str = "NewNet";

/// Makes the bridge and says what comes next.
pub(crate) fn run(name: &str, outside: Option<&str>) -> ExitCode {
    let made = match outside {
        None => make(crate::workspace(), name).map(|()| {
            format!(
                "bridges/{name} is there.\n\n  cargo test -p bridge-{name}\n\nshows that it keeps what every bridge promises. `bridges/{name}/README.md` says where to go on; the program\nlearns of it in `rialto/src/networks.rs`."
            )
        }),
        Some(folder) => make_outside(crate::workspace(), name, Path::new(folder))
            .map(|()| format!("{folder} is there: `cargo test` in it shows that it keeps what every bridge promises.")),
    };
    match made {
        Ok(words) => {
            crate::say(&words);
            ExitCode::SUCCESS
        }
        Err(error) => {
            crate::complain(&format!("xtask new-bridge: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Makes `bridges/NAME` and adds it to the workspace.
pub(crate) fn make(workspace: &Path, name: &str) -> Result<()> {
    let name = Name::parse(name)?;
    let folder = workspace.join("bridges").join(&name.word);
    ensure!(!folder.exists(), "{} is there already", folder.display());
    name.copy(&template(workspace), &folder)?;
    let manifest = workspace.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).context("the workspace has no manifest")?;
    let added = name.add_to(&text)?;
    fs::write(&manifest, added).context("the workspace's manifest cannot be written")
}

/// Makes the same crate anywhere, with paths to this workspace.
pub(crate) fn make_outside(workspace: &Path, name: &str, folder: &Path) -> Result<()> {
    let name = Name::parse(name)?;
    ensure!(!folder.exists(), "{} is there already", folder.display());
    name.copy(&template(workspace), folder)?;
    let manifest = workspace.join("Cargo.toml");
    let root = fs::read_to_string(&manifest).context("the workspace has no manifest")?;
    let own = fs::read_to_string(folder.join("Cargo.toml")).context("the template has one")?;
    let own = standing_alone(&own, &root, workspace)?;
    fs::write(folder.join("Cargo.toml"), own).context("its manifest cannot be written")?;
    // The same versions as here, so that nothing has to be fetched.
    fs::copy(workspace.join("Cargo.lock"), folder.join("Cargo.lock")).context("no lock file")?;
    Ok(())
}

/// Spells a text of the template with another name.
pub(crate) fn spelled(name: &str, text: &str) -> Result<String> {
    Ok(Name::parse(name)?.spell(text))
}

fn template(workspace: &Path) -> PathBuf {
    workspace.join("xtask").join("template")
}

/// A bridge's name in its spellings.
struct Name {
    word: String,
    type_name: String,
}

impl Name {
    fn parse(name: &str) -> Result<Self> {
        let mut letters = name.chars();
        let starts = letters.next().is_some_and(|first| first.is_ascii_lowercase());
        let goes_on = letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if !starts || !goes_on || name == WORD {
            bail!(
                "a bridge's name is a word of small letters and digits, as in `irc`, not `{name}`"
            );
        }
        let (first, rest) = name.split_at(1);
        let type_name = format!("{}{rest}", first.to_ascii_uppercase());
        Ok(Self { word: name.to_owned(), type_name })
    }

    fn spell(&self, text: &str) -> String {
        text.replace(TYPE, &self.type_name).replace(WORD, &self.word)
    }

    /// Copies a folder under this name.
    fn copy(&self, from: &Path, to: &Path) -> Result<()> {
        fs::create_dir_all(to).with_context(|| format!("{} cannot be made", to.display()))?;
        let entries = fs::read_dir(from).with_context(|| format!("no {}", from.display()))?;
        for entry in entries {
            let entry = entry?;
            let target = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                self.copy(&entry.path(), &target)?;
                continue;
            }
            let text = fs::read_to_string(entry.path())?;
            fs::write(&target, self.spell(&text))
                .with_context(|| format!("{} cannot be written", target.display()))?;
        }
        Ok(())
    }

    /// Adds the crate to the members, behind the last bridge, wherever bridges are listed.
    fn add_to(&self, manifest: &str) -> Result<String> {
        let word = &self.word;
        let lines: Vec<&str> = manifest.lines().collect();
        let mut added = String::new();
        let mut times = 0;
        for (at, line) in lines.iter().enumerate() {
            added.push_str(line);
            added.push('\n');
            let next = lines.get(at + 1).copied().unwrap_or_default();
            let is_member = |line: &str| line.starts_with("    \"bridges/");
            let is_dependency = |line: &str| line.contains("{ path = \"bridges/");
            if is_member(line) && !is_member(next) {
                added.push_str(&format!("    \"bridges/{word}\",\n"));
                times += 1;
            }
            if is_dependency(line) && !is_dependency(next) {
                added.push_str(&format!("bridge-{word} = {{ path = \"bridges/{word}\" }}\n"));
                times += 1;
            }
        }
        ensure!(times == 3, "the workspace's manifest lists its bridges otherwise than expected");
        Ok(added)
    }
}

/// Writes out what a member inherits from its workspace.
fn standing_alone(own: &str, root: &str, workspace: &Path) -> Result<String> {
    let mut alone = String::new();
    for line in own.lines() {
        let inherited = line.strip_suffix(".workspace = true");
        match inherited {
            None if matches!(line, "[lints]" | "workspace = true") => {}
            None => alone.push_str(&format!("{line}\n")),
            Some(key) => alone.push_str(&format!("{}\n", inherited_line(key, root, workspace)?)),
        }
    }
    // Its own workspace, with the profiles of this one, so that what is built here is not built again.
    alone.push_str("\n[workspace]\n\n");
    Ok(alone + profiles_of(root))
}

/// Returns what the workspace says of profiles.
pub(crate) fn profiles(workspace: &Path) -> Result<String> {
    let root = fs::read_to_string(workspace.join("Cargo.toml"));
    Ok(profiles_of(&root.context("the workspace has no manifest")?).to_owned())
}

fn profiles_of(root: &str) -> &str {
    root.find("[profile.").map_or("", |at| &root[at..])
}

fn inherited_line(key: &str, root: &str, workspace: &Path) -> Result<String> {
    let line = root
        .lines()
        .find(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(" = ")));
    let line = line.with_context(|| format!("the workspace says nothing of {key}"))?;
    let absolute = format!("path = \"{}/", workspace.display());
    Ok(line.replace("path = \"", &absolute))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_is_listed_behind_the_others() {
        let manifest = "members = [\n    \"bridges/demo\",\n    \"bridges/irc\",\n    \"xtask\",\n]\ndefault-members = [\n    \"bridges/irc\",\n]\n[workspace.dependencies]\nbridge-irc = { path = \"bridges/irc\" }\nrialto = { path = \"rialto\" }\n";
        let name = Name::parse("gondola").expect("it is a name");
        let added = name.add_to(manifest).expect("it fits");
        assert_eq!(added.matches("\"bridges/gondola\"").count(), 3);
        assert!(added.contains("bridge-gondola = { path = \"bridges/gondola\" }\nrialto"));
    }

    #[test]
    fn names_are_words() {
        for wrong in ["", "Irc", "my-net", "9net", "net net", "newnet"] {
            assert!(Name::parse(wrong).is_err(), "{wrong}");
        }
        let name = Name::parse("gondola").expect("it is a name");
        assert_eq!(name.spell("bridge-newnet NewNetConfig"), "bridge-gondola GondolaConfig");
    }

    #[test]
    fn what_is_inherited_is_written_out() {
        let root = "version = \"0.1.0\"\nserde = { version = \"1\" } # data\nbridge-core = { path = \"bridge-core\" }\n[profile.release]\ndebug = false\n";
        let own = "[package]\nversion.workspace = true\n\n[lints]\nworkspace = true\n\n[dependencies]\nserde.workspace = true\nbridge-core.workspace = true\n";
        let alone = standing_alone(own, root, Path::new("/house")).expect("all is known");
        assert!(alone.contains("version = \"0.1.0\"\n") && alone.contains("serde = { version"));
        assert!(alone.contains("bridge-core = { path = \"/house/bridge-core\" }"));
        assert!(alone.ends_with("[workspace]\n\n[profile.release]\ndebug = false\n"), "{alone}");
    }
}
