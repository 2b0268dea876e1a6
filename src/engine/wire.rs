//! From a step to the bytes of its request.
//!
//! All that never changes (the request line, headers without expressions, a static body) is written once, when
//! the run is prepared. What is left per request is copying it, rendering the values, and the body's length.

use std::sync::Arc;
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

use super::body::{self, Payload, Rendered};
use crate::http::request::{
    Forward, HeadStart, Outgoing, RequestError, USER_AGENT, finish_head, write_head_start, write_header,
};
use crate::http::{Jar, Network, Origin, OriginError};
use crate::scenario::model::{BaseUrl, Method, RequestStep};
use crate::template::{Encoding, EvalError, Scope};

/// Why the bytes of a request cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error(transparent)]
    Eval(#[from] EvalError),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Origin(#[from] OriginError),
    #[error("the part `{0}` holds what separates the parts of this form: it was taken from another one")]
    Boundary(String),
    #[error(
        "`{0}`, with which the path begins, is neither a path like `/orders/7` nor a URL like `https://api.example.com/orders/7`"
    )]
    Address(String),
}

/// A request as far as it is known before it is sent.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) origin: Origin,
    pub(super) method: &'static str,
    pub(super) is_head: bool,
    pub(super) timeout: Duration,
    /// Before the path: the target's own path, if its URL has one.
    prefix: String,
    /// Where a proxy passes this request on: the origin as it stands before the path, and what the proxy is told.
    forward: Option<(String, Option<String>)>,
    /// The way to servers that nobody knows yet: of a path that begins with a value.
    network: Option<Arc<Network>>,
    head: Vec<Part>,
    /// What separates the parts of its body.
    boundary: Option<String>,
    body: Payload,
}

#[derive(Debug)]
enum Part {
    Ready(Vec<u8>),
    /// The request line and what belongs to it, for a path or query with values.
    Start,
    /// A header with values: its place in the step's list.
    Header(usize),
    /// `Authorization`, with values.
    Auth,
    /// `Cookie`: the step's own (their place in its list of headers), and the user's behind them.
    Cookies(Option<usize>),
}

/// Buffers that rendering needs besides the request's own; a worker has one pair.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    text: Vec<u8>,
    body: Rendered,
}

const AUTHORIZATION: &str = "authorization";
const COOKIE: &str = "cookie";

/// What may stand in a request's path and query as it is; blanks and letters outside ASCII are encoded.
const AS_WRITTEN: &AsciiSet = &CONTROLS.add(b' ').add(b'#');

impl Wire {
    /// `path` is that of the target's own URL.
    pub(super) fn new(
        step: &RequestStep,
        target: &Origin,
        path: &str,
        network: &Arc<Network>,
        keeps_cookies: bool,
    ) -> Result<Wire, WireError> {
        let (origin, prefix) = match &step.url.base {
            BaseUrl::Target { prefix } => (target.clone(), format!("{}{prefix}", path.trim_end_matches('/'))),
            BaseUrl::Elsewhere { origin, prefix } => (Origin::parse_url(origin)?.0, prefix.clone()),
        };
        let forward = network.forwarding_proxy(&origin);
        let forward = forward.map(|proxy| (origin.to_string(), proxy.authorization().map(str::to_owned)));
        let boundary = body::boundary(&step.body);
        let mut wire = Wire {
            origin,
            method: step.method.as_str(),
            is_head: step.method == Method::Head,
            timeout: step.timeout,
            prefix,
            forward,
            network: step.url.path.begins_with_value().then(|| Arc::clone(network)),
            head: Vec::new(),
            body: Payload::new(&step.body, boundary.as_deref())?,
            boundary,
        };
        let mut ready = Vec::new();
        let is_static = step.url.path.as_static().is_some()
            && step.query.iter().all(|(_, value)| value.as_static().is_some());
        if is_static {
            let mut scope = Box::<Scope>::default();
            let mut text = Vec::new();
            wire.write_start(step, &mut scope, &mut text, &mut ready)?;
        } else {
            wire.head.push(Part::Start);
        }
        let mut own_cookies = None;
        for (place, (name, value)) in step.headers.iter().enumerate() {
            if name.eq_ignore_ascii_case("host") {
                continue;
            }
            if keeps_cookies && name.eq_ignore_ascii_case(COOKIE) {
                own_cookies = Some(place);
                continue;
            }
            match value.as_static() {
                Some(text) => write_header(&mut ready, name, text.as_bytes())?,
                None => {
                    if !ready.is_empty() {
                        wire.head.push(Part::Ready(std::mem::take(&mut ready)));
                    }
                    wire.head.push(Part::Header(place));
                }
            }
        }
        let has_type = step.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let content_type = body::content_type(&step.body, wire.boundary.as_deref()).filter(|_| !has_type);
        if let Some(content_type) = content_type {
            write_header(&mut ready, "content-type", content_type.as_bytes())?;
        }
        let mut has_values = false;
        if let Some(auth) = &step.auth {
            auth.for_each_expr(&mut |_| has_values = true);
            if !has_values {
                let mut value = Vec::new();
                body::authorization(auth, &mut Box::<Scope>::default(), &mut value)?;
                write_header(&mut ready, AUTHORIZATION, &value)?;
            }
        }
        if !ready.is_empty() {
            wire.head.push(Part::Ready(ready));
        }
        if has_values {
            wire.head.push(Part::Auth);
        }
        if keeps_cookies {
            wire.head.push(Part::Cookies(own_cookies));
        }
        Ok(wire)
    }

