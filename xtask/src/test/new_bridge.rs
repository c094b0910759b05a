//! What a person who writes a bridge does first, done: in a copy of this workspace, and outside of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::cargo::Cargo;

/// The bridge that is made.
const NAME: &str = "gondola";

/// A folder that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("rialto-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).context("no temporary folder")?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left in a temporary folder is somebody else's to remove.
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Makes a bridge in a copy of the workspace and plays the conformance suite against it.
///
/// The copy is built in the same target folder: its files are as old as the originals, so nothing but
/// the new bridge is built.
pub(super) fn in_a_copy(cargo: &Cargo) -> Result<()> {
    let folder = Folder::new("copy")?;
    for file in tracked()? {
        copy(&crate::workspace().join(&file), &folder.0.join(&file))?;
    }
    crate::new_bridge::make(&folder.0, NAME)?;
    let package = format!("bridge-{NAME}");
    cargo.run_in(&folder.0, &["test", "--release", "--offline", "-p", &package])
}

/// Makes the crate in a folder of its own, with one dev-dependency on the kit, and plays the suite.
pub(super) fn outside(cargo: &Cargo) -> Result<()> {
    let folder = Folder::new("outside")?;
    let own = folder.0.join(NAME);
    crate::new_bridge::make_outside(crate::workspace(), NAME, &own)?;
    cargo.run_in(&own, &["test", "--release", "--offline"])
}

/// Returns the files of the repository, by their paths in it.
fn tracked() -> Result<Vec<PathBuf>> {
    let mut git = Command::new("git");
    let listed = git.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
    let listed = listed.current_dir(crate::workspace()).output().context("git cannot be run")?;
    ensure!(listed.status.success(), "git does not list the repository's files");
    let names = String::from_utf8(listed.stdout).context("a file's name is not UTF-8")?;
    let files = names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
    Ok(files.filter(|file| crate::workspace().join(file).is_file()).collect())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::copy(from, to).with_context(|| format!("{} cannot be copied", from.display()))?;
    let modified = fs::metadata(from)?.modified()?;
    fs::File::options().write(true).open(to)?.set_modified(modified)?;
    Ok(())
}
