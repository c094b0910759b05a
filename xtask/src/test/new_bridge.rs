//! What a person who writes a bridge does first, done: in this workspace, and outside of it.
//!
//! Both are built in the target folder of the workspace, and nearly all they need is there: the test kit sees to it that
//! the crates they share have the same features (`tests/same-features`).

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::cargo::Cargo;

/// The bridge that is made.
const NAME: &str = "gondola";

/// The crates of this workspace that a bridge is built with. Outside they are others to cargo and are built again, so
/// quickly: what is to be shown is that a bridge can be built.
const OURS: [&str; 9] = [
    "registration",
    "support-clock",
    "support-db",
    "support-matrix-http",
    "homeserver",
    "bridge-core",
    "bridge-demo",
    "bridge-testkit",
    "test-daemons",
];

/// A folder that is gone afterwards.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left in a temporary folder is somebody else's to remove; in the workspace it is seen.
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A file that is afterwards as it was before.
struct Unchanged {
    file: PathBuf,
    text: Vec<u8>,
}

impl Unchanged {
    fn note(file: PathBuf) -> Result<Self> {
        let text = fs::read(&file).with_context(|| format!("no {}", file.display()))?;
        Ok(Self { file, text })
    }
}

impl Drop for Unchanged {
    fn drop(&mut self) {
        if let Err(error) = fs::write(&self.file, &self.text) {
            crate::complain(&format!("{} is not as it was: {error}", self.file.display()));
        }
    }
}

/// Makes a bridge in the workspace, plays the conformance suite against it, and takes it away again.
pub(super) fn in_the_workspace(cargo: &Cargo) -> Result<()> {
    let workspace = crate::workspace();
    let folder = workspace.join("bridges").join(NAME);
    ensure!(!folder.exists(), "{} is left from another run: remove it", folder.display());
    let _manifest = Unchanged::note(workspace.join("Cargo.toml"))?;
    let _lock = Unchanged::note(workspace.join("Cargo.lock"))?;
    let _folder = Folder(folder);
    crate::new_bridge::make(workspace, NAME)?;
    cargo.run(&["test", "--release", "--offline", "-p", &format!("bridge-{NAME}")])
}

/// Makes the crate in a folder of its own, with one dev-dependency on the kit, and plays the suite.
pub(super) fn outside(cargo: &Cargo) -> Result<()> {
    let folder = std::env::temp_dir().join(format!("rialto-outside-{}", std::process::id()));
    fs::create_dir_all(&folder).context("no temporary folder")?;
    let folder = Folder(folder);
    let own = folder.0.join(NAME);
    crate::new_bridge::make_outside(crate::workspace(), NAME, &own)?;
    let root = fs::read_to_string(crate::workspace().join("Cargo.toml"))?;
    let mut arguments = vec!["test".to_owned(), "--release".to_owned(), "--offline".to_owned()];
    for setting in profile(&root)?.into_iter().chain(OURS.iter().map(|name| quickly(name))) {
        arguments.extend(["--config".to_owned(), setting]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    cargo.run_in(&own, &arguments)
}

fn quickly(package: &str) -> String {
    format!("profile.release.package.{package}.opt-level=0")
}

/// Returns what the workspace says of the release profile, as settings: a crate outside does not inherit it, and with
/// another profile every dependency would be built again.
fn profile(manifest: &str) -> Result<Vec<String>> {
    let mut settings = Vec::new();
    let mut table = String::new();
    for line in manifest.lines() {
        if let Some(header) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            header.clone_into(&mut table);
        } else if table == "profile.release" || table == "profile.release.package.\"*\"" {
            let setting = line.split(" #").next().unwrap_or_default().replace(' ', "");
            if !setting.is_empty() && !setting.starts_with('#') {
                settings.push(format!("{table}.{setting}"));
            }
        }
    }
    ensure!(!settings.is_empty(), "the workspace has no release profile");
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_is_handed_on() {
        let manifest =
            fs::read_to_string(crate::workspace().join("Cargo.toml")).expect("it is there");
        let settings = profile(&manifest).expect("it has a profile");
        assert!(settings.contains(&"profile.release.codegen-units=16".to_owned()), "{settings:?}");
        let debug = "profile.release.package.\"*\".debug=false".to_owned();
        assert!(settings.contains(&debug), "{settings:?}");
    }

    #[test]
    fn what_was_changed_is_put_back() {
        let folder = std::env::temp_dir().join(format!("rialto-unchanged-{}", std::process::id()));
        fs::write(&folder, "before").expect("it can be written");
        let note = Unchanged::note(folder.clone()).expect("it can be read");
        fs::write(&folder, "between").expect("it can be written");
        drop(note);
        assert_eq!(fs::read_to_string(&folder).expect("it is there"), "before");
        fs::remove_file(&folder).expect("it can be removed");
    }
}
