//! Files of new servers, made once for each version and then copied: making them takes longer than
//! most restores.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
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

    /// Copies the files to a new directory; `false` if there are none yet, or others could have
    /// changed them: a server would run what they say.
    pub(super) fn copy_to(&self, data: &Path) -> Result<bool, InstanceError> {
        let Some(template) = self.0.as_ref().filter(|template| is_ours(template)) else {
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

fn is_ours(template: &Path) -> bool {
    let own = rustix::process::geteuid().as_raw();
    let ours = |path: &Path| {
        path.symlink_metadata().is_ok_and(|metadata| {
            metadata.is_dir() && metadata.uid() == own && metadata.mode() & 0o022 == 0
        })
    };
    ours(template) && template.parent().is_some_and(ours)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_others_could_have_changed_are_not_used() {
        let cache = tempfile::tempdir().unwrap();
        let (made, copy) = (cache.path().join("made"), cache.path().join("copy"));
        fs::create_dir(&made).unwrap();
        fs::write(made.join("f"), "x").unwrap();
        let template = Template::of(Some(cache.path()), "a server, version 1.2\n");
        assert!(!template.copy_to(&copy).unwrap(), "there are none yet");
        template.keep(&made);
        assert!(template.copy_to(&copy).unwrap());
        assert_eq!(fs::read(copy.join("f")).unwrap(), b"x");
        let folder = cache.path().join("dr-drill");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(!template.copy_to(&cache.path().join("other")).unwrap());
        assert!(!Template::of(None, "x").copy_to(&cache.path().join("third")).unwrap());
    }
}
