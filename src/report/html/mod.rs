//! The report as a page: one file that loads nothing, with charts.
//!
//! Tables are made here and are there without scripts; charts are drawn from data in the page. Whatever a file or a
//! server said goes through one of two doors: the template engine, which escapes all it is given, or the JSON of
//! `json::for_page`. The page's own policy lets no other script run than the ones it came with.

mod charts;
mod heat;
mod json;
mod view;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use sha2::{Digest as _, Sha256};

use super::words::Lang;
use crate::result::RunResult;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = concat!(include_str!("vendor/uplot/uPlot.min.css"), include_str!("style.css"));
const UPLOT: &str = include_str!("vendor/uplot/uPlot.iife.min.js");
const CHARTS: &str = concat!(
    "(() => {\n\"use strict\";\n",
    include_str!("charts/figures.js"),
    include_str!("charts/theme.js"),
    include_str!("charts/table.js"),
    include_str!("charts/time.js"),
    include_str!("charts/heat.js"),
    include_str!("charts/curve.js"),
    include_str!("charts/page.js"),
    "})();\n",
);

/// Why a page could not be made; all of it would be a fault of this program.
#[derive(Debug, thiserror::Error)]
pub enum HtmlError {
    #[error("the page's template failed: {0}")]
    Template(#[from] minijinja::Error),
    #[error("the page's data failed: {0}")]
    Data(#[from] serde_json::Error),
}

/// The whole page.
pub fn render(result: &RunResult, lang: Lang) -> Result<String, HtmlError> {
    let words = lang.words();
    let data = charts::data(result, words);
    let view = view::view(result, words, &data);
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    // What comes with the program, and data in which nothing can end the element it stands in.
    let whole = |text: &str| Value::from_safe_string(text.to_owned());
    let context = context! {
        w => Value::from(Serde(words)),
        p => Value::from(Serde(&words.page)),
        view => Value::from(Serde(view)),
        data => Value::from_safe_string(json::for_page(&data)?),
        style => whole(STYLE),
        scripts => [whole(UPLOT), whole(CHARTS)],
        policy => policy(),
    };
    Ok(environment.render_str(PAGE, context)?)
}

/// Nothing is loaded, and nothing runs but what stands here.
fn policy() -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; script-src {} {}; style-src {}; img-src data:; base-uri 'none'; form-action 'none'",
        hash(UPLOT),
        hash(CHARTS),
        hash(STYLE)
    )
}

#[cfg(test)]
mod tests;
