//! Where a run is written: `reports/<scenario>/<start time>/`, and `latest` beside it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::record::{FORMAT, RunResult};
use super::slug::slug;

/// Why something of a run could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {}", .path.display(), in_words(.problem))]
pub struct WriteError {
    pub path: PathBuf,
    pub problem: io::Error,
}

/// Why a result could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("cannot read {}: {source}", .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("there is no {}; name a run's folder, like `reports/<scenario>/latest`, or its `result.json`", .path.display())]
    Missing { path: PathBuf },
    #[error(
        "{} has no result.json: its run is still going on or was killed, or it is no run's folder",
        .path.display()
    )]
    NoResult { path: PathBuf },
    #[error("{} is cut off: {source}; copy it again, or run the test again", .path.display())]
    CutOff { path: PathBuf, source: serde_json::Error },
    #[error("{} is no result of loadtest: {source}", .path.display())]
    NotAResult { path: PathBuf, source: serde_json::Error },
    #[error(
        "{} has format {format}, and this version reads up to {FORMAT}; use a newer loadtest",
        .path.display()
    )]
    TooNew { path: PathBuf, format: u32 },
}

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDirectory {
    path: PathBuf,
}

impl RunDirectory {
    /// Makes `<reports>/<scenario>/<start time>/`; where that is taken already, with `-2`, `-3` … at its end.
    pub fn create(reports: &Path, scenario: &str, started: Timestamp) -> Result<RunDirectory, WriteError> {
        let folder = reports.join(slug(scenario));
        fs::create_dir_all(&folder).map_err(|source| at(&folder, source))?;
        // Without colons, which Windows takes for something else.
        let name = started.strftime("%Y-%m-%dT%H-%M-%SZ").to_string();
        let mut path = folder.join(&name);
        for number in 2.. {
            // Making it is the test for whether it is there, so that two runs cannot both have it.
            match fs::create_dir(&path) {
                Ok(()) => break,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    path = folder.join(format!("{name}-{number}"));
                }
                Err(source) => return Err(at(&path, source)),
            }
        }
        Ok(RunDirectory { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of the interval log.
    pub fn latency_log(&self) -> PathBuf {
        self.path.join("latency.hlog")
    }

    /// Writes `result.json`, whole or not at all, and points `latest` at this run.
    pub fn write(&self, result: &RunResult) -> Result<PathBuf, WriteError> {
        let path = self.path.join("result.json");
        let json = serde_json::to_vec(result).map_err(|error| at(&path, io::Error::other(error)))?;
        write_whole(&path, &json)?;
        self.point_latest()?;
        Ok(path)
    }

    /// Writes a report of this run, whole or not at all.
    pub fn write_report(&self, name: &str, text: &str) -> Result<PathBuf, WriteError> {
        let path = self.path.join(name);
        write_whole(&path, text.as_bytes())?;
        Ok(path)
    }

    /// Makes `latest` a link to this folder; where there are no links, a file with its name.
    fn point_latest(&self) -> Result<(), WriteError> {
        let (Some(folder), Some(name)) = (self.path.parent(), self.path.file_name()) else { return Ok(()) };
        let latest = folder.join("latest");
        // Made beside it and moved there, so that there is always one.
        let fresh = folder.join(format!(".latest-{}", std::process::id()));
        let _ = fs::remove_file(&fresh);
        if link(Path::new(name), &fresh).is_err() {
            let name = format!("{}\n", name.to_string_lossy());
            fs::write(&fresh, name).map_err(|source| at(&latest, source))?;
        }
        fs::rename(&fresh, &latest).map_err(|source| {
            let _ = fs::remove_file(&fresh);
            at(&latest, source)
        })
    }
}

/// Reads the result in a run's folder, in the folder that `latest` names, or in the file itself.
pub fn read(place: &Path) -> Result<RunResult, ReadError> {
    #[derive(serde::Deserialize)]
    struct Head {
        format: u32,
    }
    let mut path = followed(place.to_path_buf())?;
    if path.is_dir() && !path.join("result.json").exists() {
        // The folder of all runs of a scenario.
        let latest = path.join("latest");
        if !latest.exists() {
            return Err(ReadError::NoResult { path });
        }
        path = followed(latest)?;
    }
    if path.is_dir() {
        path.push("result.json");
    }
    let json = fs::read(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ReadError::Missing { path: path.clone() },
        _ => ReadError::Io { path: path.clone(), source },
    })?;
    let not_a_result = |source: serde_json::Error| {
        let path = path.clone();
        if source.is_eof() {
            ReadError::CutOff { path, source }
        } else {
            ReadError::NotAResult { path, source }
        }
    };
    // A newer format may have another shape altogether: its number is looked at first.
    let Head { format } = serde_json::from_slice(&json).map_err(not_a_result)?;
    if format > FORMAT {
        return Err(ReadError::TooNew { path, format });
    }
    serde_json::from_slice(&json).map_err(not_a_result)
}

/// The folder that `latest` names, where that is a file.
fn followed(path: PathBuf) -> Result<PathBuf, ReadError> {
    if !path.is_file() || path.file_name().is_none_or(|name| name != "latest") {
        return Ok(path);
    }
    match fs::read_to_string(&path) {
        Ok(name) => Ok(path.with_file_name(name.trim())),
        Err(source) => Err(ReadError::Io { path, source }),
    }
}

/// Writes a file whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let written = File::create(&part).and_then(|mut file| {
        file.write_all(bytes)?;
        // Else a crash after the rename may leave an empty file under the good name.
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&part, path)).map_err(|source| {
        let _ = fs::remove_file(&part);
        at(path, source)
    })
}

