//! Whether the service lives, and whether it is ready for work.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;

use super::App;
use super::envelope::{ApiError, ok};
use super::routes::Routes;

pub(super) fn routes() -> Routes {
    Routes::new().route("/healthz", get(async || tell("UP"))).route("/readyz", get(ready))
}

async fn ready(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    app.store.ready().await?;
    Ok(tell("READY"))
}

fn tell(status: &'static str) -> Response {
    #[derive(Serialize)]
    struct Data {
        status: &'static str,
    }
    ok(Data { status })
}
