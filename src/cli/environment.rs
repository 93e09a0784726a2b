//! What the process inherits, read once: the only place that looks at the environment.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

/// The environment of the process.
pub(super) struct Environment {
    /// Where it was started.
    pub(super) working_directory: PathBuf,
    /// Where temporary files go.
    pub(super) temporary_directory: PathBuf,
    /// Where files can be kept that are only faster to find than to make.
    pub(super) cache_directory: Option<PathBuf>,
    /// Where programs are looked for.
    pub(super) search_path: OsString,
    /// Where a GitHub workflow wants to hear of the run; `None` elsewhere.
    pub(super) github: Option<GitHub>,
}

/// Files in which a GitHub workflow collects what its steps say.
pub(super) struct GitHub {
    /// Markdown for the summary of the job.
    pub(super) summary: Option<PathBuf>,
    /// Outputs of the step.
    pub(super) output: Option<PathBuf>,
}

impl Environment {
    /// Reads it.
    ///
    /// # Errors
    /// When the working directory does not exist any more.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub(super) fn read() -> io::Result<Self> {
        let path = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let on_github = std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
        Ok(Self {
            working_directory: std::env::current_dir()?,
            temporary_directory: path("TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp")),
            cache_directory: path("XDG_CACHE_HOME")
                .or_else(|| Some(path("HOME")?.join(".cache")))
                .filter(|path| path.is_absolute()),
            search_path: std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()),
            github: on_github.then(|| GitHub {
                summary: path("GITHUB_STEP_SUMMARY"),
                output: path("GITHUB_OUTPUT"),
            }),
        })
    }

    /// The value of a variable that a manifest names.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub(super) fn variable(name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }
}