fn at(path: &Path, problem: io::Error) -> WriteError {
    WriteError { path: path.to_path_buf(), problem }
}

/// What went wrong and what to do about it.
fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full; make room, or write elsewhere with `--out`".into()
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            format!("{error}; write elsewhere with `--out`")
        }
        _ => error.to_string(),
    }
}

#[cfg(unix)]
fn link(to: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::build::tests::sample_result;

    #[test]
    fn a_run_is_written_and_read_again() {
        let reports = tempfile::tempdir().unwrap();
        let started: Timestamp = "2026-03-01T09:30:05Z".parse().unwrap();
        let first = RunDirectory::create(reports.path(), "Reservation stress", started).unwrap();
        let second = RunDirectory::create(reports.path(), "Reservation stress", started).unwrap();
        assert!(first.path().ends_with("reservation-stress/2026-03-01T09-30-05Z"));
        assert!(second.path().ends_with("reservation-stress/2026-03-01T09-30-05Z-2"));

        let result = sample_result();
        first.write(&result).unwrap();
        second.write(&result).unwrap();
        let latest = reports.path().join("reservation-stress/latest");
        assert_eq!(fs::canonicalize(&latest).unwrap(), fs::canonicalize(second.path()).unwrap());
        let all = latest.parent().unwrap();
        for place in [latest.as_path(), first.path(), &first.path().join("result.json"), all] {
            assert_eq!(read(place).unwrap(), result, "{}", place.display());
        }
        let left: Vec<_> = fs::read_dir(first.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left.len(), 1, "nothing half-written stays: {left:?}");

        // Where there are no links, `latest` is a file that names the run.
        fs::remove_file(&latest).unwrap();
        fs::write(&latest, "2026-03-01T09-30-05Z\n").unwrap();
        assert_eq!(read(&latest).unwrap(), result);
        first.write(&result).unwrap();
        assert_eq!(fs::canonicalize(&latest).unwrap(), fs::canonicalize(first.path()).unwrap());
    }

    #[test]
    fn what_cannot_be_written_or_read_says_so() {
        let reports = tempfile::tempdir().unwrap();
        let file = reports.path().join("file");
        fs::write(&file, "{\"format\": 99}").unwrap();
        let error = RunDirectory::create(&file, "x", Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(error.to_string().starts_with("cannot write "), "{error}");
        let full = WriteError { path: "a/b".into(), problem: io::ErrorKind::StorageFull.into() };
        assert_eq!(
            full.to_string(),
            "cannot write a/b: the disk is full; make room, or write elsewhere with `--out`"
        );
        assert!(matches!(read(&file), Err(ReadError::TooNew { format: 99, .. })));
        fs::write(&file, "{}").unwrap();
        assert!(matches!(read(&file), Err(ReadError::NotAResult { .. })));
        fs::write(&file, "{\"format\": 1, \"load").unwrap();
        assert!(matches!(read(&file), Err(ReadError::CutOff { .. })));
        assert!(matches!(read(&reports.path().join("nothing")), Err(ReadError::Missing { .. })));
        assert!(matches!(read(reports.path()), Err(ReadError::NoResult { .. })));
    }
}
