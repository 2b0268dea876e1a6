//! One request: what is sent, what is expected of the answer, and what becomes of it.

use std::time::Duration;

use bytes::Bytes;

use super::{CheckId, RequestId, RowId, Tally};
use crate::template::{Expr, JsonTemplate, Slot, TextTemplate};

#[derive(Debug)]
pub struct RequestStep {
    /// Its number among the requests of the file, from 0.
    pub id: RequestId,
    /// Where its samples go; none for the requests of `setup`, `verify` and `teardown`, which are not measured.
    pub row: Option<RowId>,
    pub method: Method,
    pub url: Url,
    /// In the order written, defaults of `http` first; names are valid header names.
    pub headers: Vec<(String, TextTemplate)>,
    pub query: Vec<(String, TextTemplate)>,
    pub auth: Option<Auth>,
    pub body: Body,
    pub timeout: Duration,
    /// How many redirects it follows; with 0 a redirect is an answer like any other.
    pub follow_redirects: u8,
    pub expect: Expect,
    /// Taken from successes only.
    pub captures: Vec<(Slot, Expr)>,
    /// `count`, `observe`, `share` beside a request: taken after each of its answers.
    pub tallies: Vec<Tally>,
    pub on_failure: OnFailure,
    pub on_business: OnBusiness,
    /// Whether an expression of this step, or one outside of any request, reads the answer's body.
    pub reads_body: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Head,
    Options,
}

impl Method {
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            Method::Head => "HEAD",
            Method::Options => "OPTIONS",
        }
    }
}

/// Where a request goes.
#[derive(Debug)]
pub struct Url {
    pub base: BaseUrl,
    /// Path, with or without a query. It begins with `/`, or with a value, which may be a whole URL.
    pub path: TextTemplate,
}

/// What stands before a path. Prefixes are paths without a slash at their end, and may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseUrl {
    Target {
        prefix: String,
    },
    /// Somewhere else: scheme, host and port.
    Elsewhere {
        origin: String,
        prefix: String,
    },
}

/// How a request says who sends it.
#[derive(Debug)]
pub enum Auth {
    Basic { user: TextTemplate, password: TextTemplate },
    Bearer(TextTemplate),
}

#[derive(Debug)]
pub enum Body {
    None,
    Json(JsonTemplate),
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, TextTemplate)>),
    /// `multipart/form-data`.
    Multipart(Vec<FormPart>),
    Text(TextTemplate),
    /// The content of a file; all requests share it.
    File(Bytes),
}

/// A part of a form with files.
#[derive(Debug)]
pub struct FormPart {
    pub name: String,
    pub content: PartContent,
    pub content_type: Option<TextTemplate>,
}

#[derive(Debug)]
pub enum PartContent {
    Text(TextTemplate),
    Json(JsonTemplate),
    /// The content of a file, which all requests share, and what the server is told that it is called.
    File {
        bytes: Bytes,
        name: TextTemplate,
    },
}

impl Body {
    /// Calls `visit` with every expression in it.
    pub fn for_each_expr<'a>(&'a self, visit: &mut impl FnMut(&'a Expr)) {
        match self {
            Body::None | Body::File(_) => {}
            Body::Json(json) => json.exprs().for_each(visit),
            Body::Text(text) => text.exprs().for_each(visit),
            Body::Form(fields) => fields.iter().flat_map(|(_, text)| text.exprs()).for_each(visit),
            Body::Multipart(parts) => parts.iter().for_each(|part| {
                match &part.content {
                    PartContent::Text(text) | PartContent::File { name: text, .. } => {
                        text.exprs().for_each(&mut *visit);
                    }
                    PartContent::Json(json) => json.exprs().for_each(&mut *visit),
                }
                part.content_type.iter().flat_map(TextTemplate::exprs).for_each(&mut *visit);
            }),
        }
    }
}

impl Auth {
    /// Calls `visit` with every expression in it.
    pub fn for_each_expr<'a>(&'a self, visit: &mut impl FnMut(&'a Expr)) {
        match self {
            Auth::Basic { user, password } => user.exprs().chain(password.exprs()).for_each(visit),
            Auth::Bearer(token) => token.exprs().for_each(visit),
        }
    }
}

/// What a step expects of its answers.
#[derive(Debug)]
pub struct Expect {
    /// Statuses that are a success.
    pub status: StatusSet,
    /// Looked at first: an answer that one of these matches is `Business`. The order is that of the file, the
    /// defaults of `outcomes` last.
    pub business: Vec<(BusinessId, BusinessRule)>,
    pub checks: Vec<(CheckId, Expr)>,
    /// Service time above this is a failure.
    pub latency: Option<Duration>,
}

/// The number of a business outcome among those of its row ([`RowInfo::business`](super::RowInfo::business)); of a
/// request without a row, among its own.
pub type BusinessId = u16;

#[derive(Debug)]
pub enum BusinessRule {
    Status(StatusSet),
    When(Expr),
}

/// A set of status codes as inclusive ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSet(pub Vec<(u16, u16)>);

impl StatusSet {
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|&(low, high)| (low..=high).contains(&status))
    }
}

impl std::fmt::Display for StatusSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, (low, high)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            if (*low, *high) == (200, 399) {
                write!(f, "{comma}2xx, 3xx")?;
            } else if low == high {
                write!(f, "{comma}{low}")?;
            } else if low % 100 == 0 && high - low == 99 {
                write!(f, "{comma}{}xx", low / 100)?;
            } else {
                write!(f, "{comma}{low}..{high}")?;
            }
        }
        Ok(())
    }
}

impl Default for StatusSet {
    /// `2xx` and `3xx`.
    fn default() -> Self {
        StatusSet(vec![(200, 399)])
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The iteration ends.
    End,
    Continue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBusiness {
    Continue,
    /// The iteration ends.
    Stop,
}
