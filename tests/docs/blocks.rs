//! The pages, and the code blocks in them.

use std::path::{Path, PathBuf};

/// A page of the documentation.
pub(crate) struct Page {
    /// From the root of the repository.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// A fenced code block.
pub(crate) struct Block {
    /// Page and line, for messages.
    pub(crate) place: String,
    pub(crate) language: String,
    /// How it is checked.
    pub(crate) check: String,
    pub(crate) file: Option<String>,
    /// The file of the repository that it is an excerpt of.
    pub(crate) of: Option<String>,
    pub(crate) text: String,
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn pages() -> Vec<Page> {
    let mut paths = vec![PathBuf::from("README.md"), PathBuf::from("CHANGELOG.md")];
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name();
        if Path::new(&name).extension().is_some_and(|extension| extension == "md") {
            paths.push(Path::new("docs").join(name));
        }
    }
    paths.sort();
    let page = |path: PathBuf| Page { text: std::fs::read_to_string(root().join(&path)).unwrap(), path };
    paths.into_iter().map(page).collect()
}

pub(crate) fn page(path: &str) -> Page {
    pages().into_iter().find(|page| page.path == Path::new(path)).unwrap()
}

impl Page {
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for (number, line) in self.text.lines().enumerate() {
            match &mut open {
                Some(_) if line == "```" => blocks.extend(open.take()),
                Some(block) => {
                    block.text += line;
                    block.text += "\n";
                }
                None => {
                    let Some(info) = line.strip_prefix("```") else { continue };
                    let words: Vec<&str> = info.split(' ').collect();
                    let check = words[1..].iter().find(|word| !word.contains('=')).copied();
                    let value =
                        |key: &str| words.iter().find_map(|word| word.strip_prefix(key)).map(str::to_owned);
                    open = Some(Block {
                        place: format!("{}:{}", self.path.display(), number + 1),
                        language: words[0].to_owned(),
                        check: check.unwrap_or_default().to_owned(),
                        file: value("file="),
                        of: value("of="),
                        text: String::new(),
                    });
                }
            }
        }
        assert!(open.is_none(), "{}: a code block is never closed", self.path.display());
        blocks
    }

    /// The rows of all tables, split into cells, without their heads.
    pub(crate) fn rows(&self) -> Vec<Vec<String>> {
        let cells =
            |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        let lines = self.text.lines().filter(|line| line.starts_with('|'));
        lines.map(cells).collect()
    }

    /// The text without code blocks.
    pub(crate) fn prose(&self) -> String {
        let mut inside = false;
        let mut prose = String::new();
        for line in self.text.lines() {
            if line.starts_with("```") {
                inside = !inside;
            } else if !inside {
                prose += line;
                prose += "\n";
            }
        }
        prose
    }
}

#[test]
fn every_block_says_how_it_is_checked() {
    const KNOWN: [(&str, &[&str]); 10] = [
        (
            "yaml",
            &["whole", "part", "step", "thresholds", "invalid", "github", "included", "steps", "excerpt"],
        ),
        ("console", &["", "curl"]),
        ("sh", &["", "docker"]),
        ("json", &[""]),
        ("csv", &[""]),
        ("text", &[""]),
        ("js", &[""]),
        ("java", &[""]),
        ("scala", &[""]),
        ("rust", &[""]),
    ];
    for block in pages().iter().flat_map(Page::blocks) {
        let checks = KNOWN.iter().find(|(language, _)| *language == block.language);
        let known = checks.is_some_and(|(_, checks)| checks.contains(&block.check.as_str()));
        assert!(known, "{}: `{} {}` is no kind of block", block.place, block.language, block.check);
    }
}
