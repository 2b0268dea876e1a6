//! `auth`: how a request says who sends it.

use super::Check;
use super::keys::{AUTH, BASIC};
use super::reading::Fields;
use crate::scenario::model::Auth;
use crate::scenario::yaml::{Entry, Kind};
use crate::template::TextTemplate;

pub(super) const AUTHORIZATION: &str = "authorization";

impl Check<'_> {
    pub(super) fn auth(&mut self, fields: Fields<'_>) -> Option<Auth> {
        let headers = fields.get("headers");
        if let Some(entry) = fields.get("auth") {
            self.no_second_authorization(entry, headers);
            return self.authentication(entry);
        }
        let has_own = headers.is_some_and(|entry| {
            entry.value.entries().iter().any(|entry| entry.key.name.eq_ignore_ascii_case(AUTHORIZATION))
        });
        let default = self.defaults.auth.clone().filter(|_| !has_own)?;
        self.authentication(&default)
    }

    /// A finding where headers beside an `auth` say the same another way.
    pub(super) fn no_second_authorization(&mut self, auth: &Entry, headers: Option<&Entry>) {
        let headers = headers.map(|entry| entry.value.entries()).unwrap_or_default();
        if let Some(entry) = headers.iter().find(|entry| entry.key.name.eq_ignore_ascii_case(AUTHORIZATION))
            && auth.value.scalar_text(self.text) != Some("none")
        {
            self.error(&entry.key.span, "`auth` writes this header", "keep one of the two");
        }
    }

    fn authentication(&mut self, entry: &Entry) -> Option<Auth> {
        if !matches!(entry.value.kind, Kind::Map(_)) {
            if entry.value.scalar_text(self.text) != Some("none") {
                self.expected(
                    &entry.value,
                    &entry.key,
                    "`none`, or a map like `{ bearer: \"${ token }\" }` or `{ basic: { user: …, password: … } }`",
                );
            }
            return None;
        }
        let fields = self.fields(&entry.value, &entry.key, &AUTH)?;
        match (fields.get("basic"), fields.get("bearer")) {
            (Some(_), Some(bearer)) => {
                self.error(
                    &bearer.key.span,
                    "`basic` and `bearer` exclude each other",
                    "keep one of the two",
                );
                None
            }
            (Some(basic), None) => {
                let fields = self.fields(&basic.value, &basic.key, &BASIC)?;
                let user = fields.get("user").and_then(|entry| self.header_value(entry));
                if let Some(colon) = fields.get("user").filter(|_| {
                    user.as_ref().and_then(TextTemplate::as_static).is_some_and(|user| user.contains(':'))
                }) {
                    let problem = "a user name with `:` would be cut there";
                    let help = "take the `:` out: what is behind it would be taken for the password";
                    self.error(&colon.value.span, problem, help);
                    return None;
                }
                let password = fields.get("password").and_then(|entry| self.header_value(entry));
                Some(Auth::Basic { user: user?, password: password? })
            }
            (None, Some(bearer)) => self.header_value(bearer).map(Auth::Bearer),
            (None, None) => {
                if !fields.has_unknown {
                    let help = "write `bearer: …` or `basic: { user: …, password: … }`";
                    self.error(&entry.key.span, "`auth` does not say how", help);
                }
                None
            }
        }
    }
}
