//! A real browser, driven over `WebDriver`: pages from files, the console, and scripts that look at what was drawn.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

/// A browser with a profile of its own. It does not outlive this value.
pub(crate) struct Browser {
    pub(crate) client: Client,
    driver: Child,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// None where there is no browser, and nobody demands one: in CI its lack is a failure.
    pub(crate) async fn start() -> Option<Browser> {
        let driver =
            Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut driver = match driver {
            Ok(driver) => driver,
            Err(error) => {
                let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
                assert!(!ci, "chromedriver: {error} (Debian: chromium, chromium-driver)");
                eprintln!("skipped: chromedriver: {error} (Debian: chromium, chromium-driver)");
                return None;
            }
        };
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let started = "started successfully on port ";
        let port = lines.map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once(started)?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let profile = tempfile::tempdir().unwrap();
        let options = json!({
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--window-size=1280,1000",
                format!("--user-data-dir={}", profile.path().display()),
            ],
        });
        let mut capabilities = Capabilities::new();
        capabilities.insert("goog:chromeOptions".into(), options);
        capabilities.insert("goog:loggingPrefs".into(), json!({ "browser": "ALL" }));
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", port.unwrap()))
            .await
            .unwrap();
        Some(Browser { client, driver, _profile: profile })
    }

    pub(crate) async fn open(&self, page: &Path) {
        self.client.goto(&format!("file://{}", page.display())).await.unwrap();
    }

    /// What a script returns.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// What the console says since it was last asked, of whatever level.
    pub(crate) async fn console(&self) -> Vec<String> {
        let log =
            self.client.issue_cmd(Post { path: "se/log", body: json!({ "type": "browser" }) }).await.unwrap();
        let text = |entry: &Value| entry["message"].as_str().unwrap().to_owned();
        log.as_array().unwrap().iter().map(text).collect()
    }

    /// The screen of a device.
    pub(crate) async fn screen(&self, width: u32, height: u32) {
        let params =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        let body = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": params });
        self.client.issue_cmd(Post { path: "goog/cdp/execute", body }).await.unwrap();
    }

    /// What the system prefers.
    pub(crate) async fn prefers(&self, scheme: &str) {
        let params = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        let body = json!({ "cmd": "Emulation.setEmulatedMedia", "params": params });
        self.client.issue_cmd(Post { path: "goog/cdp/execute", body }).await.unwrap();
    }

    pub(crate) async fn close(self) {
        self.client.clone().close().await.unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// A command of the driver's own.
#[derive(Debug)]
struct Post {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Post {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}
