//! `target` and `outcomes`: what is tested, and which of its answers are expected.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::Check;
use super::keys::{OUTCOMES, SPEC, TARGET};
use super::reading::Fields;
use crate::http::Origin;
use crate::scenario::LoadOptions;
use crate::scenario::finding::shortened;
use crate::scenario::model::{Image, Spec, Target, TargetKind};
use crate::scenario::yaml::{Entry, Key, Kind, Node};
use crate::spelling::closest;
use crate::units::parse_bytes;

const READY_TIMEOUT: Duration = Duration::from_secs(10);
/// The system has room for this much, and a zero behind it.
const LONGEST_SOCKET: usize = 107;
/// The base URL of a service behind a socket, where nothing else is said.
const SOCKET_URL: &str = "http://localhost";

/// What Docker takes.
const FEWEST_CPUS: f64 = 0.01;
const MOST_CPUS: f64 = 1024.0;
const LEAST_MEMORY: u64 = 6 << 20;
const MOST_MEMORY: u64 = 1 << 50;

fn target(
    kind: TargetKind,
    ready: Option<String>,
    ready_timeout: Duration,
    socket: Option<PathBuf>,
    specs: Option<Vec<Spec>>,
) -> Target {
    let specs = match specs {
        Some(specs) => specs,
        None if kind == TargetKind::Bundled => Spec::usual(),
        None => Vec::new(),
    };
    Target { kind, ready, ready_timeout, socket, specs, spec: None }
}

/// Reads a target as `--target` and `target:` have it: `bundled`, or a base URL. Else what is wrong with it,
/// and what to write.
pub(crate) fn parse_target(text: &str) -> Result<TargetKind, (String, String)> {
    let text = text.trim();
    if text == "bundled" {
        return Ok(TargetKind::Bundled);
    }
    let shown = shortened(text);
    let Some((scheme, rest)) = text.split_once("://") else {
        let help = if let Some(path) = text.strip_prefix("unix:") {
            format!("a socket is written `target: {{ unix: {} }}`", shortened(path))
        } else if text.is_empty() {
            "write `bundled`, or a URL like `http://localhost:8080`".to_owned()
        } else if closest(text, ["bundled"]).is_some() {
            "did you mean `bundled`?".to_owned()
        } else {
            format!(
                "write `http://{}`, or `bundled` for the service that comes with the program",
                shown.trim_matches('/')
            )
        };
        return Err((format!("`{shown}` is no target"), help));
    };
    if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
        let problem = format!("the scheme `{}` is not supported", shortened(scheme));
        return Err((problem, "write `http://…` or `https://…`".into()));
    }
    let (authority, path) = rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
    if let Some(bad) = text.find(|c: char| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
        let bad: String = text[bad..].chars().take(1).collect();
        let problem = format!("`{}` cannot stand in a URL", bad.escape_debug());
        return Err((problem, "write an address like `http://localhost:8080`".into()));
    }
    if path.contains(['?', '#']) || authority.contains(['?', '#']) {
        let problem = format!("`{shown}` has more than a base URL");
        return Err((
            problem,
            "end it before `?` and `#`: requests bring their own paths and queries".into(),
        ));
    }
    if authority.contains('@') {
        let help = "send them as a header: `headers: { Authorization: … }`";
        return Err(("a user name and password cannot stand in the URL".into(), help.into()));
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if host.is_empty() {
        return Err((format!("`{shown}` names no host"), "write one, like `http://localhost:8080`".into()));
    }
    let base = text.find("://").map(|scheme| &text[..scheme + 3 + authority.len()]);
    if let Some(Err(error)) = base
        .filter(|_| port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0)))
        .map(Origin::parse_url)
    {
        return Err((error.to_string(), "write an address like `http://localhost:8080`".into()));
    }
    if port.is_some_and(|port| !port.parse::<u16>().is_ok_and(|port| port > 0)) {
        let problem = format!("`{}` is no port", port.map(shortened).unwrap_or_default());
        return Err((problem, "a port is a number from 1 to 65535".into()));
    }
    Ok(TargetKind::Url(text.trim_end_matches('/').to_owned()))
}

