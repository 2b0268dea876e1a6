//! `JUnit` XML, for the pages of CI: thresholds, invariants and checks as test cases.
//!
//! What fails here is what the verdict rests on, so that CI and the exit code say the same. A check fails no test
//! by itself: where it did not always hold, its case is skipped and says so.
//!
//! Only elements and attributes that all the published schemas have in common are used.

mod cases;
mod xml;

use self::cases::suites;
use self::xml::write;
use crate::result::RunResult;

/// The whole document.
pub fn render(result: &RunResult) -> Result<String, std::io::Error> {
    write(result, &suites(result))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::{MARKUP, business_heavy, failing, hostile, never_ready};

    #[test]
    fn a_run_that_passed() {
        insta::assert_snapshot!(render(&business_heavy()).unwrap());
    }

    #[test]
    fn a_run_that_fails_in_every_way() {
        insta::assert_snapshot!(render(&failing()).unwrap());
    }

    #[test]
    fn without_a_load_nothing_else_is_judged() {
        insta::assert_snapshot!(render(&never_ready()).unwrap());
    }

    #[test]
    fn what_a_server_says_is_text() {
        let xml = render(&hostile()).unwrap();
        assert!(!xml.contains("<script") && !xml.contains("<img"));
        let mut reader = quick_xml::Reader::from_str(&xml);
        let mut found = 0;
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Eof => break,
                quick_xml::events::Event::Start(tag) | quick_xml::events::Event::Empty(tag) => {
                    for attribute in tag.attributes() {
                        let value =
                            attribute.unwrap().normalized_value(quick_xml::XmlVersion::Explicit1_0).unwrap();
                        found += usize::from(value.contains(MARKUP));
                    }
                }
                _ => {}
            }
        }
        assert!(found > 5, "{found} of {xml}");
    }
}
