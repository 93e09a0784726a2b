//! Users of this machine: servers refuse to run as root, and need not be it.

/// A user that a program is run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Number.
    pub id: u32,
    /// Number of the group.
    pub group: u32,
    /// Name.
    pub name: String,
}

/// The user that owns nothing, on every system.
const NOBODY: &str = "nobody";

/// Whom a program that must not be root runs as: this user, or, as root, `nobody`. Nothing where the
/// system does not know the user.
#[must_use]
pub fn unprivileged() -> Option<User> {
    let own = rustix::process::geteuid().as_raw();
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    users.lines().filter_map(user).find(
        |user| {
            if own == 0 { user.name == NOBODY } else { user.id == own }
        },
    )
}

/// A line of `passwd(5)`.
fn user(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let (name, _) = (fields.next()?, fields.next()?);
    let (id, group) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(User { id, group, name: name.to_owned() })
}
