//! Commands end as the pages show it.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use super::blocks::{Block, Page, page, pages, root};

/// A command, and what a block shows below it.
struct Shown {
    command: String,
    output: String,
}

fn shown(block: &Block) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    for line in block.text.split_inclusive('\n') {
        match (line.strip_prefix("$ "), all.last_mut()) {
            (Some(command), _) => {
                all.push(Shown { command: command.trim_end().to_owned(), output: String::new() });
            }
            (None, Some(last)) => last.output += line,
            (None, None) => panic!("{}: a block of commands begins with `$ `", block.place),
        }
    }
    all
}

fn blocks(language: &str) -> Vec<Block> {
    let all = pages();
    let blocks = all.iter().flat_map(Page::blocks);
    blocks.filter(|block| block.language == language).collect()
}

/// A folder with the files of the pages, as a reader would have it.
pub(crate) fn workplace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root().join("scenarios"), folder.path().join("scenarios")).unwrap();
    for entry in std::fs::read_dir(root().join("tests/docs/keys/files")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let mut names = BTreeSet::new();
    for block in pages().iter().flat_map(Page::blocks) {
        let Some(name) = block.file else { continue };
        assert!(names.insert(name.clone()), "{}: another block is named {name} too", block.place);
        std::fs::write(folder.path().join(name), block.text).unwrap();
    }
    folder
}

/// The arguments of a line that calls the program.
fn arguments(line: &str) -> Option<Vec<String>> {
    let rest = ["cargo run --release -- ", "target/release/loadtest ", "loadtest "]
        .iter()
        .find_map(|program| line.strip_prefix(program))?;
    Some(rest.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect())
}

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.current_dir(folder).env("NO_COLOR", "1").stdin(Stdio::null());
    command.env_remove("GITHUB_ACTIONS").env_remove("GITHUB_STEP_SUMMARY");
    command
}

#[test]
fn commands_say_what_is_shown() {
    let folder = workplace();
    let mut tried = 0;
    for block in blocks("console").iter().filter(|block| block.check.is_empty()) {
        let mut code = 0;
        let mut looked_at = true;
        for Shown { command, output } in shown(block) {
            if command == "echo $?" {
                assert_eq!(output.trim(), code.to_string(), "{}", block.place);
                looked_at = true;
                continue;
            }
            assert!(looked_at, "{}: a command that fails is followed by `$ echo $?`", block.place);
            let arguments = arguments(&command).unwrap_or_else(|| panic!("{}: `{command}`", block.place));
            let ended = program(folder.path()).args(arguments).output().unwrap();
            let said =
                [&ended.stderr, &ended.stdout].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            let said = format!("{}\n{}", said[0].trim(), said[1].trim());
            assert_eq!(said.trim(), output.trim(), "{}: `{command}`", block.place);
            code = ended.status.code().unwrap();
            looked_at = code == 0;
            tried += 1;
        }
        assert!(looked_at, "{}: a command that fails is followed by `$ echo $?`", block.place);
    }
    assert!(tried >= 3, "only {tried} commands were found");
}

#[test]
fn commands_that_take_long_work_in_short() {
    let folder = workplace();
    let recipes = std::fs::read_to_string(root().join("justfile")).unwrap();
    let mut tried = BTreeSet::new();
    for block in blocks("sh").iter().filter(|block| block.check != "docker") {
        for command in block.text.lines() {
            let Some(mut arguments) = arguments(command) else {
                assert!(is_of_the_repository(command, &recipes), "{}: `{command}`", block.place);
                continue;
            };
            if arguments[0] == "run" && !arguments.iter().any(|argument| argument == "--smoke") {
                arguments.push("--smoke".into());
            }
            if tried.insert(arguments.clone()) {
                let ended = program(folder.path()).args(&arguments).output().unwrap();
                let said = String::from_utf8_lossy(&ended.stdout);
                // A run this short may be suspect on a busy machine; what counts is that it works.
                assert_eq!(ended.status.code(), Some(0), "{}: `{command}`\n{said}", block.place);
            }
        }
    }
    assert!(tried.len() >= 4, "only {} commands were found", tried.len());
}

#[test]
fn commands_that_need_docker_stand_where_they_are_run() {
    let blocks = blocks("sh");
    let places = blocks.iter().filter(|block| block.check == "docker").map(|block| &block.place);
    let (here, elsewhere): (Vec<_>, Vec<_>) =
        places.partition(|place| place.starts_with("docs/ticketing.md:"));
    assert!(here.len() == 2 && elsewhere.is_empty(), "{here:?}, {elsewhere:?}");
}

