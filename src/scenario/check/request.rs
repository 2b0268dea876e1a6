//! A request: where it goes, what it carries, what is kept of the answer.

use super::Check;
use super::auth::AUTHORIZATION;
use super::files::LARGEST_BODY;
use super::flow::Gap;
use super::keys::{FILE_BODY, OF_REQUEST, PART};
use super::reading::{Fields, listed};
use super::steps::Place;
use crate::scenario::finding::shortened;
use crate::scenario::model::{
    Action, BaseUrl, Body, FormPart, Method, OnBusiness, OnFailure, PartContent, RequestId, RequestStep,
    Step, StepId, Tally, Url,
};
use crate::scenario::yaml::{Entry, Key, Kind, Node};
use crate::template::{Expr, JsonTemplate, Slot, TextTemplate};

pub(super) const METHODS: [(&str, Method); 7] = [
    ("get", Method::Get),
    ("post", Method::Post),
    ("put", Method::Put),
    ("patch", Method::Patch),
    ("delete", Method::Delete),
    ("head", Method::Head),
    ("options", Method::Options),
];

/// Headers that belong to the connection: a scenario that set them would break it.
const OWN_HEADERS: [&str; 2] = ["content-length", "transfer-encoding"];

/// Lets every request keep its body: an expression that is no request's own reads the last one.
pub(super) fn keep_bodies(steps: &mut [Step]) {
    for step in steps {
        if let Action::Request(request) = &mut step.action {
            request.reads_body = true;
        }
        step.action.blocks_mut().into_iter().for_each(keep_bodies);
    }
}