impl Check<'_> {
    pub(super) fn target(&mut self, fields: Fields<'_>, options: &LoadOptions) -> Option<Target> {
        let entry = fields.get("target");
        let (mut ready, mut ready_timeout, mut socket) = (None, READY_TIMEOUT, None);
        let mut specs = None;
        let mut kind = options.target.clone();
        let Some(entry) = entry else {
            if kind.is_none() && !fields.has_unknown {
                let at = fields.node.entries().first().map_or(0..0, |entry| entry.key.span.clone());
                self.error(
                    &at,
                    "the test does not say what it tests",
                    "write `target: bundled`, or a URL like `target: http://localhost:8080`, or run with `--target`",
                );
            }
            return Some(target(kind?, ready, ready_timeout, socket, None));
        };
        if let Kind::Map(_) = entry.value.kind {
            let fields = self.fields(&entry.value, &entry.key, &TARGET)?;
            ready = fields.get("ready").and_then(|entry| self.ready_path(entry));
            if let Some(entry) = fields.get("ready_timeout") {
                ready_timeout = self.some_time(&entry.value, &entry.key)?;
            }
            if let Some(entry) = fields.get("unix") {
                let path = self.socket(entry);
                // `--target` names another service.
                socket = path.filter(|_| options.target.is_none());
                if let Some(bundled) = fields.get("bundled") {
                    self.error(
                        &bundled.key.span,
                        "`bundled` and `unix` exclude each other",
                        "keep one of the two",
                    );
                }
            }
            if let Some(entry) = fields.get("specs") {
                specs = Some(self.specs(entry));
                let is_address = fields.get("url").is_some() || fields.get("unix").is_some();
                if is_address && fields.get("image").is_none() && fields.get("bundled").is_none() {
                    let help = "write `image: registry/app:1.2` instead of the address, or take them out";
                    self.error(
                        &entry.key.span,
                        "`specs` are sizes of a container, and this is an address",
                        help,
                    );
                }
            }
            if fields.get("image").is_none() {
                for name in ["port", "env"] {
                    if let Some(entry) = fields.get(name) {
                        let problem = format!("`{name}` goes with `image`");
                        self.error(
                            &entry.key.span,
                            problem,
                            "write `image: registry/app:1.2` beside it, or take it out",
                        );
                    }
                }
            }
            if let Some(entry) = fields.get("image") {
                let image = self.image(entry, fields);
                // `--target` names another service.
                kind = kind.or(image);
                return Some(target(kind?, ready, ready_timeout, socket, specs));
            }
            match (fields.get("bundled"), fields.get("url")) {
                (Some(_), Some(url)) => {
                    self.error(
                        &url.key.span,
                        "`bundled` and `url` exclude each other",
                        "keep one of the two",
                    );
                }
                (Some(bundled), None) => {
                    self.word(bundled, &[("ticketing", ())]);
                    kind = kind.or(Some(TargetKind::Bundled));
                }
                (None, None) if fields.get("unix").is_some() => {
                    kind = kind.or(Some(TargetKind::Url(SOCKET_URL.into())));
                }
                (None, Some(url)) => {
                    let text = if kind.is_none() { self.address(&url.value, &url.key) } else { None };
                    kind = kind.or(text);
                }
                (None, None) if !fields.has_unknown && kind.is_none() => {
                    self.error(
                        &entry.key.span,
                        "this target does not say which",
                        "write `bundled: ticketing`, `url: …` or `image: …`",
                    );
                }
                (None, None) => {}
            }
        } else if kind.is_none() {
            kind = self.address(&entry.value, &entry.key);
        }
        Some(target(kind?, ready, ready_timeout, socket, specs))
    }

    /// The image of `image:`, with what goes with it.
    fn image(&mut self, entry: &Entry, fields: Fields<'_>) -> Option<TargetKind> {
        for other in ["bundled", "url", "unix"] {
            if let Some(other) = fields.get(other) {
                let problem = format!("`{}` and `image` exclude each other", other.key.name);
                self.error(&other.key.span, problem, "keep one of the two");
            }
        }
        let name = self.image_name(entry);
        let port = match fields.get("port") {
            Some(entry) => self.whole(&entry.value, &entry.key, 1..=65535),
            None => Some(ticketing::PORT.into()),
        };
        let mut env = Vec::new();
        if let Some(entry) = fields.get("env") {
            for one in self.names(entry, "a map of names and values") {
                let value = self.text_now(&one.value, &one.key, "a text");
                env.extend(value.map(|value| (one.key.name.clone(), value)));
            }
        }
        let port = port.and_then(|port| u16::try_from(port).ok())?;
        Some(TargetKind::Image(Image { name: name?, port, env }))
    }

    fn image_name(&mut self, entry: &Entry) -> Option<String> {
        let what = "the name of an image like `registry/app:1.2`";
        let name = self.text_now(&entry.value, &entry.key, what)?;
        if !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic()) {
            return Some(name);
        }
        let problem = format!("`{}` is no name of an image", shortened(&name));
        let help = "write it as `docker images` shows it, like `registry/app:1.2`";
        self.error(&entry.value.span, problem, help);
        None
    }

    fn specs(&mut self, entry: &Entry) -> Vec<Spec> {
        let mut specs = Vec::new();
        for one in self.names(entry, "a map like `small: { cpus: 0.5, memory: 512MiB }`") {
            let name = self.good_name(&one.key.name, &one.key.span, "a spec");
            let Some(fields) = self.fields(&one.value, &one.key, &SPEC) else { continue };
            let cpus =
                fields.get("cpus").and_then(|entry| self.number_within(entry, FEWEST_CPUS..=MOST_CPUS));
            let memory = fields.get("memory").and_then(|entry| self.memory(entry));
            let price = fields.get("price").map(|entry| self.number_within(entry, 0.0..=f64::MAX));
            if let (Some(name), Some(cpus), Some(memory)) = (name, cpus, memory) {
                specs.push(Spec { name, cpus, memory, price: price.flatten() });
            }
        }
        specs
    }

    fn number_within(&mut self, entry: &Entry, bounds: RangeInclusive<f64>) -> Option<f64> {
        let amount = match &entry.value.kind {
            Kind::Int(number) => *number as f64,
            Kind::Float(number) => *number,
            _ => {
                self.expected(&entry.value, &entry.key, "a number");
                return None;
            }
        };
        if amount.is_finite() && bounds.contains(&amount) {
            return Some(amount);
        }
        let help = if *bounds.end() < f64::MAX {
            format!("write a number from {} to {}", bounds.start(), bounds.end())
        } else {
            "write a number that is not negative".to_owned()
        };
        self.error(&entry.value.span, format!("`{}` cannot be {amount}", entry.key.name), help);
        None
    }

    fn memory(&mut self, entry: &Entry) -> Option<u64> {
        let text = self.text(&entry.value, &entry.key, "a size like `512MiB`")?;
        match parse_bytes(text) {
            Ok(bytes) if (LEAST_MEMORY..=MOST_MEMORY).contains(&bytes.0) => Some(bytes.0),
            Ok(bytes) => {
                let problem = format!("a container cannot have {bytes}");
                self.error(&entry.value.span, problem, "Docker gives `6MiB` or more");
                None
            }
            Err(error) => {
                self.error(&entry.value.span, error.problem, error.help);
                None
            }
        }
    }

    fn ready_path(&mut self, entry: &Entry) -> Option<String> {
        let path = self.text(&entry.value, &entry.key, "a path like `/healthz`")?;
        if path.starts_with('/') && !path.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Some(path.to_owned());
        }
        self.error(
            &entry.value.span,
            "`ready` is a path of the target",
            "begin it with `/`, like `/healthz`",
        );
        None
    }

    /// A target's text.
    fn address(&mut self, node: &Node, key: &Key) -> Option<TargetKind> {
        let text = self.text(node, key, "`bundled` or a URL")?;
        let example = "write `${ env(\"TARGET\", \"bundled\") }`";
        let rendered = self.rendered_now(node, text, example)?;
        match parse_target(&rendered) {
            Ok(kind) => Some(kind),
            Err((problem, help)) => {
                self.error(&node.span, problem, help);
                None
            }
        }
    }

    /// The path of a socket.
    fn socket(&mut self, entry: &Entry) -> Option<PathBuf> {
        let text = self.text_now(&entry.value, &entry.key, "the path of a socket like `/run/app.sock`")?;
        let path = self.source.beside(entry.value.span.start, &text);
        if text.is_empty() || path.as_os_str().len() > LONGEST_SOCKET || text.contains('\0') {
            let problem = format!("`{}` cannot be the path of a socket", shortened(&text));
            let help = format!("write a path of 1 to {LONGEST_SOCKET} bytes, like `/run/app.sock`");
            self.error(&entry.value.span, problem, help);
            return None;
        }
        Some(path)
    }

    pub(super) fn outcomes(&mut self, fields: Fields<'_>) {
        let Some(entry) = fields.get("outcomes") else { return };
        let Some(fields) = self.fields(&entry.value, &entry.key, &OUTCOMES) else { return };
        if let Some(entry) = fields.get("status") {
            self.status = self.statuses(&entry.value, &entry.key);
        }
        if let Some(entry) = fields.get("business") {
            self.business = self.names(entry, "a map of names and statuses, like `seat taken: 409`").to_vec();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_base_urls() {
        for (text, base) in [
            ("http://localhost:8080/", "http://localhost:8080"),
            ("https://api.example.com/v1", "https://api.example.com/v1"),
            ("http://[::1]:80", "http://[::1]:80"),
            ("http://[::1]", "http://[::1]"),
        ] {
            assert_eq!(parse_target(text), Ok(TargetKind::Url(base.into())), "{text}");
        }
        assert_eq!(parse_target(" bundled "), Ok(TargetKind::Bundled));
        for (text, help) in [
            (
                "localhost:8080",
                "write `http://localhost:8080`, or `bundled` for the service that comes with the program",
            ),
            ("ftp://x", "write `http://…` or `https://…`"),
            ("http://", "write one, like `http://localhost:8080`"),
            ("http://:80", "write one, like `http://localhost:8080`"),
            ("http://x:99999", "a port is a number from 1 to 65535"),
            ("http://x?a=1", "end it before `?` and `#`: requests bring their own paths and queries"),
        ] {
            assert_eq!(parse_target(text).unwrap_err().1, help, "{text}");
        }
    }
}
