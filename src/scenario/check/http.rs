//! `http`: the way to servers, and the defaults of requests.

use std::time::Duration;

use super::Check;
use super::files::LARGEST_PEM;
use super::keys::{ENCODINGS, HTTP, TLS, VERSIONS};
use super::reading::{Fields, listed};
use crate::http::{
    ClientCertificate, PemError, Proxy, TlsOptions, Version, authorities_from_pem, is_server_name,
};
use crate::scenario::finding::shortened;
use crate::scenario::model::{BaseUrl, Connections, Http};
use crate::scenario::yaml::{Entry, Key, Kind, Node};

/// How long a request may take where nothing is said.
const TIMEOUT: Duration = Duration::from_secs(30);
/// What `follow_redirects: true` means.
const MOST_REDIRECTS: u8 = 10;
/// The highest number that it may be.
const LONGEST_CHAIN: u64 = 50;

/// What holds for a request that says nothing else.
#[derive(Debug, Clone)]
pub(super) struct Defaults {
    pub(super) http: Http,
    pub(super) timeout: Duration,
    pub(super) headers: Vec<Entry>,
    pub(super) auth: Option<Entry>,
    pub(super) follow_redirects: u8,
    pub(super) base: BaseUrl,
    /// The value of `Accept-Encoding`.
    pub(super) accept_encoding: Option<String>,
}

impl Default for Defaults {
    fn default() -> Self {
        Defaults {
            http: Http::default(),
            timeout: TIMEOUT,
            headers: Vec::new(),
            auth: None,
            follow_redirects: 0,
            base: BaseUrl::Target { prefix: String::new() },
            accept_encoding: None,
        }
    }
}

