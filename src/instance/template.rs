//! Files of new servers, made once for each version and then copied: making them takes longer than
//! most restores.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::InstanceError;
use crate::fs::copy_tree;

/// Where the files of a version are kept, if anywhere.
pub(super) struct Template(Option<PathBuf>);

impl Template {
    /// That of a server, by what it says of its version.
    pub(super) fn of(cache: Option<&Path>, version: &str) -> Self {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
        let name: String = version.trim().chars().map(plain).collect();
        Self(cache.map(|cache| cache.join("dr-drill").join(name)))
    }

    /// Copies the files to a new directory; `false` if there are none yet.
    pub(super) fn copy_to(&self, data: &Path) -> Result<bool, InstanceError> {
        let Some(template) = self.0.as_ref().filter(|template| template.is_dir()) else {
            return Ok(false);
        };
        fs::DirBuilder::new().mode(0o700).create(data)?;
        copy_tree(template, data, u64::MAX)?;
        fs::set_permissions(data, fs::Permissions::from_mode(0o700))?;
        Ok(true)
    }

    /// Keeps the files of a new server. A cache that cannot be written costs time, and nothing else.
    pub(super) fn keep(&self, data: &Path) {
        if let Some(template) = &self.0 {
            let _ = keep(data, template);
        }
    }
}

/// Keeps a copy under a name that it only gets once it is whole.
fn keep(data: &Path, template: &Path) -> io::Result<()> {
    let folder = template.parent().ok_or(io::ErrorKind::NotFound)?;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let new = tempfile::Builder::new().prefix(".new-").tempdir_in(folder)?;
    copy_tree(data, new.path(), u64::MAX).map_err(io::Error::other)?;
    // Another drill may have been faster; what is not given its name goes with `new`.
    fs::rename(new.path(), template)?;
    let _ = new.keep();
    Ok(())
}
