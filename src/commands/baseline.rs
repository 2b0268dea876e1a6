//! `loadtest baseline save`: a run as one small file, to compare later ones with.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::scenario::{print, show};
use crate::cli::BaselineSaveArgs;
use crate::compare::baseline;
use crate::exit::Exit;
use crate::result::{Soundness, read, slug, write_whole};
use crate::units::Bytes;

pub(super) fn save(args: &BaselineSaveArgs) -> anyhow::Result<Exit> {
    let Some(run) = args.run.clone().or_else(|| newest(Path::new("reports"))) else {
        show("error: there is no run in `reports`; run a scenario, or say which run to save\n");
        return Ok(Exit::Usage);
    };
    let result = match read(&run) {
        Ok(result) => result,
        Err(error) => {
            show(&format!("error: {error}\n"));
            return Ok(Exit::Usage);
        }
    };
    if result.verdict.exit_code != 0 && !args.force {
        let line = crate::result::harmless(&result.verdict.line, false);
        show(&format!(
            "error: {} is no good baseline: {line}\nhelp: save another run, or this one with `--force`\n",
            run.display()
        ));
        return Ok(Exit::Usage);
    }
    if result.validity.verdict == Soundness::Suspect {
        let reasons = result.validity.reasons.join("; ");
        show(&format!("warning: the run is suspect: {}\n", crate::result::harmless(&reasons, false)));
    }
    let name = result.scenario.name.clone();
    let path =
        args.to.clone().unwrap_or_else(|| Path::new("baselines").join(format!("{}.json", slug(&name))));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let mut json = serde_json::to_vec_pretty(&baseline(result))?;
    json.push(b'\n');
    write_whole(&path, &json)?;
    let size = Bytes(json.len() as u64);
    print(&format!("saved {} as {} ({size})\n", run.display(), path.display()))?;
    print(&format!("compare with it by `loadtest run … --baseline {}`\n", path.display()))?;
    Ok(Exit::Passed)
}

/// The run that began last: folders are named after when that was.
fn newest(reports: &Path) -> Option<PathBuf> {
    let folders = |path: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .collect()
    };
    let runs = folders(reports).into_iter().flat_map(|scenario| folders(&scenario));
    runs.filter(|run| run.join("result.json").is_file()).max_by(|a, b| a.file_name().cmp(&b.file_name()))
}
