//! Whether the service lives, and whether it is ready for work.

use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;

use super::App;
use super::envelope::ok;

pub(super) fn routes() -> Router<Arc<App>> {
    // A store in memory answers whenever we do.
    Router::new().route("/healthz", get(async || tell("UP"))).route("/readyz", get(async || tell("READY")))
}

fn tell(status: &'static str) -> Response {
    #[derive(Serialize)]
    struct Data {
        status: &'static str,
    }
    ok(Data { status })
}
