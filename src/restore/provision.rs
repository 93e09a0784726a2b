//! What a database for a drill is made with: where it lives, whom it runs as, and whether there is room.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::RestoreError;
use crate::digest::Observer;
use crate::fs::{Workspace, free_bytes};
use crate::instance::source::DatabaseUrl;
use crate::instance::{InstanceError, Quarters};
use crate::manifest::Database;
use crate::process::{Interrupt, unprivileged};
use crate::wire::manifest::ExistingTarget;

/// What an instance is made with.
pub struct Provision<'a, 'w> {
    /// What the manifest asks for.
    pub database: &'a Database,
    /// The run's private directory.
    pub workspace: &'w Workspace,
    /// Where programs are looked for.
    pub search_path: OsString,
    /// Where files of new servers are kept from one drill to the next, if anywhere.
    pub cache: Option<PathBuf>,
    /// Watches hashing.
    pub observer: &'w dyn Observer,
    /// Whether the drill is to end.
    pub interrupt: &'a dyn Interrupt,
    /// Value of an environment variable.
    pub variable: &'w dyn Fn(&str) -> Option<OsString>,
    /// Whether a database that is there already may be replaced.
    pub allow_existing_target: bool,
    /// Bytes that the restored data takes on the disk at least.
    pub least_bytes: u64,
}

/// The address of a database that is there already, if it may be used.
pub(super) fn existing_url(
    given: &Provision<'_, '_>,
    existing: &ExistingTarget,
) -> Result<DatabaseUrl, RestoreError> {
    let url = DatabaseUrl::parse_argument(&existing.database_url, &["postgres", "postgresql"])
        .map_err(|error| RestoreError::Asked(format!("restore.existing_target: {error}")))?;
    if !given.allow_existing_target {
        return Err(RestoreError::NotAllowed(url.shown().to_owned()));
    }
    let password = match &existing.password_env {
        None => None,
        Some(name) => {
            let value = (given.variable)(name).and_then(|value| value.into_string().ok());
            Some(value.ok_or_else(|| RestoreError::Password(name.clone()))?)
        }
    };
    Ok(url.with_password(password))
}

/// Refuses before anything is measured what could only end with a full disk.
pub(super) fn check_room(
    given: &Provision<'_, '_>,
    quarters: &Quarters<'_>,
) -> Result<(), RestoreError> {
    let (needed, free) = (given.least_bytes, free_bytes(&quarters.folder).unwrap_or(u64::MAX));
    if needed <= free { Ok(()) } else { Err(RestoreError::NoRoom { needed, free }) }
}

pub(super) fn quarters<'a>(given: &Provision<'a, '_>) -> Result<Quarters<'a>, InstanceError> {
    // Only root can, and must, run servers as somebody else.
    let user = rustix::process::geteuid().is_root().then(unprivileged);
    let user = match user {
        Some(None) => return Err(InstanceError::NoUser),
        other => other.flatten(),
    };
    let owner = user.as_ref().map(|user| (user.id, user.group));
    let folder = given.workspace.instance(owner)?;
    if let Some(user) = &user {
        let closed =
            |path: &&Path| path.metadata().is_ok_and(|m| m.permissions().mode() & 0o1 == 0);
        if let Some(closed) = folder.ancestors().skip(1).find(closed) {
            let (user, folder) = (user.name.clone(), closed.display().to_string());
            return Err(InstanceError::Unreachable { user, folder });
        }
    }
    Ok(Quarters {
        folder,
        user,
        search_path: given.search_path.clone(),
        confinement: &given.database.confinement,
        interrupt: given.interrupt,
        open: None,
    })
}
