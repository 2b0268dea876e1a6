//! The page without a browser: what it must hold, and what it must not. `tests/browser` looks at it drawn.

use super::*;
use crate::report::samples::{
    MARKUP, bundled, business_heavy, drifting, failing, hostile, never_ready, two_scenarios, waiting, watched,
};
use crate::result::{Unit, WatchedKind};

fn page(result: &RunResult, lang: Lang) -> String {
    render(result, lang).unwrap()
}

#[test]
fn every_run_has_a_page() {
    for result in
        [business_heavy(), failing(), never_ready(), hostile(), waiting(), drifting(), two_scenarios()]
    {
        for (lang, code) in [(Lang::En, "en"), (Lang::Ko, "ko")] {
            let page = page(&result, lang);
            assert!(
                page.contains(&format!("<html lang=\"{code}\">")) && page.trim_end().ends_with("</html>")
            );
        }
    }
}

#[test]
fn whatever_is_said_is_escaped() {
    let page = page(&hostile(), Lang::En);
    assert!(!page.contains(MARKUP));
    assert_eq!(page.matches("<script").count(), 3, "data and the two scripts it comes with");
    assert_eq!(page.matches("</script>").count(), 3);
    assert_eq!(page.matches("<img").count(), 0);
    assert!(page.matches("&lt;script&gt;").count() > 20);
}

#[test]
fn its_policy_is_for_what_it_holds() {
    let page = page(&failing(), Lang::En);
    let policy =
        page.split("Content-Security-Policy\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    let policy = policy.replace("&#x27;", "'").replace("&#x2f;", "/");
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    assert!(policy.contains(&hash(style)), "{policy}");
    for script in page.split("<script>").skip(1) {
        let script = script.split("</script>").next().unwrap();
        assert!(policy.contains(&hash(script)), "{policy}");
    }
}

#[test]
fn what_it_holds_needs_no_scripts() {
    let mut result = failing();
    result.monitor = vec![bundled()];
    let page = page(&result, Lang::Ko);
    let body = page.split("<body>").nth(1).unwrap().split("<script").next().unwrap();
    for text in [
        "812ms",
        "timeout (wait)",
        "1,229",
        "503 Service Unavailable",
        "파일 디스크립터",
        "AMD EPYC",
        "--seed 7",
    ] {
        assert!(body.contains(text), "{text}");
    }
    insta::assert_snapshot!(body);
}

#[test]
fn a_run_without_a_load_has_no_tables_of_nothing() {
    let page = page(&never_ready(), Lang::En);
    assert!(page.contains("nothing listens at"));
    assert!(!page.contains("id=\"thresholds\"") && !page.contains("id=\"steps\""));
}

#[test]
fn what_waits_and_what_an_endpoint_tells_has_charts_of_its_own() {
    let mut result = waiting();
    let mut shop = watched(
        "shop",
        WatchedKind::Prometheus,
        &[("orders", Unit::PerSecond, [1.0; 4]), ("in the line", Unit::Number, [1.0; 4])],
    );
    shop.gauges.iter_mut().for_each(|gauge| gauge.values = vec![Some(2.0); 60]);
    result.monitor = vec![shop];
    let page = page(&result, Lang::En);
    for id in ["waiting", "places", "target-rates", "target-values", "turns", "queues"] {
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
    }
    assert!(!page.contains("id=\"target-other\""));
}
