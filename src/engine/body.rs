//! The bodies of requests: what is known before the first one, and what is rendered for each.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::wire::WireError;
use crate::http::request::{Inset, RequestError, check_header_value};
use crate::scenario::model::{Auth, Body, FormPart, PartContent};
use crate::template::{Encoding, EvalError, Scope, TextTemplate};

/// A body as far as it is known before it is sent.
#[derive(Debug)]
pub(super) enum Payload {
    None,
    /// The same for every request.
    Ready(Rendered),
    PerRequest,
}

/// A body: text that was written for it, and files that stand in between.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    pub(super) text: Vec<u8>,
    pub(super) insets: Vec<Inset>,
}

impl Rendered {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.insets.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.text.len() + self.insets.iter().map(|inset| inset.bytes.len()).sum::<usize>()
    }
}

/// What separates the parts of a form with files: made of its files, so that none of them holds it, and the
/// same in every run.
pub(super) fn boundary(body: &Body) -> Option<String> {
    let Body::Multipart(parts) = body else { return None };
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.name.as_bytes());
        if let PartContent::File { bytes, .. } = &part.content {
            hash.update(bytes);
        }
    }
    let digest: String = hash.finalize().iter().take(15).map(|byte| format!("{byte:02x}")).collect();
    Some(format!("loadtest-{digest}"))
}

/// What the server is told a body is, where the step does not say it.
pub(super) fn content_type(body: &Body, boundary: Option<&str>) -> Option<String> {
    Some(match body {
        Body::None => return None,
        Body::Json(_) => "application/json".into(),
        Body::Form(_) => "application/x-www-form-urlencoded".into(),
        Body::Multipart(_) => format!("multipart/form-data; boundary={}", boundary.unwrap_or_default()),
        Body::Text(_) => "text/plain; charset=utf-8".into(),
        Body::File(_) => "application/octet-stream".into(),
    })
}

impl Payload {
    pub(super) fn new(body: &Body, boundary: Option<&str>) -> Result<Payload, WireError> {
        if matches!(body, Body::None) {
            return Ok(Payload::None);
        }
        let mut is_fixed = true;
        body.for_each_expr(&mut |_| is_fixed = false);
        if !is_fixed {
            return Ok(Payload::PerRequest);
        }
        let mut rendered = Rendered::default();
        render(body, boundary, &mut Box::<Scope>::default(), &mut rendered)?;
        Ok(Payload::Ready(rendered))
    }
}

/// Appends a body.
pub(super) fn render(
    body: &Body,
    boundary: Option<&str>,
    scope: &mut Box<Scope>,
    out: &mut Rendered,
) -> Result<(), WireError> {
    match body {
        Body::None => {}
        Body::Json(template) => template.render(scope, &mut out.text)?,
        Body::Text(text) => text.render(scope, Encoding::Raw, &mut out.text)?,
        Body::Form(fields) => render_form(fields, scope, &mut out.text)?,
        Body::File(bytes) => out.insets.push(Inset { at: out.text.len(), bytes: bytes.clone() }),
        Body::Multipart(parts) => {
            let boundary = boundary.unwrap_or_default();
            for part in parts {
                render_part(part, boundary, scope, out)?;
            }
            out.text.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        }
    }
    Ok(())
}

fn render_form(
    fields: &[(String, TextTemplate)],
    scope: &mut Box<Scope>,
    out: &mut Vec<u8>,
) -> Result<(), EvalError> {
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

/// RFC 7578, with names written as browsers write them.
fn render_part(
    part: &FormPart,
    boundary: &str,
    scope: &mut Box<Scope>,
    out: &mut Rendered,
) -> Result<(), WireError> {
    out.text.extend_from_slice(b"--");
    out.text.extend_from_slice(boundary.as_bytes());
    out.text.extend_from_slice(b"\r\nContent-Disposition: form-data; name=\"");
    write_quoted(part.name.as_bytes(), &mut out.text);
    out.text.push(b'"');
    let usual_type = match &part.content {
        PartContent::Text(_) => None,
        PartContent::Json(_) => Some("application/json"),
        PartContent::File { name, .. } => {
            out.text.extend_from_slice(b"; filename=\"");
            write_quoted(name.render_to_string(scope)?.as_bytes(), &mut out.text);
            out.text.push(b'"');
            Some("application/octet-stream")
        }
    };
    let own_type = part.content_type.as_ref().map(|own| own.render_to_string(scope)).transpose()?;
    if let Some(content_type) = own_type.as_deref().or(usual_type) {
        if let Err(place) = check_header_value(content_type.as_bytes()) {
            return Err(RequestError::HeaderValue("Content-Type".into(), place).into());
        }
        out.text.extend_from_slice(b"\r\nContent-Type: ");
        out.text.extend_from_slice(content_type.as_bytes());
    }
    out.text.extend_from_slice(b"\r\n\r\n");
    let from = out.text.len();
    match &part.content {
        PartContent::Text(text) => text.render(scope, Encoding::Raw, &mut out.text)?,
        PartContent::Json(json) => json.render(scope, &mut out.text)?,
        PartContent::File { bytes, .. } => out.insets.push(Inset { at: from, bytes: bytes.clone() }),
    }
    // A value from an answer could be an earlier request that the server has kept.
    if out.text[from..].windows(boundary.len()).any(|part| part == boundary.as_bytes()) {
        return Err(WireError::Boundary(part.name.clone()));
    }
    out.text.extend_from_slice(b"\r\n");
    Ok(())
}

fn write_quoted(name: &[u8], out: &mut Vec<u8>) {
    for &byte in name {
        match byte {
            b'"' => out.extend_from_slice(b"%22"),
            b'\r' => out.extend_from_slice(b"%0D"),
            b'\n' => out.extend_from_slice(b"%0A"),
            byte => out.push(byte),
        }
    }
}

/// The value of an `Authorization` header.
pub(super) fn authorization(auth: &Auth, scope: &mut Box<Scope>, out: &mut Vec<u8>) -> Result<(), EvalError> {
    match auth {
        Auth::Bearer(token) => {
            out.extend_from_slice(b"Bearer ");
            token.render(scope, Encoding::Raw, out)
        }
        Auth::Basic { user, password } => {
            let mut pair = user.render_to_string(scope)?;
            pair.push(':');
            pair += &password.render_to_string(scope)?;
            out.extend_from_slice(b"Basic ");
            out.extend_from_slice(STANDARD.encode(pair).as_bytes());
            Ok(())
        }
    }
}
