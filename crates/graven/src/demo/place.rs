//! Where the demo's files lie: the data directory, and beside it the copies of the tour.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::config::{Settings, Source};
use crate::failure::Failure;

/// Names that are tried for a temporary directory.
const NAMES_TRIED_MAX: u32 = 100;

/// The demo's directories. A temporary one is removed with all that is in it when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    /// Where a user stands who types what is printed: in the temporary directory, else where they are.
    folder: PathBuf,
    data: PathBuf,
    tour: PathBuf,
    is_temporary: bool,
}

/// The data directory of the command line. One of the environment or of a configuration file is somebody's real one.
pub(super) fn given(settings: &Settings) -> Option<PathBuf> {
    let mut all = settings.all();
    let (_, value) = all.find(|(setting, _)| setting.key == "data")?;
    (value.source == Source::Flag).then(|| PathBuf::from(&value.text))
}

impl Place {
    /// Makes the directories: `given`, which must not exist, or a temporary one.
    pub(super) fn make(given: Option<&Path>) -> Result<Place, Failure> {
        let place = match given {
            Some(data) => Place::beside(data)?,
            None => Place::temporary()?,
        };
        for path in [&place.data, &place.tour] {
            make_dir(path).map_err(|error| Failure::file("create", path, &error))?;
        }
        Ok(place)
    }

    fn beside(data: &Path) -> Result<Place, Failure> {
        let folder = std::env::current_dir()
            .map_err(|error| Failure::file("read", Path::new("."), &error))?;
        let data = folder.join(data);
        let mut tour = data.as_os_str().to_owned();
        tour.push("-tour");
        let tour = PathBuf::from(tour);
        if let Some(there) = [&data, &tour].into_iter().find(|path| path.exists()) {
            let message = format!("{} exists; the demo makes its own directories", there.display());
            return Err(Failure::usage(message)
                .hint("Name another one by --data, or none for a temporary one."));
        }
        Ok(Place { folder, data, tour, is_temporary: false })
    }

    fn temporary() -> Result<Place, Failure> {
        let parent = std::env::temp_dir();
        let parent =
            std::path::absolute(&parent).map_err(|error| Failure::file("read", &parent, &error))?;
        let mut tried = 0;
        loop {
            let folder = parent.join(format!("graven-demo-{}-{tried}", std::process::id()));
            match make_dir(&folder) {
                Ok(()) => {
                    let (data, tour) = (folder.join("data"), folder.join("tour"));
                    return Ok(Place { folder, data, tour, is_temporary: true });
                }
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists && tried < NAMES_TRIED_MAX =>
                {
                    tried += 1;
                }
                Err(error) => return Err(Failure::file("create", &folder, &error)),
            }
        }
    }

    /// Where what is printed is to be typed.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A path as it is typed there.
    pub(super) fn short(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
    }

    /// The data directory of the demo's server.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// Copies, and what somebody outside has kept.
    pub(super) fn tour(&self) -> &Path {
        &self.tour
    }

    /// The log's verifier key, as the server's first start wrote it.
    pub(super) fn vkey(&self) -> PathBuf {
        self.data.join("logs").join(super::LOG).join("vkey")
    }

    /// The checkpoint that came with the last receipt.
    pub(super) fn receipt(&self) -> PathBuf {
        self.tour.join("receipt.checkpoint")
    }

    /// Whether all of it goes at the end.
    pub(super) fn is_temporary(&self) -> bool {
        self.is_temporary
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_temporary {
            // Nobody is left to tell; the system cleans its temporary directory some day.
            drop(fs::remove_dir_all(&self.folder));
        }
    }
}

/// A directory for its owner's eyes alone: the keys lie in it.
fn make_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}
