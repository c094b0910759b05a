//! What a person who writes a bridge does first, done: in this workspace, and outside of it.
//!
//! Both are built in the target folder of the workspace, and nearly all they need is there: the test kit sees to it that
//! the crates they share have the same features (`tests/same-features`).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::cargo::{Cargo, PROFILE};
use super::tutorial::Tutorial;

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
    cargo.run(&["test", "--profile", PROFILE, "--offline", "-p", &format!("bridge-{NAME}")])
}

/// Follows the tutorial to the letter in an empty folder beside a checkout: every file it shows is written, and what it
/// says to run is run. What `new-bridge --outside` makes has to be the same bridge.
pub(super) fn outside(cargo: &Cargo) -> Result<()> {
    let folder = std::env::temp_dir().join(format!("rialto-outside-{}", std::process::id()));
    fs::create_dir_all(&folder).context("no temporary folder")?;
    let folder = Folder(folder);
    symlink(crate::workspace(), folder.0.join("rialto")).context("no checkout")?;
    let own = folder.0.join("own");
    let followed = Tutorial::read(crate::workspace())?;
    followed.write(&own)?;
    let made = folder.0.join("made");
    crate::new_bridge::make_outside(crate::workspace(), NAME, &made)?;
    followed.ensure_same(&made, NAME)?;
    // The same versions as here, so that nothing has to be fetched.
    fs::copy(crate::workspace().join("Cargo.lock"), own.join("Cargo.lock"))?;
    let profiles = crate::new_bridge::profiles(crate::workspace())?;
    let manifest = fs::read_to_string(own.join("Cargo.toml"))?;
    fs::write(own.join("Cargo.toml"), format!("{manifest}\n[workspace]\n\n{profiles}"))?;
    let settings = OURS.map(|package| format!("profile.{PROFILE}.package.{package}.opt-level=0"));
    for command in &followed.commands {
        let mut words: Vec<&str> = command.split_whitespace().skip(1).collect();
        words.extend(["--profile", PROFILE, "--offline"]);
        words.extend(settings.iter().flat_map(|setting| ["--config", setting]));
        cargo.run_in(&own, &words)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