impl Check<'_> {
    /// Takes what `http` says for what holds from here on.
    pub(super) fn http(&mut self, fields: Fields<'_>) {
        let Some(entry) = fields.get("http") else { return };
        let Some(fields) = self.fields(&entry.value, &entry.key, &HTTP) else { return };
        if let Some(entry) = fields.get("timeout") {
            let timeout = self.some_time(&entry.value, &entry.key);
            self.defaults.timeout = timeout.unwrap_or(self.defaults.timeout);
        }
        if let Some(entry) = fields.get("headers") {
            self.defaults.headers = self.names(entry, "a map of headers and values").to_vec();
        }
        if let Some(entry) = fields.get("auth") {
            self.defaults.auth = Some(entry.clone());
            self.no_second_authorization(entry, fields.get("headers"));
        }
        if let Some(entry) = fields.get("follow_redirects") {
            self.defaults.follow_redirects = self.follow_redirects(entry).unwrap_or_default();
        }
        if let Some(base) = fields.get("base_url").and_then(|entry| self.base_url(entry)) {
            self.defaults.base = base;
        }
        if let Some(entry) = fields.get("compression") {
            self.defaults.accept_encoding = self.compression(entry);
        }
        if let Some(entry) = fields.get("connections") {
            let words = [Connections::PerUser, Connections::Fresh, Connections::Shared]
                .map(|way| (way.as_str(), way));
            self.defaults.http.connections = self.word(entry, &words).unwrap_or_default();
        }
        if let Some(entry) = fields.get("cookies") {
            self.defaults.http.cookies = self.flag(&entry.value, &entry.key).unwrap_or(true);
        }
        if let Some(entry) = fields.get("version") {
            let [http_1, http_2, auto] = VERSIONS;
            let versions = [(http_1, Version::Http1), (http_2, Version::Http2), (auto, Version::Auto)];
            self.defaults.http.network.version = self.word(entry, &versions).unwrap_or_default();
        }
        if let Some(entry) = fields.get("tls") {
            self.defaults.http.network.tls = self.tls(entry);
        }
        if let Some(entry) = fields.get("proxy") {
            self.defaults.http.network.proxy = self.proxy(entry);
        }
    }

    fn proxy(&mut self, entry: &Entry) -> Option<Proxy> {
        let text = self.text(&entry.value, &entry.key, "a URL like `http://proxy.example:3128`")?;
        let example = "write `http://user:${ secret(\"PROXY_PASSWORD\") }@proxy.example:3128`";
        let (text, secrets) = self.rendered_with_secrets(&entry.value, text, example)?;
        // A variable that may be empty: `${ env("HTTP_PROXY", "") }`.
        if text.is_empty() && entry.value.scalar_text(self.text).is_some_and(|written| !written.is_empty()) {
            return None;
        }
        match Proxy::parse(&text) {
            Ok(proxy) if secrets.iter().any(|secret| proxy.origin().to_string().contains(secret)) => {
                let problem = "the host of a proxy is shown by plans and reports, and a secret must not be";
                self.error(&entry.value.span, problem, "keep secrets to its user and password");
                None
            }
            Ok(proxy) => Some(proxy),
            Err(error) => {
                let help =
                    "write it like `http://proxy.example:3128`, or with `user:password@` before the host";
                self.error(&entry.value.span, error.to_string(), help);
                None
            }
        }
    }

    fn tls(&mut self, entry: &Entry) -> TlsOptions {
        let mut options = TlsOptions::default();
        let Some(fields) = self.fields(&entry.value, &entry.key, &TLS) else { return options };
        if let Some(entry) = fields.get("ca")
            && let Some((_, bytes)) = self.file(&entry.value, &entry.key, LARGEST_PEM)
        {
            match authorities_from_pem(&bytes) {
                Ok(authorities) => options.authorities = authorities,
                Err(error) => self.unfit(entry, &error),
            }
        }
        options.client = self.client_certificate(fields);
        if let Some(entry) = fields.get("insecure") {
            options.insecure = self.flag(&entry.value, &entry.key).unwrap_or_default();
            if let Some(useless) = fields.get("ca").filter(|_| options.insecure) {
                self.error(
                    &useless.key.span,
                    "`ca` says whom to trust, and `insecure: true` trusts everybody",
                    "keep one of the two",
                );
            }
        }
        if let Some(entry) = fields.get("server_name")
            && let Some(name) = self.text_now(&entry.value, &entry.key, "a name like `api.example.com`")
        {
            if is_server_name(&name) {
                options.server_name = Some(name);
            } else {
                let problem = format!("`{}` is no name that a certificate can be for", shortened(&name));
                self.error(&entry.value.span, problem, "write a host name, like `api.example.com`");
            }
        }
        options
    }

    fn client_certificate(&mut self, fields: Fields<'_>) -> Option<ClientCertificate> {
        let key_entry = fields.get("client_key");
        let Some(certificate_entry) = fields.get("client_cert") else {
            if let Some(entry) = key_entry {
                self.error(
                    &entry.key.span,
                    "a key without its certificate cannot be shown to anybody",
                    "write `client_cert: …` beside it",
                );
            }
            return None;
        };
        let certificate = self.file(&certificate_entry.value, &certificate_entry.key, LARGEST_PEM);
        let key_entry = key_entry.unwrap_or(certificate_entry);
        let key = self.file(&key_entry.value, &key_entry.key, LARGEST_PEM);
        let ((_, certificate), (_, key)) = (certificate?, key?);
        match ClientCertificate::from_pem(&certificate, &key) {
            Ok(client) => Some(client),
            Err(error) => {
                let is_of_key = matches!(
                    error,
                    PemError::NoKey | PemError::EncryptedKey | PemError::BadKey(_) | PemError::Mismatch
                );
                if error == PemError::NoKey && std::ptr::eq(key_entry, certificate_entry) {
                    let help = "write `client_key: …` beside it, or put the key into this file";
                    self.error(
                        &key_entry.value.span,
                        "there is a certificate in this file, and no key",
                        help,
                    );
                } else {
                    self.unfit(if is_of_key { key_entry } else { certificate_entry }, &error);
                }
                None
            }
        }
    }

    /// A PEM file with something else in it than what is wanted.
    fn unfit(&mut self, entry: &Entry, error: &PemError) {
        let words = error.to_string();
        let (problem, help) = words.split_once(": ").unwrap_or((&words, "name another file"));
        let shown = entry.value.scalar_text(self.text).map(shortened).unwrap_or_default();
        self.error(&entry.value.span, format!("`{shown}`: {problem}"), help);
    }

    /// How many redirects are followed.
    pub(super) fn follow_redirects(&mut self, entry: &Entry) -> Option<u8> {
        match entry.value.kind {
            Kind::Bool(true) => Some(MOST_REDIRECTS),
            Kind::Bool(false) => Some(0),
            Kind::Int(_) => {
                let number = self.whole(&entry.value, &entry.key, 0..=LONGEST_CHAIN)?;
                u8::try_from(number).ok()
            }
            _ => {
                self.expected(&entry.value, &entry.key, "`true`, `false` or a number of redirects like `5`");
                None
            }
        }
    }

    fn compression(&mut self, entry: &Entry) -> Option<String> {
        match &entry.value.kind {
            Kind::Bool(true) => Some(ENCODINGS.join(", ")),
            Kind::Bool(false) => None,
            Kind::List(items) if !items.is_empty() => {
                let mut wanted = Vec::new();
                for item in items {
                    let text = self.text(item, &entry.key, "an encoding like `gzip`")?;
                    if !ENCODINGS.contains(&text) {
                        let problem = format!("`{}` is no encoding that can be read", shortened(text));
                        self.error(&item.span, problem, format!("there are {}", listed(&ENCODINGS)));
                        return None;
                    }
                    wanted.push(text);
                }
                Some(wanted.join(", "))
            }
            _ => {
                self.expected(&entry.value, &entry.key, "`true`, or a list like `[gzip, br]`");
                None
            }
        }
    }

    /// A URL, or a path of the target.
    pub(super) fn base_url(&mut self, entry: &Entry) -> Option<BaseUrl> {
        let help = "write a URL like `https://api.example.com/v1`, or a path of the target like `/api/v1`";
        let text = self.text_now(&entry.value, &entry.key, "a URL like `https://api.example.com/v1`")?;
        let text = text.trim();
        let (origin, path) = match text.find("://") {
            Some(scheme) => {
                let host = scheme + 3;
                let end = text[host..].find('/').map_or(text.len(), |end| host + end);
                if let Err((problem, help)) = super::parse_target(text) {
                    self.error(&entry.value.span, problem, help);
                    return None;
                }
                (Some(text[..end].to_owned()), &text[end..])
            }
            None => (None, text),
        };
        let sound = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#');
        if (origin.is_none() && !path.starts_with('/')) || !path.chars().all(sound) {
            self.error(&entry.value.span, format!("`{}` is no base URL", shortened(text)), help);
            return None;
        }
        let prefix = path.trim_end_matches('/').to_owned();
        Some(match origin {
            Some(origin) => BaseUrl::Elsewhere { origin, prefix },
            None => BaseUrl::Target { prefix },
        })
    }

    /// A text that is known when the file is read.
    pub(super) fn text_now(&mut self, node: &Node, key: &Key, what: &str) -> Option<String> {
        let text = self.text(node, key, what)?;
        let example = format!("write `${{ env(\"{}\", \"…\") }}`", key.name.to_uppercase());
        self.rendered_now(node, text, &example)
    }
}
