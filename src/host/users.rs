//! Users of this host, as far as files of theirs are made.

use std::os::unix::fs::lchown;

use camino::Utf8Path;

use super::{FileError, Files, RealFiles};

/// How much of passwd(5) is read, in bytes.
const LIMIT: u64 = 1 << 22;

/// A user, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// The user id.
    pub id: u32,
    /// The id of the user's own group.
    pub group: u32,
}

impl User {
    /// The user this process runs as.
    pub(super) fn current() -> Self {
        let (id, group) = (rustix::process::geteuid(), rustix::process::getegid());
        Self { id: id.as_raw(), group: group.as_raw() }
    }
}

/// The user called `name`, from passwd(5); system users are not looked for elsewhere.
pub fn user_by_name(name: &str) -> Result<Option<User>, FileError> {
    let passwd = RealFiles.read("/etc/passwd".into(), LIMIT)?;
    Ok(parse(&String::from_utf8_lossy(&passwd), name))
}

fn parse(passwd: &str, name: &str) -> Option<User> {
    let mut lines = passwd.lines().map(|line| line.split(':'));
    let mut fields = lines.find_map(|mut line| (line.next() == Some(name)).then_some(line))?;
    let id = fields.nth(1)?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    Some(User { id, group })
}

/// The id of the user this process runs as.
#[must_use]
pub fn current_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Has this process and those that it starts make nothing that others may write to, whatever cron or a
/// shell was told (umask(2)).
pub fn close_to_others() {
    let others = rustix::fs::Mode::WGRP | rustix::fs::Mode::WOTH;
    let before = rustix::process::umask(others);
    // What was kept from others besides stays so.
    let _ = rustix::process::umask(before | others);
}

/// Makes a file or directory the user's own; of a link the link, not what it points at: whoever
/// may write to the directory could have put it there.
pub(super) fn give(path: &Utf8Path, user: User) -> Result<(), FileError> {
    lchown(path, Some(user.id), Some(user.group))
        .map_err(|source| FileError::new("change the owner of", path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let link = Utf8Path::from_path(directory.path()).unwrap().join("link");
        std::os::unix::fs::symlink("/nowhere", &link).unwrap();
        let group = rustix::process::getegid().as_raw();
        give(&link, User { id: current_user(), group }).unwrap();
    }

    #[test]
    fn finds_a_user_by_whole_name() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nopenvpn:x:107:113::/:/bin/false\nbroken\n";
        assert_eq!(parse(passwd, "openvpn"), Some(User { id: 107, group: 113 }));
        assert_eq!(parse(passwd, "open"), None);
        assert_eq!(parse(passwd, "broken"), None);
    }
}
