//! The HTML report in a real browser: that it is drawn, that it says nothing on the console, that whatever a server
//! said is text in it, and that it can be used without a mouse, in the dark, on a phone and on paper.

#![allow(clippy::unwrap_used, reason = "a broken fixture is a broken test")]

mod chromium;
mod pages;
#[path = "../support/mod.rs"]
mod support;

use fantoccini::Locator;
use fantoccini::key::Key;
use serde_json::{Value, json};

use chromium::Browser;
use pages::{HOSTILE, an_hour_of, eventful, page};

/// For each canvas how many colours it holds; one that is empty holds one.
const COLOURS: &str = r"
    return [...document.querySelectorAll('canvas')].map((canvas) => {
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        const seen = new Set();
        for (let at = 0; at < data.length; at += 4) {
            seen.add((data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3]);
        }
        return seen.size;
    });
";

async fn expect_drawn(browser: &Browser, at_least: usize) {
    let colours: Vec<u64> = serde_json::from_value(browser.run(COLOURS).await).unwrap();
    assert!(colours.len() >= at_least, "{colours:?}");
    // Axes and their labels are a few shades of one colour; lines bring others.
    assert!(colours.iter().all(|colours| *colours > 20), "{colours:?}");
}

async fn expect_silent(browser: &Browser) {
    assert_eq!(browser.console().await, [""; 0]);
}

#[tokio::test]
async fn a_page_is_drawn_and_nothing_of_it_acts() {
    let Some(browser) = Browser::start().await else { return };
    let (ended, result) = eventful();
    for lang in ["en", "ko"] {
        browser.open(&page(&ended.folder, lang, &result, lang)).await;
        expect_silent(&browser).await;
        // Users, throughput, response times, causes, lateness, heat map, percentile curve.
        expect_drawn(&browser, 7).await;
        let of_page = browser
            .run("return { lang: document.documentElement.lang, owned: window.owned ?? null, images: document.images.length, scripts: document.scripts.length }")
            .await;
        assert_eq!(of_page, json!({ "lang": lang, "owned": null, "images": 0, "scripts": 3 }));
        let text = browser.run("return document.body.innerText").await;
        let seen = text.as_str().unwrap().matches(HOSTILE).count();
        assert!(seen >= 5, "the title, the description, a step, its failure and its body: {seen}\n{text}");
        assert!(browser.client.title().await.unwrap().contains(HOSTILE));
    }
    // The name of a stage is data of the scripts.
    let mark =
        browser.run("return JSON.parse(document.getElementById('data').textContent).marks[1].text").await;
    assert_eq!(mark, format!("{HOSTILE} too"));
    browser.close().await;
}

#[tokio::test]
async fn an_hour_stays_small_and_is_drawn() {
    let (ended, result) = eventful();
    let long = an_hour_of(&result);
    let file = page(&ended.folder, "hour", &long, "ko");
    let size = std::fs::metadata(&file).unwrap().len();
    assert!(size < 400_000, "{size} bytes");
    let html = std::fs::read_to_string(&file).unwrap();
    assert!(html.contains("점 하나는 8초를 나타냅니다"), "it says what was put together");

    let Some(browser) = Browser::start().await else { return };
    browser.open(&file).await;
    expect_silent(&browser).await;
    // Users, throughput, response times, causes, two of the queues, lateness, three of the process, two of the
    // endpoint, heat map, percentile curve.
    expect_drawn(&browser, 14).await;
    browser.close().await;
}

