//! Links within the repository lead to a file, and to a heading where they name one.

use super::blocks::{Page, pages, root};

/// What GitHub makes of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter_map(|line| line.strip_prefix('#'));
    headings.map(|heading| anchor(heading.trim_start_matches('#').trim())).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let mut seen = 0;
    for page in &pages {
        for link in links(page) {
            if link.starts_with("http://") || link.starts_with("https://") {
                continue;
            }
            seen += 1;
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let path = if file.is_empty() { page.path.clone() } else { page.path.with_file_name(file) };
            let place = format!("{}: ({link})", page.path.display());
            assert!(root().join(&path).exists(), "{place} leads nowhere");
            if !heading.is_empty() {
                let text = std::fs::read_to_string(root().join(&path)).unwrap();
                assert!(anchors(&text).iter().any(|anchor| anchor == heading), "{place}: no such heading");
            }
        }
    }
    assert!(seen > 20, "only {seen} links were found");
}

fn links(page: &Page) -> Vec<String> {
    let prose = page.prose();
    let ends = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    ends.map(|(link, _)| link.to_owned()).collect()
}