impl Check<'_> {
    /// A request and the slots it needs.
    pub(super) fn request(
        &mut self,
        fields: Fields<'_>,
        (method, path): (Method, &Entry),
        tallies: &[&Entry],
        name: &str,
    ) -> Option<(RequestStep, Vec<Slot>)> {
        let row = if self.block.is_measured() {
            let row = self.book.row(name, &self.groups, self.optional);
            let row = self.counted(row, &path.key)?;
            let known = self.book.catalog.rows.get(row.index()).map(|row| row.optional);
            self.agrees_on_optional(known, "step", name, &path.key);
            Some(row)
        } else {
            None
        };
        self.gather();
        let url = self.url(path, fields.get("base_url"));
        let headers = self.headers(fields);
        let auth = self.auth(fields);
        let query = fields.get("query").map(|entry| self.pairs(entry)).unwrap_or_default();
        let body = self.body(fields);
        let timeout = match fields.get("timeout") {
            Some(entry) => self.some_time(&entry.value, &entry.key),
            None => Some(self.defaults.timeout),
        };
        let follow_redirects = match fields.get("follow_redirects") {
            Some(entry) => self.follow_redirects(entry),
            None => Some(self.defaults.follow_redirects),
        };
        let sent = self.gather();
        self.block_reads_body |= sent.reads_body;
        self.note_needs(&sent);

        self.answer = true;
        let expect = self.expect(fields.get("expect"), Place { row });
        let tallies: Vec<Tally> = tallies.iter().flat_map(|entry| self.tallies(entry)).collect();
        let after = self.gather();
        self.note_needs(&after);
        let kept = self.captures(fields.get("capture"));
        let keeping = self.gather();
        let on_failure = self
            .choice(fields.get("on_failure"), &[("end", OnFailure::End), ("continue", OnFailure::Continue)]);
        let on_business = self.choice(
            fields.get("on_business"),
            &[("continue", OnBusiness::Continue), ("stop", OnBusiness::Stop)],
        );
        let (on_failure, on_business) =
            (on_failure.unwrap_or(OnFailure::End), on_business.unwrap_or(OnBusiness::Continue));
        // Defaults of `outcomes` are for every request; only a refusal that the step itself names is likely.
        let expected = fields.get("expect").and_then(|entry| entry.value.get("business"));
        let has_business = expected.is_some_and(|entry| !entry.value.entries().is_empty());
        self.note_captures(fields.get("capture"), has_business, on_failure, on_business);
        self.keep_thresholds(fields.get("thresholds"), row.map(StepId::Requests), name);

        let mut needs = sent.needs;
        let own: Vec<Slot> = kept.iter().map(|(slot, _)| *slot).collect();
        // A capture may speak of those above it in the same answer.
        let later = keeping.needs.into_iter().filter(|slot| !own.contains(slot));
        for slot in after.needs.into_iter().chain(later) {
            if !needs.contains(&slot) {
                needs.push(slot);
            }
        }
        let id = RequestId(u16::try_from(self.requests).ok()?);
        self.requests += 1;
        let request = RequestStep {
            id,
            row,
            method,
            url: url?,
            headers,
            query,
            auth,
            body: body?,
            timeout: timeout?,
            follow_redirects: follow_redirects?,
            expect,
            captures: kept,
            tallies,
            on_failure,
            on_business,
            reads_body: after.reads_body || keeping.reads_body,
        };
        Some((request, needs))
    }

    fn choice<T: Copy>(&mut self, entry: Option<&Entry>, words: &[(&'static str, T)]) -> Option<T> {
        entry.and_then(|entry| self.word(entry, words))
    }

    /// A path on the target or on another base, or an address whose host is fixed.
    fn url(&mut self, entry: &Entry, base: Option<&Entry>) -> Option<Url> {
        let own_base = base.map(|entry| self.base_url(entry));
        let node = &*entry.value;
        let text = self.text(node, &entry.key, "a path like `/api/v1/queues`")?;
        if let Some((scheme, rest)) =
            text.split_once("://").filter(|(scheme, _)| !scheme.contains(['/', '$']))
        {
            if !["http", "https"].contains(&scheme) {
                let problem = format!("the scheme `{}` is not supported", shortened(scheme));
                self.error(&node.span, problem, "write a path like `/api`, or `http://…` or `https://…`");
                return None;
            }
            let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            if rest[..host_end].contains("${") {
                self.error(
                    &node.span,
                    "the host of a request cannot be a template",
                    "write a path, and give the address as `target` or with `--target`",
                );
                return None;
            }
            if let Some(base) = base {
                let problem = format!("`{}` is a whole URL, and needs no base", entry.key.name);
                self.error(
                    &base.key.span,
                    problem,
                    format!("take it out, or write a path at `{}`", entry.key.name),
                );
                return None;
            }
            let origin_len = scheme.len() + 3 + host_end;
            let origin = &text[..origin_len];
            if let Err((problem, help)) = super::parse_target(origin) {
                self.error(&node.span, problem, help);
                return None;
            }
            let path = if host_end == rest.len() {
                self.template_text(node, "/", 0)
            } else {
                self.path_is_sound(node, text, origin_len)?;
                self.template_text(node, text, origin_len)
            };
            let base = BaseUrl::Elsewhere { origin: origin.to_owned(), prefix: String::new() };
            return Some(Url { base, path: path? });
        }
        if text.starts_with("${ target.url }") || text.starts_with("${target.url}") {
            let help = "leave `${ target.url }` out: a path goes to the target";
            self.error(&node.span, "a path begins with `/`", help);
            return None;
        }
        // A value may be a path, or a whole URL: what it is, the run will tell.
        if !text.starts_with('/') && !text.starts_with("${") {
            let help = if text.is_empty() || text.starts_with('$') {
                "begin it with `/`, like `/api/v1/queues`".to_owned()
            } else {
                format!("write `/{}`", shortened(text))
            };
            self.error(&node.span, "a path begins with `/`", help);
            return None;
        }
        self.path_is_sound(node, text, 0)?;
        let path = self.template_text(node, text, 0)?;
        let base = own_base.unwrap_or_else(|| Some(self.defaults.base.clone()))?;
        Some(Url { base, path })
    }

    /// What stands outside of `${ … }` in a path is sent as it is, so it must be fit to be sent.
    fn path_is_sound(&mut self, node: &Node, text: &str, from: usize) -> Option<()> {
        let mut at = from;
        while let Some(c) = text[at..].chars().next() {
            if text[at..].starts_with("${") {
                // A template's own text is not sent; one that is not closed gets its finding when compiled.
                at += text[at..].find('}').map_or(text.len() - at, |end| end + 1);
                continue;
            }
            if c == '#' || c.is_whitespace() || c.is_control() || !c.is_ascii() {
                let encoded: String =
                    c.to_string().bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"));
                let span = self.locate(&node.span, text, at..at + c.len_utf8());
                self.error(
                    &span,
                    format!("`{}` cannot stand in a path", c.escape_debug()),
                    format!("write `{encoded}`, or use `query:` for what follows the `?`"),
                );
                return None;
            }
            at += c.len_utf8();
        }
        Some(())
    }

    /// The defaults of `http` first, without those that the step has itself.
    fn headers(&mut self, fields: Fields<'_>) -> Vec<(String, TextTemplate)> {
        let own = fields.get("headers");
        let own = own.map(|entry| self.names(entry, "a map of headers and values")).unwrap_or_default();
        let has_auth = fields.get("auth").is_some();
        let defaults = self.defaults.headers.iter().filter(|entry| {
            let name = entry.key.name.as_str();
            let is_replaced = own.iter().any(|one| one.key.name.eq_ignore_ascii_case(name));
            !(is_replaced || has_auth && name.eq_ignore_ascii_case(AUTHORIZATION))
        });
        let defaults: Vec<Entry> = defaults.cloned().collect();
        let mut headers = Vec::with_capacity(defaults.len() + own.len());
        for entry in defaults.iter().chain(own) {
            let name = self.header_name(&entry.key);
            let value = self.header_value(entry);
            headers.extend(name.zip(value));
        }
        if let Some(encodings) = &self.defaults.accept_encoding
            && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept-encoding"))
        {
            headers.push(("Accept-Encoding".to_owned(), TextTemplate::plain(encodings)));
        }
        headers
    }

    /// The step's own, else that of `http`, unless the step has the header itself.
    fn header_name(&mut self, key: &Key) -> Option<String> {
        let name = key.name.as_str();
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || !name.chars().all(token) {
            self.error(
                &key.span,
                format!("`{}` cannot be the name of a header", shortened(name)),
                "use letters, digits and `-`, like `X-Request-Id`",
            );
            return None;
        }
        if OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            self.error(&key.span, format!("`{name}` follows from the body"), "take it out");
            return None;
        }
        Some(name.to_owned())
    }

    pub(super) fn header_value(&mut self, entry: &Entry) -> Option<TextTemplate> {
        let template = self.template(&entry.value, &entry.key)?;
        let text = entry.value.scalar_text(self.text).unwrap_or_default();
        if text.contains(|c: char| c.is_control() && c != '\t') {
            self.error(
                &entry.value.span,
                format!("the value of `{}` has a line break or another control character", entry.key.name),
                "write it on one line",
            );
            return None;
        }
        Some(template)
    }

    /// Names with texts, as queries and forms have them.
    fn pairs(&mut self, entry: &Entry) -> Vec<(String, TextTemplate)> {
        let mut pairs = Vec::new();
        for entry in self.names(entry, "a map of names and values") {
            let values = match &entry.value.kind {
                Kind::List(items) => items.as_slice(),
                _ => std::slice::from_ref(&entry.value),
            };
            for value in values {
                let value = self.template(value, &entry.key);
                pairs.extend(value.map(|value| (entry.key.name.clone(), value)));
            }
        }
        pairs
    }

    fn body(&mut self, fields: Fields<'_>) -> Option<Body> {
        let given: Vec<&Entry> =
            ["json", "form", "multipart", "body"].iter().filter_map(|name| fields.get(name)).collect();
        if let [first, second, ..] = given.as_slice() {
            let at = second.key.span.clone();
            let problem = format!("a request has one body, and `{}` is given already", first.key.name);
            self.error(&at, problem, format!("keep `{}` or `{}`", first.key.name, second.key.name));
            return None;
        }
        let Some(entry) = given.first() else { return Some(Body::None) };
        Some(match entry.key.name.as_str() {
            "json" => Body::Json(JsonTemplate::new(self.value(&entry.value)?)),
            "form" => Body::Form(self.pairs(entry)),
            "multipart" => Body::Multipart(self.parts(entry)?),
            _ if matches!(entry.value.kind, Kind::Map(_)) => {
                let fields = self.fields(&entry.value, &entry.key, &FILE_BODY)?;
                let entry = fields.get("file")?;
                let (_, bytes) = self.file(&entry.value, &entry.key, LARGEST_BODY)?;
                Body::File(bytes)
            }
            _ => Body::Text(self.template(&entry.value, &entry.key)?),
        })
    }

    /// The parts of a form with files; a list under a name is several parts of that name.
    fn parts(&mut self, entry: &Entry) -> Option<Vec<FormPart>> {
        let mut parts = Vec::new();
        let mut is_whole = true;
        for entry in self.names(entry, "a map of names, with texts or `{ file: … }`") {
            let values = match &entry.value.kind {
                Kind::List(items) => items.as_slice(),
                _ => std::slice::from_ref(&entry.value),
            };
            for value in values {
                let part = self.part(value, &entry.key);
                is_whole &= part.is_some();
                parts.extend(part);
            }
        }
        is_whole.then_some(parts)
    }

    fn part(&mut self, node: &Node, key: &Key) -> Option<FormPart> {
        let name = key.name.clone();
        if !matches!(node.kind, Kind::Map(_)) {
            let text = self.text(node, key, "a text, or a map like `{ file: picture.png }`")?;
            let content = PartContent::Text(self.template_text(node, text, 0)?);
            return Some(FormPart { name, content, content_type: None });
        }
        let fields = self.fields(node, key, &PART)?;
        let given: Vec<&Entry> = ["file", "value", "json"].iter().filter_map(|key| fields.get(key)).collect();
        let [entry] = given.as_slice() else {
            if let [first, second, ..] = given.as_slice() {
                let problem = format!("`{}` and `{}` exclude each other", first.key.name, second.key.name);
                self.error(
                    &second.key.span,
                    problem,
                    "keep one of them; a list makes several parts of a name",
                );
            } else if !fields.has_unknown {
                self.error(
                    &node.span,
                    format!("the part `{}` has no content", shortened(&key.name)),
                    "write `file: …`, `value: …` or `json: …`",
                );
            }
            return None;
        };
        let content_type = match fields.get("content_type") {
            Some(entry) => Some(self.header_value(entry)?),
            None => None,
        };
        let file_name = fields.get("file_name");
        if let Some(file_name) = file_name.filter(|_| entry.key.name != "file") {
            self.error(
                &file_name.key.span,
                "only a file has a `file_name`",
                "take it out, or write `file: …`",
            );
            return None;
        }
        let content = match entry.key.name.as_str() {
            "file" => {
                let (path, bytes) = self.file(&entry.value, &entry.key, LARGEST_BODY)?;
                let name = match file_name {
                    Some(entry) => self.template(&entry.value, &entry.key)?,
                    None => TextTemplate::plain(&path.file_name().unwrap_or_default().to_string_lossy()),
                };
                PartContent::File { bytes, name }
            }
            "json" => PartContent::Json(JsonTemplate::new(self.value(&entry.value)?)),
            _ => PartContent::Text(self.template(&entry.value, &entry.key)?),
        };
        Some(FormPart { name, content, content_type })
    }

    fn captures(&mut self, entry: Option<&Entry>) -> Vec<(Slot, Expr)> {
        let mut captures = Vec::new();
        let entries =
            entry.map(|entry| self.names(entry, "a map of names and expressions, like `token: json.token`"));
        for entry in entries.unwrap_or_default() {
            let expr = self.expression(&entry.value, &entry.key);
            if let (Some(slot), Some(expr)) = (self.names.slot(&entry.key.name), expr) {
                captures.push((slot, expr));
            }
        }
        captures
    }

    /// A capture is taken from successes only: what else an answer may be leaves its name without a value.
    fn note_captures(
        &mut self,
        entry: Option<&Entry>,
        has_business: bool,
        on_failure: OnFailure,
        on_business: OnBusiness,
    ) {
        for entry in entry.map(|entry| entry.value.entries()).unwrap_or_default() {
            let gap = if has_business && on_business == OnBusiness::Continue {
                Some(Gap::Outcome {
                    words: "takes it from successes only, and goes on after a business outcome".to_owned(),
                    help: "write `on_business: stop` at that step, or `when:` at this one",
                })
            } else if on_failure == OnFailure::Continue {
                Some(Gap::Outcome {
                    words: "takes it from successes only, and goes on after a failure".to_owned(),
                    help: "write `when:` at this step, or leave `on_failure: continue` out at that one",
                })
            } else {
                None
            };
            self.note_definition(&entry.key, gap);
            self.note_capture(&entry.key);
        }
    }

    pub(super) fn keep_thresholds(&mut self, entry: Option<&Entry>, step: Option<StepId>, name: &str) {
        let Some(entry) = entry else { return };
        let entries =
            self.names(entry, "a map of metrics and conditions, like `latency: [p95 < 500ms]`").to_vec();
        if let Some(step) = step {
            self.own_thresholds.push((step, name.to_owned(), entries));
        } else {
            let block = self.block.name();
            self.error(
                &entry.key.span,
                format!("requests of `{block}` are not measured"),
                "write thresholds at steps of `flow`; in `verify`, write checks",
            );
        }
    }

    /// Keys of a request at a step that is none.
    pub(super) fn no_request_keys(&mut self, fields: Fields<'_>, action: &str) {
        for key in OF_REQUEST {
            if let Some(entry) = fields.get(key.name) {
                let help = match (key.name, action) {
                    ("on_failure" | "thresholds", "poll" | "wait_for_turn") => continue,
                    ("expect", "check") => "write the checks under `check:` itself".to_owned(),
                    _ => format!("move it to a step with one of {}", listed(&super::keys::VERBS)),
                };
                self.error(&entry.key.span, format!("`{}` belongs to a request", key.name), help);
            }
        }
    }

    /// What a request without a name is called: `POST /path` as written.
    pub(super) fn default_name(method: Method, path: &Entry) -> String {
        let text = match &path.value.kind {
            Kind::Text { value, .. } => value.trim(),
            _ => "",
        };
        format!("{} {text}", method.as_str())
    }
}
