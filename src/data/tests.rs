//! Files of rows: read as they were written, kept or streamed, and their slips found.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::template::write_json;

/// A file that goes with the value.
struct Kept {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn file(bytes: impl AsRef<[u8]>) -> Kept {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows");
    std::fs::write(&path, bytes).unwrap();
    Kept { _folder: folder, path }
}

fn json(value: &Value) -> String {
    let mut out = Vec::new();
    write_json(value, &mut out);
    String::from_utf8(out).unwrap()
}

fn all(rows: &Rows) -> Vec<String> {
    let mut block = Block::default();
    (0..rows.count()).map(|row| json(&rows.read(row, &mut block).unwrap())).collect()
}

fn csv(text: &str) -> Result<Rows, String> {
    let file = file(text);
    Rows::csv(&file.path, b',').map_err(|error| error.problem.to_string())
}

/// The same file, read as one that is too large to be kept.
fn streamed(path: &Path, format: Format, fields: RowFields) -> Rows {
    let table = Table::open(path, &format, 0).unwrap();
    Rows { kind: Kind::Table { table, format }, fields }
}

fn streamed_csv(path: &Path) -> Rows {
    let columns: Arc<[Arc<str>]> = scan::header(&mut scan::open(path).unwrap(), b',').unwrap().into();
    streamed(path, Format::Csv { columns: Arc::clone(&columns), delimiter: b',' }, RowFields::Named(columns))
}

#[test]
fn values_of_a_row_have_the_names_of_the_header() {
    let rows = csv("id, name\n7,ann\n8,\"bob \"\"the\"\" b, esq.\"\n").unwrap();
    assert_eq!(rows.fields(), &RowFields::Named(Arc::from(["id".into(), "name".into()])));
    assert_eq!(all(&rows), [r#"{"id":"7","name":"ann"}"#, r#"{"id":"8","name":"bob \"the\" b, esq."}"#]);
}

#[test]
fn ends_of_lines_of_any_kind_and_marks_before_the_text() {
    for text in ["a,b\r\n1,2\r\n\r\n3,4\r\n", "\u{feff}a,b\n1,2\n\n3,4", "\n\na,b\r1,2\r3,4\r"] {
        assert_eq!(all(&csv(text).unwrap()), [r#"{"a":"1","b":"2"}"#, r#"{"a":"3","b":"4"}"#], "{text:?}");
    }
    let lines = file("\u{feff}one\r\n\r\ntwo\n\nthree");
    assert_eq!(all(&Rows::lines(&lines.path).unwrap()), [r#""one""#, r#""two""#, r#""three""#]);
}

#[test]
fn slips_are_found_with_their_line() {
    let table = [
        ("", "the file is empty"),
        ("a,b\n", "there are no rows"),
        ("a,b\n1,2\n3\n", "line 3 has 1 value, and the header has 2"),
        ("a,b\r\n1,2\r\n\r\n3,4,5\r\n", "line 4 has 3 values, and the header has 2"),
        ("a,b\n\"x\ny\",2\n3\n", "line 4 has 1 value, and the header has 2"),
        ("a,,c\n1,2,3\n", "column 2 of the header has no name"),
        ("a,b, a\n1,2,3\n", "two columns of the header are named `a`"),
        ("a,b\n1,2\n3,\"4\n5,6\n", "a quotation that begins in line 3 is never closed"),
        ("a,b\n1,2\n\"3,4\n5,6\n", "a quotation that begins in line 3 is never closed"),
    ];
    for (text, problem) in table {
        assert_eq!(csv(text).unwrap_err(), problem, "{text:?}");
    }
    let broken = file(b"a,b\n1,2\n3,\xff\n");
    assert_eq!(Rows::csv(&broken.path, b',').unwrap_err().problem.to_string(), "line 3 is no UTF-8 text");
    // Half a letter on either side of a comma is no letter.
    let halves = file(b"a,b\n\xc3,\xa9\n");
    assert_eq!(Rows::csv(&halves.path, b',').unwrap_err().problem.to_string(), "line 2 is no UTF-8 text");
    let lines = file(b"one\ntwo\n\xfe\n");
    assert_eq!(Rows::lines(&lines.path).unwrap_err().problem.to_string(), "line 3 is no UTF-8 text");
    let long = file("a\n".to_owned() + &"x".repeat(1 << 22));
    assert_eq!(Rows::csv(&long.path, b',').unwrap_err().problem.to_string(), "the row of line 2 is too long");
    assert_eq!(Rows::lines(&long.path).unwrap_err().problem.to_string(), "the row of line 2 is too long");
}

#[test]
fn a_quote_within_a_value_opens_nothing() {
    assert_eq!(all(&csv("a,b\n1,5\" pipe\n").unwrap()), [r#"{"a":"1","b":"5\" pipe"}"#]);
    assert_eq!(all(&csv("a,b\n1,\"two\nlines\n\"\n").unwrap()), [r#"{"a":"1","b":"two\nlines\n"}"#]);
}

#[test]
fn rows_of_json_are_objects_or_values() {
    let read = |text: &str| {
        let file = file(text);
        Rows::json(&file.path).map_err(|error| error.problem.to_string())
    };
    let rows = read(r#" [{"id": 7, "tags": ["a"]}, {"id": 8, "note": null}]"#).unwrap();
    let names: [Arc<str>; 3] = ["id".into(), "tags".into(), "note".into()];
    assert_eq!(rows.fields(), &RowFields::Named(Arc::from(names)));
    assert_eq!(all(&rows), [r#"{"id":7,"tags":["a"]}"#, r#"{"id":8,"note":null}"#]);
    assert_eq!(read("[1, \"x\"]").unwrap().fields(), &RowFields::Whole);
    for (text, problem) in [
        ("", "line 1, column 0 is no JSON: EOF while parsing a value"),
        ("[1,\n 2,]", "line 2, column 4 is no JSON: trailing comma"),
        ("{\"rows\": []}", "it holds no list"),
        ("[]", "there are no rows"),
        ("[{}, 1]", "row 2 is of another kind than the rows before it"),
    ] {
        assert_eq!(read(text).unwrap_err(), problem, "{text}");
    }
}

#[test]
fn a_file_that_is_not_there_may_be_another() {
    let kept = file("a\n1\n");
    let problem = Rows::csv(&kept.path.with_file_name("row"), b',').unwrap_err().problem;
    assert_eq!(problem.help(), format!("did you mean `{}`?", kept.path.display()));
    let folder = Rows::lines(kept.path.parent().unwrap()).unwrap_err();
    assert!(matches!(folder.problem, DataProblem::Directory), "{folder:?}");
}

#[test]
fn a_file_that_changes_under_way_is_an_error_and_no_wrong_row() {
    let kept = file("a,b\n1,2\n3,4\n");
    let rows = streamed_csv(&kept.path);
    let mut block = Block::default();
    std::fs::write(&kept.path, "a,b\n1\n").unwrap();
    assert!(rows.read(1, &mut block).is_err());
    std::fs::write(&kept.path, "a,b\nlong enough, 1, 2, 3\n").unwrap();
    let error = rows.read(0, &mut block).unwrap_err();
    assert_eq!(error.to_string(), "it has changed since it was checked");
}

/// Far more rows than places are kept of: every one of them is found, from either end and in leaps.
#[test]
fn any_row_of_a_long_file_is_found() {
    const ROWS: u64 = 600_000;
    let mut text = "id,name\n".to_owned();
    (0..ROWS).for_each(|row| text += &format!("{row},{:x}\n", row * 7919));
    let kept = file(text);
    let kept = [Rows::csv(&kept.path, b',').unwrap(), streamed_csv(&kept.path)];
    for rows in kept {
        assert_eq!(rows.count(), ROWS);
        let mut block = Block::default();
        let leaps = (0..ROWS).step_by(997).chain((0..ROWS).rev().step_by(1009)).chain(ROWS - 300..ROWS);
        for row in leaps {
            let expected = format!(r#"{{"id":"{row}","name":"{:x}"}}"#, row * 7919);
            assert_eq!(json(&rows.read(row, &mut block).unwrap()), expected);
        }
        assert!(rows.read(ROWS, &mut block).is_err());
    }
}

fn quoted(value: &str, always: bool) -> String {
    let needs = value.is_empty() || value.contains(['"', ',', '\r', '\n']);
    if always || needs { format!("\"{}\"", value.replace('"', "\"\"")) } else { value.to_owned() }
}

proptest! {
    /// What was written comes back, whether the file is kept or read as it is needed.
    #[test]
    fn rows_come_back_as_they_were_written(
        written in prop::collection::vec(prop::collection::vec("[a-c\",\r\n é]{0,6}", 3), 1..20),
        end in prop::sample::select(vec!["\n", "\r\n"]),
        always in any::<bool>(),
        closed in any::<bool>(),
    ) {
        let mut text = format!("x,y,z{end}");
        for row in &written {
            let values: Vec<String> = row.iter().map(|value| quoted(value, always)).collect();
            text += &values.join(",");
            text += end;
        }
        if !closed {
            text.truncate(text.len() - end.len());
        }
        let kept = file(&text);
        let expected: Vec<String> = written.iter().map(|row| {
            let fields = ["x", "y", "z"].iter().zip(row);
            let fields = fields.map(|(name, value)| {
                format!("\"{name}\":{}", serde_json::to_string(value).unwrap())
            });
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }).collect();
        prop_assert_eq!(&all(&Rows::csv(&kept.path, b',').unwrap()), &expected);
        prop_assert_eq!(&all(&streamed_csv(&kept.path)), &expected);
    }

    /// Whatever the bytes, they are rows or a problem, and what is counted can be read.
    #[test]
    fn any_bytes_are_rows_or_a_problem(bytes in prop::collection::vec(prop::sample::select(
        b"ab,\"\r\n\xc3\xa9\xff\xef\xbb\xbf".to_vec()), 0..60)) {
        let kept = file(&bytes);
        for rows in [Rows::csv(&kept.path, b','), Rows::lines(&kept.path), Rows::json(&kept.path)] {
            match rows {
                Ok(rows) => prop_assert_eq!(all(&rows).len() as u64, rows.count()),
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
        if let Ok(rows) = Rows::lines(&kept.path) {
            let large = streamed(&kept.path, Format::Lines, RowFields::Whole);
            prop_assert_eq!(all(&rows), all(&large));
        }
    }
}
