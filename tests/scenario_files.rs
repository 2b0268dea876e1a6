//! Scenario files from outside: the shipped ones are sound, and broken ones are told what is wrong with them.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]

use std::path::{Path, PathBuf};

use loadtest::scenario::{Failed, LoadOptions, Loaded, load, load_text};

/// The scenario files of a folder, by name.
fn files(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no scenarios", root.display());
    files
}

/// The path as messages are to show it.
fn shown(path: &Path) -> PathBuf {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().to_owned()
}

fn read(path: &Path) -> Result<Loaded, Failed> {
    load_text(&shown(path), std::fs::read_to_string(path).unwrap(), &LoadOptions::default())
}

/// What a user would see, colours off.
fn findings(path: &Path) -> String {
    match read(path) {
        Ok(loaded) => loaded.source.render(&loaded.warnings, false),
        Err(Failed::Findings { file, findings }) => file.render(&findings, false),
        Err(Failed::Read(error)) => error.to_string(),
    }
}

#[test]
fn what_is_shipped_has_no_findings() {
    for path in files("scenarios").iter().chain(&files("tests/fixtures/valid")) {
        assert_eq!(findings(path), "", "{}", path.display());
    }
}

#[test]
fn broken_files_are_told_what_is_wrong() {
    for path in files("tests/fixtures/invalid") {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let findings = findings(&path);
        assert!(!findings.is_empty(), "{name} has no findings");
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "fixtures/invalid" }, {
            insta::assert_snapshot!(name, findings);
        });
    }
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    let error = |path: &str| load(Path::new(path), &LoadOptions::default()).unwrap_err().to_string();
    assert_eq!(
        error("scenarios/queue-spik.yaml"),
        "there is no file scenarios/queue-spik.yaml: did you mean scenarios/queue-spike.yaml?"
    );
    assert_eq!(error("scenarios/nothing like it.yaml"), "there is no file scenarios/nothing like it.yaml");
    assert_eq!(
        error("scenarios"),
        "scenarios is a directory: name a scenario file in it, like scenarios/name.yaml"
    );
}

#[test]
fn machines_get_every_place() {
    let text = "name: x\ntarget: bundled\nload: { users: 1, duration: 5 }\nflow:\n  - get: /a\n";
    let Err(Failed::Findings { file, findings }) =
        load_text(Path::new("x.yaml"), text.into(), &LoadOptions::default())
    else {
        panic!("a duration without a unit is an error")
    };
    insta::assert_snapshot!(serde_json::to_string_pretty(&file.for_machines(&findings)).unwrap());
}
