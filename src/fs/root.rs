//! Paths of a manifest: relative to its folder, and never out of the root.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags};

use super::kind_of;

/// The directory that bounds every path of a manifest, and the folder those paths start from.
#[derive(Debug)]
pub struct Root {
    handle: File,
    path: PathBuf,
    folder: PathBuf,
}

/// A path that was found to lie inside the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contained {
    /// Relative to the root; this is what evidence shows.
    pub relative: PathBuf,
    /// Absolute, for programs that are given a path.
    pub absolute: PathBuf,
}

/// Why a path of a manifest was refused or could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum PathError {
    /// Absolute paths name places of one machine.
    #[error("`{0}` is an absolute path: give it relative to the manifest's folder")]
    Absolute(String),
    /// It leaves the root by `..` or through a symbolic link.
    #[error("`{0}` leaves the root directory `{1}`: move it inside, or give a wider --root")]
    Escapes(String, String),
    /// Empty, or holds a NUL byte.
    #[error("`{0}` is not a path")]
    Invalid(String),
    /// The system refused.
    #[error("`{path}` cannot be opened: {cause}")]
    Open {
        /// The path as the manifest gives it.
        path: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// A FIFO, device or socket: reading it could hang or never end.
    #[error("`{path}` is a {kind}, not a {wanted}")]
    Kind {
        /// The path as the manifest gives it.
        path: String,
        /// What it is.
        kind: &'static str,
        /// What was wanted.
        wanted: &'static str,
    },
}

impl Root {
    /// A root at `root` for a manifest in `folder`; both are made canonical.
    ///
    /// # Errors
    /// When either does not exist, or the folder does not lie in the root.
    pub fn open(root: &Path, folder: &Path) -> Result<Self, PathError> {
        let open = |path: &Path, cause| PathError::Open { path: path.display().to_string(), cause };
        let canonical = root.canonicalize().map_err(|cause| open(root, cause))?;
        let manifest_folder = folder.canonicalize().map_err(|cause| open(folder, cause))?;
        let relative = manifest_folder
            .strip_prefix(&canonical)
            .map_err(|_| escapes(&manifest_folder.to_string_lossy(), &canonical))?
            .to_owned();
        let handle = File::open(&canonical).map_err(|cause| open(root, cause))?;
        Ok(Self { handle, path: canonical, folder: relative })
    }

    /// The canonical path of the root.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the folder that the manifest lies in.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.path.join(&self.folder)
    }

    /// Checks by name that `path` stays inside; nothing needs to exist.
    ///
    /// # Errors
    /// When it is empty, absolute, or leaves the root by `..`.
    pub fn locate(&self, path: &str) -> Result<Contained, PathError> {
        if path.is_empty() || path.contains('\0') {
            return Err(PathError::Invalid(path.escape_default().to_string()));
        }
        if Path::new(path).is_absolute() {
            return Err(PathError::Absolute(path.to_owned()));
        }
        let mut relative = PathBuf::new();
        for component in self.folder.join(path).components() {
            match component {
                Component::ParentDir if relative.pop() => {}
                Component::ParentDir => return Err(escapes(path, &self.path)),
                Component::CurDir => {}
                other => relative.push(other),
            }
        }
        let absolute = self.path.join(&relative);
        Ok(Contained { relative, absolute })
    }

    /// Opens a regular file for reading; the handle, not the name, is what must be used from here.
    ///
    /// # Errors
    /// When the path is refused, leaves the root through a link, or is no regular file.
    pub fn open_file(&self, path: &str) -> Result<(File, Contained), PathError> {
        let (file, contained) = self.open_any(path)?;
        self.require(path, &file, "file")?;
        Ok((file, contained))
    }

    /// Opens a file or a directory for reading.
    ///
    /// # Errors
    /// As [`Root::open_file`], but a directory is accepted.
    pub fn open_any(&self, path: &str) -> Result<(File, Contained), PathError> {
        let contained = self.locate(path)?;
        let file = self.open_beneath(path, &contained)?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Ok((file, contained));
        }
        self.require(path, &file, "file or directory")?;
        Ok((file, contained))
    }

    fn require(&self, path: &str, file: &File, wanted: &'static str) -> Result<(), PathError> {
        let metadata =
            file.metadata().map_err(|cause| PathError::Open { path: path.to_owned(), cause })?;
        if metadata.is_file() {
            return Ok(());
        }
        Err(PathError::Kind { path: path.to_owned(), kind: kind_of(&metadata), wanted })
    }

    /// Where an output that need not exist will really lie: links on the way must not lead out.
    ///
    /// # Errors
    /// When a symbolic link on the way leaves the root.
    pub fn check_output(&self, path: &str) -> Result<Contained, PathError> {
        let contained = self.locate(path)?;
        let absolute = super::real_place(&contained.absolute);
        if !absolute.starts_with(&self.path) {
            return Err(escapes(path, &self.path));
        }
        Ok(Contained { absolute, ..contained })
    }

    fn open_beneath(&self, path: &str, contained: &Contained) -> Result<File, PathError> {
        let name = if contained.relative.as_os_str().is_empty() {
            Path::new(".")
        } else {
            &contained.relative
        };
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let opened = match rustix::fs::openat2(
            &self.handle,
            name.as_os_str().as_bytes(),
            flags,
            Mode::empty(),
            beneath,
        ) {
            // Kernels before 5.6, and sandboxes that do not know the call.
            Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => {
                return self.open_canonical(path, contained, flags);
            }
            other => other,
        };
        match opened {
            Ok(handle) => Ok(File::from(handle)),
            Err(rustix::io::Errno::XDEV | rustix::io::Errno::LOOP) => {
                Err(escapes(path, &self.path))
            }
            Err(cause) => Err(PathError::Open { path: path.to_owned(), cause: cause.into() }),
        }
    }

    fn open_canonical(
        &self,
        path: &str,
        contained: &Contained,
        flags: OFlags,
    ) -> Result<File, PathError> {
        let open = |cause| PathError::Open { path: path.to_owned(), cause };
        let real = contained.absolute.canonicalize().map_err(open)?;
        if !real.starts_with(&self.path) {
            return Err(escapes(path, &self.path));
        }
        rustix::fs::open(&real, flags | OFlags::NOFOLLOW, Mode::empty())
            .map(File::from)
            .map_err(|cause| open(cause.into()))
    }
}