/// Whether a command of `cargo` or `just` is one that there is.
fn is_of_the_repository(command: &str, recipes: &str) -> bool {
    let words: Vec<&str> = command.split(' ').filter(|word| !word.contains('=')).collect();
    match words.as_slice() {
        ["just", recipe] => recipes
            .lines()
            .any(|line| line.strip_prefix(recipe).is_some_and(|rest| rest.starts_with([':', ' ']))),
        ["cargo", "test" | "insta", ..] => true,
        _ => false,
    }
}

#[test]
fn workflows_call_what_there_is() {
    let mut found = 0;
    for block in pages().iter().flat_map(Page::blocks).filter(|block| block.check == "github") {
        for (at, program) in block.text.match_indices("target/release/loadtest ") {
            let line = block.text[at..].lines().next().unwrap();
            let line = line.split(" ||").next().unwrap();
            let arguments = arguments(line).unwrap();
            for file in arguments.iter().filter(|word| word.starts_with("scenarios/") && !word.contains('*'))
            {
                assert!(root().join(file).exists(), "{}: there is no {file}", block.place);
            }
            let mut help = Command::new(env!("CARGO_BIN_EXE_loadtest"));
            let verb = help.args([&arguments[0], "--help"]).output().unwrap();
            assert!(verb.status.success(), "{}: {program}{}", block.place, arguments[0]);
            found += 1;
        }
    }
    assert!(found >= 3);
}

/// Tokens and times, which differ each time.
fn masked(text: &str) -> String {
    let patterns = [
        (r#""[0-9a-f]{16}""#, "\"TOKEN\""),
        (r"(?i)(queue-token-queue-id: )[0-9a-f]{16}", "${1}TOKEN"),
        (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "TIME"),
    ];
    let text = text.replace('\r', "");
    patterns.iter().fold(text, |text, (pattern, name)| {
        regex::Regex::new(pattern).unwrap().replace_all(&text, *name).into_owned()
    })
}

#[test]
fn requests_to_the_bundled_service_are_answered_as_shown() {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        let test = "requests_to_the_bundled_service_are_answered_as_shown";
        let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!ci, "{test} needs curl");
        // Past the capture of the test's output, or nobody would read it.
        let _ = writeln!(std::io::stderr(), "skipped: {test}: there is no curl");
        return;
    }
    let mut service = program(root());
    service
        .args(["target", "--admin", "--port", "0", "--child"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut service = service.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(service.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();

    // One shell for all of them, since they use each other's variables.
    let mut script = String::new();
    let blocks = page("docs/ticketing.md").blocks();
    let blocks = blocks.iter().filter(|block| block.check == "curl");
    let all: Vec<Shown> = blocks.flat_map(shown).collect();
    for Shown { command, .. } in &all {
        script += &command.replace("http://localhost:8080", &url).replace("$ ", "");
        script += "\nprintf '\\n\\001'\n";
    }
    let ended = Command::new("sh").args(["-c", &script]).output().unwrap();
    drop(service.stdin.take());
    service.wait().unwrap();

    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    let answers: Vec<&str> = said.split('\u{1}').collect();
    assert!(all.len() > 5);
    for (Shown { command, output }, answer) in all.iter().zip(answers) {
        assert_eq!(masked(answer.trim()), masked(output.trim()), "`{command}`");
    }
}

#[test]
fn every_route_of_the_service_is_in_its_page() {
    let text = page("docs/ticketing.md").text;
    let folder = root().join("target-service/src/http");
    let mut found = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let code = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for route in code.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(text.contains(&format!(" {route}`")), "the page says nothing of {route}");
            found += 1;
        }
    }
    assert!(found > 15, "only {found} routes were found");
}

/// Texts in the code of the service that match, each once.
fn found_in(file: &str, pattern: &str) -> BTreeSet<String> {
    let code = std::fs::read_to_string(root().join("target-service/src").join(file)).unwrap();
    let code = code.split("#[cfg(test)]").next().unwrap();
    let pattern = regex::Regex::new(pattern).unwrap();
    pattern.captures_iter(code).map(|found| found[1].to_owned()).collect()
}

#[test]
fn every_metric_and_variable_of_the_service_is_in_its_page() {
    let text = page("docs/ticketing.md").text;
    let metrics = found_in("metrics/exposition.rs", r#""((?:ticketing|process)_[a-z_]+)""#);
    assert!(metrics.len() > 10, "only {metrics:?} were found");
    for metric in metrics {
        // The page has it with its unit, and with `_total` where it is counted.
        let pattern = format!("\n\\|[^|]*`{metric}(_total|_seconds|_bytes|_cores|_seconds_total)?`");
        assert!(regex::Regex::new(&pattern).unwrap().is_match(&text), "the page says nothing of {metric}");
    }
    let variables = found_in("main.rs", r#"env = "([A-Z_]+)""#);
    assert!(variables.len() > 5, "only {variables:?} were found");
    for variable in variables {
        assert!(text.contains(&format!("`{variable}` |")), "the page says nothing of {variable}");
    }
}