    /// Writes the whole request to `out`, which is emptied first.
    pub(super) fn render(
        &self,
        step: &RequestStep,
        scope: &mut Box<Scope>,
        jar: Option<&Jar>,
        scratch: &mut Scratch,
        out: &mut Outgoing,
    ) -> Result<(), WireError> {
        out.clear();
        for part in &self.head {
            match part {
                Part::Ready(bytes) => out.text.extend_from_slice(bytes),
                Part::Start => {
                    out.elsewhere = self.write_start(step, scope, &mut scratch.text, &mut out.text)?;
                }
                Part::Header(place) => {
                    let (name, value) = &step.headers[*place];
                    scratch.text.clear();
                    value.render(scope, Encoding::Raw, &mut scratch.text)?;
                    write_header(&mut out.text, name, &scratch.text)?;
                }
                Part::Auth => {
                    scratch.text.clear();
                    if let Some(auth) = &step.auth {
                        body::authorization(auth, scope, &mut scratch.text)?;
                    }
                    write_header(&mut out.text, AUTHORIZATION, &scratch.text)?;
                }
                Part::Cookies(None) if jar.is_none() => {}
                Part::Cookies(own) => {
                    scratch.text.clear();
                    if let Some((_, value)) = own.and_then(|place| step.headers.get(place)) {
                        value.render(scope, Encoding::Raw, &mut scratch.text)?;
                    }
                    let from = out.text.len() + COOKIE.len() + 2;
                    out.own_cookies = from..from + scratch.text.len();
                    if let Some(jar) = jar {
                        let origin = out.elsewhere.as_ref().unwrap_or(&self.origin);
                        jar.write(origin, out.path(), Instant::now(), &mut scratch.text);
                    }
                    if !scratch.text.is_empty() {
                        write_header(&mut out.text, COOKIE, &scratch.text)?;
                    }
                }
            }
        }
        let body = match &self.body {
            Payload::None => None,
            Payload::Ready(body) => Some(body),
            Payload::PerRequest => {
                scratch.body.clear();
                body::render(&step.body, self.boundary.as_deref(), scope, &mut scratch.body)?;
                Some(&scratch.body)
            }
        };
        finish_head(&mut out.text, self.method, body.map(Rendered::len));
        if let Some(body) = body {
            let head = out.text.len();
            out.text.extend_from_slice(&body.text);
            out.insets.extend(body.insets.iter().cloned().map(|inset| inset.behind(head)));
        }
        Ok(())
    }

    /// Appends the request line and what belongs to it. Returns where the request goes if that is not
    /// `self.origin`.
    fn write_start(
        &self,
        step: &RequestStep,
        scope: &mut Box<Scope>,
        text: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Origin>, WireError> {
        text.clear();
        let mut elsewhere = None;
        if self.network.is_some() {
            step.url.path.render(scope, Encoding::Path, text)?;
            elsewhere = self.address(step, text)?;
        } else {
            text.extend_from_slice(self.prefix.as_bytes());
            step.url.path.render(scope, Encoding::Path, text)?;
        }
        let mut separator = if text.contains(&b'?') { b'&' } else { b'?' };
        for (name, value) in &step.query {
            text.push(separator);
            Encoding::Query.write(name.as_bytes(), text);
            text.push(b'=');
            value.render(scope, Encoding::Query, text)?;
            separator = b'&';
        }
        if text.iter().any(|byte| !byte.is_ascii_graphic() || *byte == b'#') {
            *text = percent_encode(text, AS_WRITTEN).to_string().into_bytes();
        }
        let host = step.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let host = match host {
            Some((_, value)) => value.render_to_string(scope)?,
            None => elsewhere.as_ref().unwrap_or(&self.origin).authority(),
        };
        let other = elsewhere.as_ref().zip(self.network.as_deref()).map(|(origin, network)| {
            let proxy = network.forwarding_proxy(origin);
            proxy.map(|proxy| (origin.to_string(), proxy.authorization().map(str::to_owned)))
        });
        let forward = other.as_ref().unwrap_or(&self.forward).as_ref();
        let own_agent = step.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent"));
        let start = HeadStart {
            method: self.method,
            target: text,
            host: &host,
            user_agent: (!own_agent).then_some(USER_AGENT),
            forward: forward
                .map(|(origin, authorization)| Forward { origin, authorization: authorization.as_deref() }),
        };
        write_head_start(out, &start)?;
        Ok(elsewhere)
    }

    /// Makes of a text that began with a value the path and query that are asked for. Returns whose they are
    /// if not those of `self.origin`.
    ///
    /// A path may come from the scenario, and then goes where all others go; or from an answer, and then it has
    /// the prefix already.
    fn address(&self, step: &RequestStep, text: &mut Vec<u8>) -> Result<Option<Origin>, WireError> {
        let wrong = || {
            let value = step.url.path.exprs().next().map_or(String::new(), |expr| expr.source().to_owned());
            WireError::Address(value)
        };
        if let Some(fragment) = text.iter().position(|byte| *byte == b'#') {
            text.truncate(fragment);
        }
        if text.starts_with(b"/") {
            let rest = text.strip_prefix(self.prefix.as_bytes());
            if !rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'/' | b'?'))) {
                text.splice(..0, self.prefix.bytes());
            }
            return Ok(None);
        }
        let url = str::from_utf8(text).map_err(|_| wrong())?;
        let (origin, rest) = Origin::parse_url(url.trim()).map_err(|_| wrong())?;
        let slash = if rest.starts_with('/') { "" } else { "/" };
        *text = format!("{slash}{rest}").into_bytes();
        Ok(Some(origin).filter(|origin| *origin != self.origin))
    }
}
