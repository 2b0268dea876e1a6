//! From a step to the bytes of its request.
//!
//! All that never changes (the request line, headers without expressions, a static body) is written once, when
//! the run is prepared. What is left per request is copying it, rendering the values, and the body's length.

use std::time::Duration;

use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

use crate::http::request::{HeadStart, RequestError, USER_AGENT, finish, write_head_start, write_header};
use crate::http::{Origin, OriginError};
use crate::scenario::model::{Body, Method, RequestStep, Url};
use crate::template::{Encoding, EvalError, Scope, TextTemplate};

/// Why the bytes of a request cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error(transparent)]
    Eval(#[from] EvalError),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Origin(#[from] OriginError),
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
    head: Vec<Part>,
    body: Payload,
}

#[derive(Debug)]
enum Part {
    Ready(Vec<u8>),
    /// The request line and what belongs to it, for a path or query with values.
    Start,
    /// A header with values: its place in the step's list.
    Header(usize),
}

#[derive(Debug)]
enum Payload {
    None,
    Ready(Vec<u8>),
    Rendered,
}

/// Buffers that rendering needs besides the request's own; a worker has one pair.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    text: Vec<u8>,
    body: Vec<u8>,
}

/// What may stand in a request's path and query as it is; blanks and letters outside ASCII are encoded.
const AS_WRITTEN: &AsciiSet = &CONTROLS.add(b' ').add(b'#');

impl Wire {
    pub(super) fn new(step: &RequestStep, target: &Origin, prefix: &str) -> Result<Wire, WireError> {
        let (origin, prefix) = match &step.url {
            Url::Path(_) => (target.clone(), prefix.trim_end_matches('/').to_owned()),
            Url::Absolute { origin, .. } => (Origin::parse_url(origin)?.0, String::new()),
        };
        let mut wire = Wire {
            origin,
            method: step.method.as_str(),
            is_head: step.method == Method::Head,
            timeout: step.timeout,
            prefix,
            head: Vec::new(),
            body: Payload::None,
        };
        let mut ready = Vec::new();
        let is_static = path_of(step).as_static().is_some()
            && step.query.iter().all(|(_, value)| value.as_static().is_some());
        if is_static {
            let mut scope = Box::<Scope>::default();
            let mut text = Vec::new();
            wire.write_start(step, &mut scope, &mut text, &mut ready)?;
        } else {
            wire.head.push(Part::Start);
        }
        for (place, (name, value)) in step.headers.iter().enumerate() {
            if name.eq_ignore_ascii_case("host") {
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
        let content_type = match &step.body {
            Body::None => None,
            Body::Json(_) => Some("application/json"),
            Body::Form(_) => Some("application/x-www-form-urlencoded"),
            Body::Text(_) => Some("text/plain; charset=utf-8"),
        };
        let has_type = step.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if let Some(content_type) = content_type.filter(|_| !has_type) {
            write_header(&mut ready, "content-type", content_type.as_bytes())?;
        }
        if !ready.is_empty() {
            wire.head.push(Part::Ready(ready));
        }
        let fixed = match &step.body {
            Body::None => true,
            Body::Json(template) => template.exprs().next().is_none(),
            Body::Form(fields) => fields.iter().all(|(_, value)| value.as_static().is_some()),
            Body::Text(text) => text.as_static().is_some(),
        };
        wire.body = match (&step.body, fixed) {
            (Body::None, _) => Payload::None,
            (body, true) => {
                let mut bytes = Vec::new();
                render_body(body, &mut Box::<Scope>::default(), &mut bytes)?;
                Payload::Ready(bytes)
            }
            (_, false) => Payload::Rendered,
        };
        Ok(wire)
    }

    /// Writes the whole request to `out`, which is emptied first.
    pub(super) fn render(
        &self,
        step: &RequestStep,
        scope: &mut Box<Scope>,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), WireError> {
        out.clear();
        for part in &self.head {
            match part {
                Part::Ready(bytes) => out.extend_from_slice(bytes),
                Part::Start => self.write_start(step, scope, &mut scratch.text, out)?,
                Part::Header(place) => {
                    let (name, value) = &step.headers[*place];
                    scratch.text.clear();
                    value.render(scope, Encoding::Raw, &mut scratch.text)?;
                    write_header(out, name, &scratch.text)?;
                }
            }
        }
        let body = match &self.body {
            Payload::None => None,
            Payload::Ready(bytes) => Some(bytes.as_slice()),
            Payload::Rendered => {
                scratch.body.clear();
                render_body(&step.body, scope, &mut scratch.body)?;
                Some(scratch.body.as_slice())
            }
        };
        finish(out, self.method, body);
        Ok(())
    }

    fn write_start(
        &self,
        step: &RequestStep,
        scope: &mut Box<Scope>,
        text: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), WireError> {
        text.clear();
        text.extend_from_slice(self.prefix.as_bytes());
        path_of(step).render(scope, Encoding::Path, text)?;
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
            None => self.origin.authority(),
        };
        let own_agent = step.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent"));
        let start = HeadStart {
            method: self.method,
            target: text,
            host: &host,
            user_agent: (!own_agent).then_some(USER_AGENT),
        };
        write_head_start(out, &start)?;
        Ok(())
    }
}

fn path_of(step: &RequestStep) -> &TextTemplate {
    match &step.url {
        Url::Path(path) | Url::Absolute { path, .. } => path,
    }
}

fn render_body(body: &Body, scope: &mut Box<Scope>, out: &mut Vec<u8>) -> Result<(), EvalError> {
    match body {
        Body::None => Ok(()),
        Body::Json(template) => template.render(scope, out),
        Body::Text(text) => text.render(scope, Encoding::Raw, out),
        Body::Form(fields) => {
            for (place, (name, value)) in fields.iter().enumerate() {
                if place > 0 {
                    out.push(b'&');
                }
                Encoding::Query.write(name.as_bytes(), out);
                out.push(b'=');
                value.render(scope, Encoding::Query, out)?;
            }
            Ok(())
        }
    }
}