#[tokio::test]
async fn runs_without_much_to_draw_have_a_page_too() {
    let Some(browser) = Browser::start().await else { return };
    let (ended, result) = eventful();
    let mut none = result.clone();
    none["series"] = json!(
        none["series"]
            .as_object()
            .unwrap()
            .keys()
            .map(|name| (name.clone(), json!([])))
            .collect::<serde_json::Map<_, _>>()
    );
    none["window_s"] = Value::Null;
    let mut one = result.clone();
    for (_, column) in one["series"].as_object_mut().unwrap() {
        column.as_array_mut().unwrap().truncate(1);
    }
    // As an older version left it.
    let mut old = result.clone();
    old.as_object_mut().unwrap().remove("window_s");
    old["series"].as_object_mut().unwrap().remove("causes");
    for outcome in
        old["rows"].as_array_mut().unwrap().iter_mut().flat_map(|row| row["outcomes"].as_array_mut().unwrap())
    {
        outcome["response_histogram"] = Value::Null;
    }
    for (name, result) in [("none", none), ("one", one), ("old", old)] {
        browser.open(&page(&ended.folder, name, &result, "en")).await;
        expect_silent(&browser).await;
        assert!(
            browser.client.find(Locator::Css("#verdict")).await.unwrap().text().await.unwrap().contains("99"),
            "{name}"
        );
    }
    browser.close().await;
}

#[tokio::test]
async fn charts_zoom_together_and_by_keys() {
    let Some(browser) = Browser::start().await else { return };
    let (ended, result) = eventful();
    browser.open(&page(&ended.folder, "zoom", &result, "en")).await;
    let drawn =
        || browser.run("return [...document.querySelectorAll('canvas')].map((canvas) => canvas.toDataURL())");
    let whole = drawn().await;
    let chart = browser.client.find(Locator::Css("[data-chart='0']")).await.unwrap();
    let keys = format!("{}{}{}+", Key::Right, Key::Right, Key::Right);
    chart.send_keys(&keys).await.unwrap();
    let said =
        chart.find(Locator::Css("[aria-live]")).await.unwrap().prop("textContent").await.unwrap().unwrap();
    assert!(said.starts_with("0:02: planned ") && said.contains("users at once 4"), "{said}");
    // Painted in the next frame.
    let frame =
        "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done(null)))";
    browser.client.execute_async(frame, Vec::new()).await.unwrap();
    let zoomed = drawn().await;
    let (before, after) = (whole.as_array().unwrap(), zoomed.as_array().unwrap());
    let changed = before.iter().zip(after).filter(|(before, after)| before != after).count();
    assert_eq!(changed, before.len() - 1, "all but the percentile curve show the same stretch");
    browser.client.find(Locator::Css("#reset")).await.unwrap().click().await.unwrap();
    browser.client.execute_async(frame, Vec::new()).await.unwrap();
    assert!(drawn().await == whole, "the whole run is shown again");
    expect_silent(&browser).await;
    browser.close().await;
}

#[tokio::test]
async fn every_chart_is_a_table_as_well() {
    let Some(browser) = Browser::start().await else { return };
    let (ended, result) = eventful();
    browser.open(&page(&ended.folder, "tables", &result, "en")).await;
    let tables = browser
        .run(
            r"
            document.querySelectorAll('details').forEach((details) => { details.open = true; });
            return new Promise((done) => setTimeout(() => done(
                [...document.querySelectorAll('details')].map((details) => ({
                    rows: details.querySelectorAll('tbody tr').length,
                    caption: details.querySelector('caption')?.textContent ?? '',
                })),
            ), 0));
            ",
        )
        .await;
    let tables = tables.as_array().unwrap();
    assert!(tables.len() >= 7, "{tables:?}");
    for table in tables {
        assert!(table["rows"].as_u64().unwrap() >= 5 && table["caption"] != "", "{table}");
    }
    browser.close().await;
}

