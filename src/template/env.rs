//! The environment that `env()` and `secret()` read: what the command line gives, the process's own, and files.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Where values come from; the first that has a name wins.
#[derive(Clone, Default)]
pub struct Env {
    /// `--env NAME=VALUE`; of several with one name the last.
    pub given: Vec<(String, String)>,
    /// The files of `--env-file`, which come after the process's own environment; of several the last.
    pub files: Vec<(String, String)>,
}

/// The longest secret that is read from a file, in bytes: longer than any key.
const LONGEST_SECRET: u64 = 64 * 1024;
/// The largest file of variables, in bytes.
const LARGEST_FILE: usize = 1024 * 1024;

/// Why a secret is not to be had. Says nothing of its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    #[error("the secret `{name}` is not set")]
    Missing { name: String },
    /// `NAME_FILE` names a file that cannot be used.
    #[error("the secret `{name}` is not to be had: {path}, which `{name}_FILE` names, {problem}")]
    File { name: String, path: String, problem: String },
}

impl Env {
    pub fn get(&self, name: &str) -> Option<String> {
        let last = |list: &[(String, String)]| {
            list.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        };
        last(&self.given).or_else(|| std::env::var(name).ok()).or_else(|| last(&self.files))
    }

    /// A value that no report may show: that of the name itself, or what is in the file that `NAME_FILE` names,
    /// as systems for secrets lay them down.
    pub fn secret(&self, name: &str) -> Result<String, SecretError> {
        if let Some(value) = self.get(name) {
            return Ok(value);
        }
        let Some(path) = self.get(&format!("{name}_FILE")) else {
            return Err(SecretError::Missing { name: name.to_owned() });
        };
        let failed =
            |problem: String| SecretError::File { name: name.to_owned(), path: path.clone(), problem };
        let value = read_bounded(Path::new(&path)).map_err(failed)?;
        let value = value.strip_suffix('\n').unwrap_or(&value);
        let value = value.strip_suffix('\r').unwrap_or(value);
        if value.is_empty() { Err(failed("is empty".into())) } else { Ok(value.to_owned()) }
    }

    /// The names that are set by files, in their order.
    pub fn read_file(path: &Path) -> Result<Vec<(String, String)>, EnvFileError> {
        let failed = |problem| EnvFileError { path: path.to_owned(), problem };
        let bytes = std::fs::read(path).map_err(|error| failed(EnvFileProblem::Io(error)))?;
        if bytes.len() > LARGEST_FILE {
            return Err(failed(EnvFileProblem::TooLarge));
        }
        let text = String::from_utf8(bytes).map_err(|_| failed(EnvFileProblem::NotText))?;
        variables(&text).map_err(failed)
    }
}

/// A small text file. The error is what the file does not do.
fn read_bounded(path: &Path) -> Result<String, String> {
    use io::Read as _;
    let file = std::fs::File::open(path).map_err(|error| format!("cannot be opened: {error}"))?;
    let mut bytes = Vec::new();
    file.take(LONGEST_SECRET + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > LONGEST_SECRET {
        return Err("has more than 64 KiB".into());
    }
    String::from_utf8(bytes).map_err(|_| "is no UTF-8 text".into())
}

/// Without values, which may be secret.
impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |list: &[(String, String)]| list.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        f.debug_struct("Env").field("given", &names(&self.given)).field("files", &names(&self.files)).finish()
    }
}

/// Why a file of variables cannot be used. Says nothing of values.
#[derive(Debug, thiserror::Error)]
#[error("{}{problem}", path.display())]
pub struct EnvFileError {
    pub path: PathBuf,
    pub problem: EnvFileProblem,
}

/// What is wrong with it; lines count from 1.
#[derive(Debug, thiserror::Error)]
pub enum EnvFileProblem {
    #[error(" cannot be read: {0}")]
    Io(io::Error),
    #[error(" is larger than 1 MiB: a file of variables has a line for each")]
    TooLarge,
    #[error(" is no UTF-8 text: save it as UTF-8")]
    NotText,
    #[error(", line {line}: expected `NAME=value`")]
    NoAssignment { line: usize },
    #[error(", line {line}: the name of a variable has letters, digits and `_`")]
    BadName { line: usize },
    #[error(", line {line}: `{name}` stands here a second time; keep one of the two")]
    Twice { line: usize, name: String },
    #[error(", line {line}: this quotation is never closed")]
    Unclosed { line: usize },
    #[error(
        ", line {line}: something follows the closing quote; quote the whole value, or begin a comment with ` #`"
    )]
    AfterQuote { line: usize },
}

/// `NAME=value` lines. A value may be quoted: in single quotes it is taken as it stands, in double quotes `\n`,
/// `\t`, `\"`, `\\` and `\$` are escapes; either may have several lines. Without quotes it ends at ` #`.
/// Nothing is put in the place of `$NAME`: a password may have a `$`.
fn variables(text: &str) -> Result<Vec<(String, String)>, EnvFileProblem> {
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let all = rest;
    let mut found: Vec<(String, String)> = Vec::new();
    while !rest.is_empty() {
        let line = all[..all.len() - rest.len()].matches('\n').count() + 1;
        let (this, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let stripped = this.trim();
        if stripped.is_empty() || stripped.starts_with('#') {
            rest = after;
            continue;
        }
        let (name, value) = this.split_once('=').ok_or(EnvFileProblem::NoAssignment { line })?;
        let name = name.trim();
        let name = name.strip_prefix("export ").map_or(name, str::trim_start);
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(is_part) {
            return Err(EnvFileProblem::BadName { line });
        }
        if found.iter().any(|(known, _)| known == name) {
            return Err(EnvFileProblem::Twice { line, name: name.to_owned() });
        }
        // From where the value begins, over the lines that it may have.
        let from = rest[this.len() - value.len()..].trim_start_matches([' ', '\t']);
        let value = match from.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let (value, end) = quoted(&from[1..], quote).ok_or(EnvFileProblem::Unclosed { line })?;
                let (tail, next) = from[1 + end..].split_once('\n').unwrap_or((&from[1 + end..], ""));
                if !tail.trim().is_empty() && !tail.trim_start().starts_with('#') {
                    return Err(EnvFileProblem::AfterQuote { line });
                }
                rest = next;
                value
            }
            _ => {
                rest = after;
                let end = [" #", "\t#"].iter().filter_map(|comment| value.find(comment)).min();
                value[..end.unwrap_or(value.len())].trim().to_owned()
            }
        };
        found.push((name.to_owned(), value));
    }
    Ok(found)
}

