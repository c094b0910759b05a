//! What may come into the house: the licences and the crates that may not. Read from `cargo tree`, which needs no
//! network and no other tool.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// Licences that may be linked into an Apache-2.0 program. MPL-2.0 asks for its own files only.
const ALLOWED: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that stay out, each with the reason.
const BANNED: &[(&str, &str)] = &[
    ("openssl-sys", "TLS is rustls with ring: one provider, no system library"),
    ("native-tls", "TLS is rustls with ring: one provider, no system library"),
    ("aws-lc-sys", "a second TLS provider makes rustls panic where none was chosen"),
    ("serde_yaml", "archived; registration files are read with serde-saphyr"),
];

/// Checks every crate of the workspace's graph for this machine.
pub(crate) fn check() -> Result<()> {
    let cargo = PathBuf::from(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let tree = Command::new(cargo)
        .args(["tree", "--workspace", "--locked", "--edges", "normal,build,dev"])
        .args(["--prefix", "none", "--format", "{p}|{l}"])
        .current_dir(crate::workspace())
        .output()
        .context("cargo tree cannot be run")?;
    ensure!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout)?;
    let mut packages: Vec<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    packages.sort_unstable();
    packages.dedup();
    let faults: Vec<String> = packages.iter().filter_map(|package| fault(package)).collect();
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    crate::say(&format!("{} crates, every licence allowed, none banned", packages.len()));
    Ok(())
}

fn fault(package: &str) -> Option<String> {
    let (name, licence) = package.split_once('|')?;
    let bare = name.split(' ').next().unwrap_or(name);
    if let Some((_, reason)) = BANNED.iter().find(|(banned, _)| *banned == bare) {
        return Some(format!("{name} is banned: {reason}"));
    }
    (!is_allowed(licence)).then(|| format!("{name}: the licence `{licence}` is not allowed"))
}

/// Whether each part of an expression leaves a choice that is allowed. `/` is an old spelling of OR.
fn is_allowed(expression: &str) -> bool {
    expression.split(" AND ").all(|part| {
        let part = part.trim_matches(|c: char| c == '(' || c == ')' || c == ' ');
        part.split(" OR ").flat_map(|one| one.split('/')).any(|one| ALLOWED.contains(&one.trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_of_licences_needs_one_that_is_allowed_and_a_sum_needs_all() {
        assert!(is_allowed("MIT OR GPL-3.0"));
        assert!(is_allowed("MIT/Apache-2.0"));
        assert!(is_allowed("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(!is_allowed("MIT AND GPL-3.0"));
        assert!(!is_allowed("AGPL-3.0-only"));
        assert!(!is_allowed(""));
    }

    #[test]
    fn a_banned_crate_is_named_with_the_reason() {
        let words = fault("openssl-sys v0.9.0|MIT").expect("it is banned");
        assert!(words.contains("rustls"), "{words}");
        assert_eq!(fault("serde v1.0.0|MIT OR Apache-2.0"), None);
    }
}
