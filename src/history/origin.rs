//! A history that several machines share: the place that all its files come from, and that nothing gets by. The directory here
//! is then a copy of as much of it as was needed so far.

use std::fmt::Debug;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use super::copy::Taken;
use super::shelf::{DRILLS, folder_of, place};
use super::{History, HistoryError};

/// Where a shared history lies.
pub trait Origin: Debug + Send + Sync {
    /// The names of all files, of one folder or of all, each folder in the order of its chain.
    ///
    /// # Errors
    /// When it cannot be reached.
    fn files(&self, folder: Option<&str>) -> Result<Vec<String>, String>;

    /// What a file holds.
    ///
    /// # Errors
    /// When it cannot be reached, or is not there.
    fn content(&self, file: &str) -> Result<Vec<u8>, String>;

    /// Takes the next place of a folder. Nobody else can take it until it is let go of.
    ///
    /// # Errors
    /// When it cannot be reached.
    fn claim(&self, folder: &str) -> Result<Box<dyn Claim>, String>;
}

/// The next place of a folder of a shared history, as long as it is held.
pub trait Claim: Debug + Send {
    /// Files a file there. It is there for all, or for nobody.
    ///
    /// # Errors
    /// When it is not there, or nobody can tell.
    fn publish(self: Box<Self>, file: &str, content: Vec<u8>) -> Result<(), String>;
}

impl History {
    fn of_origin(&self) -> impl Fn(String) -> HistoryError + use<> {
        |problem| HistoryError::Origin(problem)
    }

    /// Fetches what was filed elsewhere: of one name, or of all. Gives how many files were new here.
    ///
    /// # Errors
    /// When the shared history cannot be reached, or this copy of it cannot be written.
    pub fn sync(&self, name: Option<&str>) -> Result<u64, HistoryError> {
        let Some(origin) = &self.origin else { return Ok(0) };
        let folder = name.map(folder_of);
        let files = origin.files(folder.as_deref()).map_err(self.of_origin())?;
        let mut new = 0;
        for file in files {
            if !place(&self.folder, &file).exists() {
                self.fetch(&file)?;
                new += 1;
            }
        }
        Ok(new)
    }

    fn fetch(&self, file: &str) -> Result<(), HistoryError> {
        let Some(origin) = &self.origin else { return Ok(()) };
        let content = origin.content(file).map_err(self.of_origin())?;
        let fail = |cause| HistoryError::io(&self.folder, cause);
        let mut temporary = tempfile::Builder::new()
            .prefix(super::shelf::TEMPORARY)
            .tempfile_in(&self.folder)
            .map_err(fail)?;
        temporary.write_all(&content).map_err(fail)?;
        match self.take(&format!("{DRILLS}/{file}"), temporary.path())? {
            Taken::New => Ok(()),
            Taken::Refused(why) => Err(HistoryError::Pack { file: file.to_owned(), problem: why }),
        }
    }

    /// Takes the next place of a name where the history is shared, and fetches what was filed of the name meanwhile.
    pub(super) fn claim(&self, name: &str) -> Result<Option<Box<dyn Claim>>, HistoryError> {
        let Some(origin) = &self.origin else { return Ok(None) };
        let claim = origin.claim(&folder_of(name)).map_err(self.of_origin())?;
        self.sync(Some(name))?;
        Ok(Some(claim))
    }
}

/// Files what was written here for all, if the history is shared.
pub(super) fn publish(
    claim: Option<Box<dyn Claim>>,
    file: &str,
    written: &Path,
) -> Result<(), HistoryError> {
    let Some(claim) = claim else { return Ok(()) };
    let content = fs::read(written).map_err(|cause| HistoryError::io(written, cause))?;
    claim.publish(file, content).map_err(HistoryError::Origin)
}
