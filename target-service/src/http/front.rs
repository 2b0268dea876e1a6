//! What every request passes before it is handled, and every answer after: injected faults, counters, and a line
//! in the log for each failure of ours.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tracing::{Level, debug, enabled, error};

use super::App;
use super::envelope::{ApiError, Cause};
use crate::faults::Fate;

/// The service as a connection sees it; each has a clone.
#[derive(Debug, Clone)]
pub(crate) struct Front {
    app: Arc<App>,
    router: TowerToHyperService<Router>,
}

/// The connection is to be reset instead of an answer.
#[derive(Debug, thiserror::Error)]
#[error("a fault resets this connection")]
pub(crate) struct Reset;

impl Front {
    pub(super) fn new(app: &Arc<App>, router: Router) -> Self {
        Self { app: Arc::clone(app), router: TowerToHyperService::new(router) }
    }

    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Result<Response, Reset> {
        let started = Instant::now();
        let endpoint = self.app.metrics.endpoints().find(request.method().as_str(), request.uri().path());
        let injected = if self.app.faults.any() { self.injected(&request).await? } else { None };
        let answer = if let Some(answer) = injected {
            answer
        } else {
            let Ok(answer) = self.router.call(request.map(Body::new)).await;
            if answer.status().is_server_error() {
                let (method, route) = self.app.metrics.endpoints().name(endpoint);
                let cause = answer.extensions().get::<Cause>().map(|Cause(cause)| cause.as_str());
                error!(method, route, status = answer.status().as_u16(), cause, "request failed");
            }
            answer
        };
        let (status, took) = (answer.status().as_u16(), started.elapsed());
        self.app.metrics.answered(endpoint, status, took);
        if enabled!(Level::DEBUG) {
            let (method, route) = self.app.metrics.endpoints().name(endpoint);
            debug!(method, route, status, ?took, "answered");
        }
        Ok(answer)
    }

    /// Frees the memory of what has expired; called now and then.
    pub(crate) fn sweep(&self) {
        self.app.store.sweep();
    }

    /// Whether several runtimes may share it.
    pub(crate) fn is_free_of_runtimes(&self) -> bool {
        self.app.store.is_free_of_runtimes()
    }

    /// Ends all faults, and lets go of the requests that they hold up.
    pub(crate) fn clear_faults(&self) {
        self.app.faults.set(Vec::new());
    }

    /// What a fault answers in the place of a handler.
    async fn injected(&self, request: &Request<Incoming>) -> Result<Option<Response>, Reset> {
        let path = request.uri().path();
        Ok(match self.app.faults.meet(path).await {
            Fate::Handle => None,
            Fate::Answer(status) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                Some(ApiError::injected(status).into())
            }
            Fate::Reset => {
                debug!(path, "reset by a fault");
                return Err(Reset);
            }
        })
    }
}
