//! What the service counts about itself, as Prometheus reads it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use axum::routing::get;
use tokio::task::spawn_blocking;

use super::App;
use super::envelope::ApiError;
use super::routes::Routes;
use crate::metrics::Metrics;

pub(super) fn routes() -> Routes {
    Routes::new().route("/metrics", get(metrics))
}

async fn metrics(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    // Walking the seats of a large world takes milliseconds, which the requests of this thread shall not feel.
    let text = spawn_blocking(move || app.metrics.text(app.state())).await;
    let text = text.map_err(|_| ApiError::INTERNAL)?;
    let mut response = Response::new(text.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(Metrics::CONTENT_TYPE));
    Ok(response)
}
