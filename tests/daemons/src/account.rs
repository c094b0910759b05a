//! The unprivileged account that daemons run under which refuse root (PostgreSQL, Atheme).

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use anyhow::{Context, Result};

/// A system account, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    pub uid: u32,
    pub gid: u32,
}

impl Account {
    /// Returns the account to step down to, or none when this process is not root and may simply run things itself.
    ///
    /// The first of `names` that exists is taken; `nobody` closes every list.
    pub fn for_daemon(names: &[&str]) -> Result<Option<Account>> {
        if !running_as_root()? {
            return Ok(None);
        }
        let passwd = fs::read_to_string("/etc/passwd").context("/etc/passwd cannot be read")?;
        let account = names
            .iter()
            .chain(&["nobody"])
            .find_map(|name| find_account(&passwd, name))
            .context("no unprivileged account found in /etc/passwd")?;
        Ok(Some(account))
    }

    /// Hands a file or folder to the account.
    pub fn take(&self, path: &Path) -> Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
            .with_context(|| format!("{} cannot be handed over", path.display()))
    }
}

/// Tells whether this process is root: its entry in `/proc` belongs to who it runs as.
pub fn running_as_root() -> Result<bool> {
    Ok(fs::metadata("/proc/self").context("/proc is not mounted")?.uid() == 0)
}

fn find_account(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Account { uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let passwd =
            "root:x:0:0::/:/bin/sh\npostgresql:x:9:9::/:/bin/sh\npostgres:x:105:111::/:/bin/sh\n";
        assert_eq!(find_account(passwd, "postgres"), Some(Account { uid: 105, gid: 111 }));
        assert_eq!(find_account(passwd, "post"), None);
    }
}