/// A value up to its closing quote, and where what follows begins.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            letter if letter == quote => return Some((value, at + 1)),
            '\\' if quote == '"' => match letters.next()?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                escaped @ ('"' | '\\' | '$') => value.push(escaped),
                other => value.extend(['\\', other]),
            },
            letter => value.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        variables(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
    }

    #[test]
    fn lines_of_names_and_values() {
        let table = [
            ("A=1", "1"),
            ("A = spaced out  ", "spaced out"),
            ("export A=1\r\n", "1"),
            ("\u{feff}# comment\n\n  # another\nA=x # said", "x"),
            ("A=x#y", "x#y"),
            ("A=", ""),
            ("A=pa$word${HOME}", "pa$word${HOME}"),
            ("A='as it $is \\n' # said", "as it $is \\n"),
            (r#"A="two\nlines, \"quoted\" \$x \d""#, "two\nlines, \"quoted\" $x \\d"),
            ("A=\"-----BEGIN-----\nabc=\n-----END-----\"\n", "-----BEGIN-----\nabc=\n-----END-----"),
            ("A=a=b", "a=b"),
            ("A=it's", "it's"),
        ];
        for (text, value) in table {
            assert_eq!(read(text), [("A".to_owned(), value.to_owned())], "{text:?}");
        }
        let many = read("A=\"1\n2\"\nB='3'\nC=4");
        assert_eq!(many.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["A", "B", "C"]);
    }

    #[test]
    fn slips_say_their_line_and_no_value() {
        let table = [
            ("A=1\nnonsense", "line 2: expected `NAME=value`"),
            ("A=1\n\nA=2", "line 3: `A` stands here a second time"),
            ("A B=1", "line 1: the name of a variable"),
            ("1A=1", "line 1: the name of a variable"),
            ("=1", "line 1: the name of a variable"),
            ("A=\"x\ny\"\nB=\"hunter2", "line 3: this quotation is never closed"),
            ("A='hunter2' and", "line 1: something follows the closing quote"),
        ];
        for (text, said) in table {
            let error = variables(text).unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains("hunter2"), "{text:?}: {error}");
        }
    }

    #[test]
    fn what_is_given_wins_over_the_process_and_that_over_files() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        // Every process has a path.
        let own = std::env::var("PATH").unwrap();
        let mut env = Env {
            files: vec![pair("PATH", "file"), pair("LOADTEST_X", "1"), pair("LOADTEST_X", "2")],
            ..Env::default()
        };
        assert_eq!(env.get("PATH"), Some(own));
        assert_eq!(env.get("LOADTEST_X").as_deref(), Some("2"));
        env.given = vec![pair("PATH", "given"), pair("PATH", "last")];
        assert_eq!(env.get("PATH").as_deref(), Some("last"));
        assert!(!format!("{env:?}").contains("last"));
    }

    #[test]
    fn secrets_are_set_or_lie_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let at = |path: &Path| vec![("LOADTEST_KEY_FILE".to_owned(), path.display().to_string())];
        let mut env = Env { given: at(&path), ..Env::default() };
        let said = |env: &Env| env.secret("LOADTEST_KEY").unwrap_err().to_string();
        assert!(said(&env).contains("which `LOADTEST_KEY_FILE` names, cannot be opened"), "{}", said(&env));
        for (bytes, problem) in
            [(b"\n".to_vec(), "is empty"), (vec![0xff], "is no UTF-8"), (vec![b'x'; 70_000], "has more than")]
        {
            std::fs::write(&path, bytes).unwrap();
            assert!(said(&env).contains(problem), "{}", said(&env));
        }
        for text in ["two words", "two words\n", "two words\r\n"] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(env.secret("LOADTEST_KEY").as_deref(), Ok("two words"));
        }
        env.given.push(("LOADTEST_KEY".into(), "set".into()));
        assert_eq!(env.secret("LOADTEST_KEY").as_deref(), Ok("set"));
        assert_eq!(
            Env::default().secret("LOADTEST_KEY").unwrap_err().to_string(),
            "the secret `LOADTEST_KEY` is not set"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_variables_or_a_problem(text in "[A-C='\"\\\\# \n\r$x]{0,40}") {
            let _ = variables(&text).map_err(|error| error.to_string());
        }

        #[test]
        fn a_quoted_value_comes_back(value in "[a-z'\"\\\\$# \n]{0,20}") {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
            let found = variables(&format!("A=\"{escaped}\" # x\nB=1")).unwrap();
            prop_assert_eq!(&found[0].1, &value);
            prop_assert_eq!(found.len(), 2);
        }
    }
}