/// Of what a screen reader goes by: headings in their order, names for all that can be reached, captions.
#[tokio::test]
async fn it_can_be_heard() {
    let Some(browser) = Browser::start().await else { return };
    let (ended, result) = eventful();
    browser.open(&page(&ended.folder, "heard", &result, "en")).await;
    let levels: Vec<u32> = serde_json::from_value(
        browser.run("return [...document.querySelectorAll('h1,h2,h3,h4')].map((heading) => Number(heading.tagName[1]))").await,
    )
    .unwrap();
    assert_eq!(levels[0], 1);
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
    let unnamed = browser
        .run(
            r"
            const named = (one) => one.getAttribute('aria-label')
                || document.getElementById(one.getAttribute('aria-labelledby'))?.textContent
                || one.textContent.trim() || one.labels?.length;
            const all = document.querySelectorAll('section, nav, [role], [tabindex], button, select, a');
            const captions = [...document.querySelectorAll('main table:not(.u-legend)')].filter((one) => !one.caption);
            return [...all].filter((one) => !named(one)).concat(captions).map((one) => one.outerHTML.slice(0, 200));
            ",
        )
        .await;
    assert_eq!(unnamed, json!([]));
    let broken = browser.run("return [...document.querySelectorAll('nav a, .skip')].filter((link) => !document.querySelector(link.getAttribute('href'))).map((link) => link.href)").await;
    assert_eq!(broken, json!([]));
    browser.close().await;
}

#[tokio::test]
async fn light_dark_and_by_hand() {
    let Some(browser) = Browser::start().await else { return };
    let (ended, result) = eventful();
    browser.open(&page(&ended.folder, "theme", &result, "en")).await;
    let ground = || browser.run("return getComputedStyle(document.body).backgroundColor");
    let drawn = || browser.run("return document.querySelector('canvas').toDataURL()");
    let frame =
        "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done(null)))";
    browser.prefers("light").await;
    browser.client.execute_async(frame, Vec::new()).await.unwrap();
    let (light, light_chart) = (ground().await, drawn().await);
    browser.prefers("dark").await;
    browser.client.execute_async(frame, Vec::new()).await.unwrap();
    let (dark, dark_chart) = (ground().await, drawn().await);
    assert!(light != dark && light_chart != dark_chart);
    browser.client.find(Locator::Css("#theme")).await.unwrap().click().await.unwrap();
    browser.client.execute_async(frame, Vec::new()).await.unwrap();
    assert_eq!((ground().await, drawn().await), (light, light_chart));
    expect_silent(&browser).await;
    browser.close().await;
}

#[tokio::test]
async fn a_phone_need_not_scroll_sideways_and_paper_has_it_all() {
    let Some(browser) = Browser::start().await else { return };
    let (ended, result) = eventful();
    let file = page(&ended.folder, "phone", &result, "ko");
    browser.screen(375, 800).await;
    browser.open(&file).await;
    let wide = browser.run("return [document.documentElement.scrollWidth, innerWidth]").await;
    assert_eq!(wide, json!([375, 375]));
    expect_drawn(&browser, 7).await;
    let pdf = browser.client.print(fantoccini::wd::PrintConfiguration::default()).await.unwrap();
    assert!(pdf.starts_with(b"%PDF") && pdf.len() > 30_000, "{} bytes", pdf.len());
    let after = browser
        .run("return [document.documentElement.scrollWidth, document.documentElement.dataset.theme ?? null]")
        .await;
    assert_eq!(after, json!([375, null]), "printing leaves the screen as it was");
    expect_silent(&browser).await;
    browser.close().await;
}

#[tokio::test]
async fn the_page_reaches_for_nothing() {
    let Some(browser) = Browser::start().await else { return };
    let server = support::recording::Recording::start(|_| support::recording::Answer::ok());
    let (ended, result) = eventful();
    browser.open(&page(&ended.folder, "policy", &result, "en")).await;
    let loaded =
        browser.run("return performance.getEntriesByType('resource').map((entry) => entry.name)").await;
    assert_eq!(loaded, json!([]));
    // Nor could it: neither by a request nor by a script that somebody got into it.
    let script = format!(
        r"const done = arguments[0];
        const more = document.createElement('script');
        more.textContent = 'window.owned = 3';
        document.body.append(more);
        const image = document.createElement('img');
        image.src = '{url}/image';
        document.body.append(image);
        fetch('{url}/fetch').then(() => done('fetched'), () => done(window.owned ?? 'nothing'));",
        url = server.url()
    );
    assert_eq!(browser.client.execute_async(&script, Vec::new()).await.unwrap(), "nothing");
    assert_eq!(server.asked().len(), 0);
    browser.close().await;
}
