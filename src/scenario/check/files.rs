//! Files that a scenario names besides itself: looked for beside it, read once, and kept in memory.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::Check;
use crate::scenario::finding::shortened;
use crate::scenario::yaml::{Key, Node};
use crate::spelling::closest;

/// A file to be sent, at most: what is larger says more about disks and memory of the generator than about a
/// service.
pub(super) const LARGEST_BODY: u64 = 256 * 1024 * 1024;
/// A file of certificates or keys, at most: those of all authorities of the world have a fifth of it.
pub(super) const LARGEST_PEM: u64 = 1024 * 1024;

impl Check<'_> {
    /// A file that a key names, and its content.
    pub(super) fn file(&mut self, node: &Node, key: &Key, largest: u64) -> Option<(PathBuf, Bytes)> {
        let written = self.text_now(node, key, "the path of a file")?;
        if written.is_empty() {
            self.error(
                &node.span,
                format!("`{}` names no file", key.name),
                "write its path, from this file's folder",
            );
            return None;
        }
        let path = self.source.beside(node.span.start, &written);
        if let Some(known) = self.files.get(&path).filter(|known| known.len() as u64 <= largest) {
            return Some((path, known.clone()));
        }
        match read(&path, largest) {
            Ok(bytes) => {
                self.files.insert(path.clone(), bytes.clone());
                Some((path, bytes))
            }
            Err((problem, help)) => {
                let problem = problem.replace("{}", &shortened(&written));
                self.error(&node.span, problem, help);
                None
            }
        }
    }
}

/// The content, or what is wrong (with `{}` for the file's name) and what to do.
fn read(path: &Path, largest: u64) -> Result<Bytes, (String, String)> {
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => ("there is no file `{}`".to_owned(), not_there(path)),
        ErrorKind::PermissionDenied => {
            ("the file `{}` may not be read".to_owned(), "give yourself the right to read it".to_owned())
        }
        _ => ("the file `{}` cannot be read".to_owned(), error.to_string()),
    };
    // Asked before it is opened: a pipe would be waited for.
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(("`{}` is no file".to_owned(), "name a file, not a directory or a device".to_owned()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(largest)).unwrap_or_default());
    let file = File::open(path).map_err(failed)?;
    file.take(largest + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > largest {
        let problem = format!("the file `{{}}` is larger than {} MiB", largest / 1024 / 1024);
        return Err((problem, "take a smaller one: it is kept in memory while the test runs".to_owned()));
    }
    Ok(Bytes::from(bytes))
}

fn not_there(path: &Path) -> String {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(folder) else {
        return format!("there is no folder {}: paths begin at the scenario's own", folder.display());
    };
    let names: Vec<String> =
        entries.take(1000).flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let wanted = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match closest(&wanted, names.iter().map(String::as_str)) {
        Some(close) => format!("did you mean `{close}`?"),
        None => format!("it is looked for in {}: paths begin at the scenario's own folder", folder.display()),
    }
}