fn escapes(path: &str, root: &Path) -> PathError {
    PathError::Escapes(path.to_owned(), root.display().to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use proptest::prelude::*;

    use super::*;

    fn sample() -> (tempfile::TempDir, Root) {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("root");
        std::fs::create_dir_all(root.join("data")).unwrap();
        std::fs::write(root.join("data/file"), b"in").unwrap();
        std::fs::write(outer.path().join("secret"), b"out").unwrap();
        symlink("../../secret", root.join("data/out")).unwrap();
        symlink("file", root.join("data/in")).unwrap();
        symlink("/etc", root.join("data/etc")).unwrap();
        let opened = Root::open(&root, &root.join("data")).unwrap();
        (outer, opened)
    }

    #[test]
    fn stays_inside_and_follows_links_inside() {
        let (_outer, root) = sample();
        assert!(root.open_file("file").is_ok());
        assert!(root.open_file("in").is_ok());
        assert!(root.open_file("../data/file").is_ok());
        assert_eq!(root.locate("../x").unwrap().relative, Path::new("x"));
    }

    #[test]
    fn refuses_what_leaves_the_root() {
        let (_outer, root) = sample();
        for path in ["../../secret", "out", "etc/passwd", "../data/../../secret"] {
            assert!(matches!(root.open_file(path), Err(PathError::Escapes(..))), "{path}");
        }
        assert!(matches!(root.open_file("/etc/passwd"), Err(PathError::Absolute(_))));
        assert!(matches!(root.open_file(""), Err(PathError::Invalid(_))));
        assert!(matches!(root.open_file("a\0b"), Err(PathError::Invalid(_))));
        assert!(matches!(root.check_output("etc/new"), Err(PathError::Escapes(..))));
        assert!(root.check_output("new/deeper").is_ok());
    }

    #[test]
    fn a_fifo_is_refused_without_waiting_for_a_writer() {
        let (_outer, root) = sample();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            root.path().join("data/fifo"),
            rustix::fs::FileType::Fifo,
            Mode::RWXU,
            0,
        )
        .unwrap();
        assert!(matches!(root.open_any("fifo"), Err(PathError::Kind { kind: "FIFO", .. })));
    }

    proptest! {
        #[test]
        fn no_path_is_ever_located_outside(parts in prop::collection::vec("(\\.\\.|\\.|a|b|etc|out)", 1..8)) {
            let (_outer, root) = sample();
            let path = parts.join("/");
            if let Ok(contained) = root.locate(&path) {
                prop_assert!(contained.absolute.starts_with(root.path()));
                prop_assert!(contained.relative.components().all(|c| matches!(c, Component::Normal(_))));
            }
            if let Ok((file, _)) = root.open_any(&path) {
                let real = std::fs::read_link(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file))).unwrap();
                prop_assert!(real.starts_with(root.path()), "{path} opened {real:?}");
            }
        }
    }
}
