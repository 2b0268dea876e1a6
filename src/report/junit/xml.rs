//! Suites of test cases as XML.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::cases::{Case, State, Suite};
use crate::report::content::{plain, title};
use crate::result::RunResult;

pub(super) fn write(result: &RunResult, suites: &[Suite]) -> io::Result<String> {
    let name = allowed(&title(result));
    let time = format!("{:.3}", result.wall_s);
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let all = Counts::of(suites.iter().flat_map(|suite| &suite.cases));
    let head = [
        ("name", name.as_str()),
        ("tests", &all.tests),
        ("failures", &all.failures),
        ("errors", &all.errors),
        ("time", &time),
    ];
    writer.create_element("testsuites").with_attributes(head).write_inner_content(|writer| {
        suites.iter().try_for_each(|suite| write_suite(writer, result, &name, suite))
    })?;
    let mut text = String::from_utf8(writer.into_inner()).map_err(io::Error::other)?;
    text.push('\n');
    Ok(text)
}

struct Counts {
    tests: String,
    failures: String,
    errors: String,
    skipped: String,
}

impl Counts {
    fn of<'a>(cases: impl Iterator<Item = &'a Case>) -> Counts {
        let (mut tests, mut failures, mut errors, mut skipped) = (0, 0, 0, 0);
        for case in cases {
            tests += 1;
            match case.state {
                State::Passed(_) => {}
                State::Failed(_) => failures += 1,
                State::Errored(_) => errors += 1,
                State::Skipped(_) => skipped += 1,
            }
        }
        let [tests, failures, errors, skipped] =
            [tests, failures, errors, skipped].map(|n: u32| n.to_string());
        Counts { tests, failures, errors, skipped }
    }
}

fn write_suite(
    writer: &mut Writer<Vec<u8>>,
    result: &RunResult,
    scenario: &str,
    suite: &Suite,
) -> io::Result<()> {
    let counts = Counts::of(suite.cases.iter());
    let timestamp = allowed(result.started.split('.').next().unwrap_or_default());
    let name = format!("{scenario}.{}", suite.name);
    let head = [
        ("name", name.as_str()),
        ("tests", &counts.tests),
        ("failures", &counts.failures),
        ("errors", &counts.errors),
        ("skipped", &counts.skipped),
        ("timestamp", &timestamp),
    ];
    let properties = [
        ("target", plain(&result.target.url).into_owned()),
        ("seed", result.seed.to_string()),
        ("verdict", plain(&result.verdict.line).into_owned()),
        ("loadtest", plain(&result.loadtest).into_owned()),
    ];
    writer.create_element("testsuite").with_attributes(head).write_inner_content(|writer| {
        // Once is enough.
        if suite.name == "run" {
            writer.create_element("properties").write_inner_content(|writer| {
                for (name, value) in &properties {
                    let attributes = [("name", *name), ("value", &*allowed(value))];
                    writer.create_element("property").with_attributes(attributes).write_empty()?;
                }
                Ok(())
            })?;
        }
        suite.cases.iter().try_for_each(|case| write_case(writer, &name, case))
    })?;
    Ok(())
}

fn write_case(writer: &mut Writer<Vec<u8>>, class: &str, case: &Case) -> io::Result<()> {
    let name = allowed(&case.name);
    let element = writer.create_element("testcase").with_attributes([("name", &*name), ("classname", class)]);
    let (tag, said) = match &case.state {
        State::Passed(said) if said.is_empty() => {
            element.write_empty()?;
            return Ok(());
        }
        State::Passed(said) => ("system-out", said),
        State::Failed(said) => ("failure", said),
        State::Errored(said) => ("error", said),
        State::Skipped(said) => ("skipped", said),
    };
    let said = allowed(said);
    element.write_inner_content(|writer| {
        let inner = writer.create_element(tag);
        // Some pages show the attribute, some the text. Of what was skipped older schemas know the text alone.
        let is_problem = matches!(case.state, State::Failed(_) | State::Errored(_));
        let inner = if is_problem { inner.with_attribute(("message", &*said)) } else { inner };
        inner.write_text_content(BytesText::new(&said))?;
        Ok(())
    })?;
    Ok(())
}

/// Without the letters that XML 1.0 has no way to write.
fn allowed(text: &str) -> String {
    let is_allowed =
        |letter: &char| matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..='\u{10ffff}');
    text.chars().filter(is_allowed).collect()
}
