//! The report of runs of every kind, as it is written.

use super::*;
use crate::report::samples::{
    MARKUP, business_heavy, drifting, failing, hostile, never_ready, two_scenarios, waiting,
};

#[test]
fn right_refusals_are_no_failures() {
    insta::assert_snapshot!(render(&business_heavy(), Lang::En));
}

#[test]
fn a_run_that_fails_in_every_way() {
    insta::assert_snapshot!(render(&failing(), Lang::En));
}

#[test]
fn in_korean() {
    insta::assert_snapshot!(render(&failing(), Lang::Ko));
}

#[test]
fn users_who_wait_for_their_turn() {
    insta::assert_snapshot!(render(&waiting(), Lang::En));
}

#[test]
fn where_an_endurance_run_went() {
    let said = [Lang::En, Lang::Ko].map(|lang| {
        let report = render(&drifting(), lang);
        let begin = report.find(lang.words().drift).unwrap();
        report[begin..].split("<details>").next().unwrap().trim_end().to_owned()
    });
    insta::assert_snapshot!(said.join("\n\n"));
}

#[test]
fn of_two_scenarios_each_is_told_apart() {
    insta::assert_snapshot!(render(&two_scenarios(), Lang::En));
}

#[test]
fn never_ready_has_no_tables_of_nothing() {
    insta::assert_snapshot!(render(&never_ready(), Lang::En));
}

#[test]
fn what_a_server_says_is_text() {
    use pulldown_cmark::{Event, Options, Parser, Tag};
    let report = render(&hostile(), Lang::En);
    let mut shown = String::new();
    for event in Parser::new_ext(&report, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => {
                let tag = html.trim().trim_matches(['<', '>', '/']);
                assert!(
                    ["br", "details", "summary"].contains(&tag) || html.starts_with("<summary>"),
                    "{html}"
                );
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => panic!("{dest_url}"),
            Event::Start(Tag::Emphasis | Tag::Strikethrough) => panic!("something is emphasised"),
            Event::Text(text) | Event::Code(text) => shown += &text,
            _ => {}
        }
    }
    // Once for each place, whether as text or as code.
    assert!(shown.matches(MARKUP).count() > 20, "{shown}");
}
