//! Whether the service lives, and whether it is ready for work.

use axum::response::Response;
use axum::routing::get;
use serde::Serialize;

use super::envelope::ok;
use super::routes::Routes;

pub(super) fn routes() -> Routes {
    // A store in memory answers whenever we do.
    Routes::new().route("/healthz", get(async || tell("UP"))).route("/readyz", get(async || tell("READY")))
}

fn tell(status: &'static str) -> Response {
    #[derive(Serialize)]
    struct Data {
        status: &'static str,
    }
    ok(Data { status })
}
