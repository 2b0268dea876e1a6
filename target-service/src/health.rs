//! Asking a running service whether it is well, as a container's health check does: an image with nothing in it
//! but this program has no other to ask with.

use std::time::Duration;

use axum::http::header::HOST;
use axum::http::{Request, StatusCode, Uri};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long the answer may take: longer than the service lets a request wait for its servers.
const ANSWERED_WITHIN: Duration = Duration::from_secs(8);

/// Why a service is not well.
#[derive(Debug, thiserror::Error)]
pub enum Unwell {
    #[error("a URL is needed as in http://127.0.0.1:8080/readyz")]
    Url,
    #[error("nobody takes the connection: {0}")]
    Unreachable(std::io::Error),
    #[error("it does not speak HTTP: {0}")]
    Unintelligible(#[from] hyper::Error),
    #[error("it answers {0}")]
    Refused(StatusCode),
    #[error("no answer within {} s", ANSWERED_WITHIN.as_secs())]
    TooLate,
}

/// Asks a URL once. A service is well if it answers with a status of success.
pub async fn health(url: &str) -> Result<(), Unwell> {
    timeout(ANSWERED_WITHIN, ask(url)).await.unwrap_or(Err(Unwell::TooLate))
}

async fn ask(url: &str) -> Result<(), Unwell> {
    let url: Uri = url.parse().map_err(|_| Unwell::Url)?;
    let (Some("http"), Some(authority)) = (url.scheme_str(), url.authority()) else {
        return Err(Unwell::Url);
    };
    let host = authority.host().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(80)));
    let stream = stream.await.map_err(Unwell::Unreachable)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path).header(HOST, authority.as_str()).body(Empty::<Bytes>::new());
    let exchange = sender.send_request(request.map_err(|_| Unwell::Url)?);
    let answer = tokio::select! {
        answer = exchange => answer?,
        // It ends first only if it fails, or if the other side ends it without an answer.
        ended = connection => return Err(ended.map_or_else(Unwell::Unintelligible, |()| Unwell::TooLate)),
    };
    if answer.status().is_success() { Ok(()) } else { Err(Unwell::Refused(answer.status())) }
}
