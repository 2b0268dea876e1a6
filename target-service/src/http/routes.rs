//! The routes of the service, with their templates written down for whoever counts by them.

use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use axum::routing::MethodRouter;

use super::App;
use super::envelope::ApiError;

/// Routes that are being put together.
pub(super) struct Routes {
    router: Router<Arc<App>>,
    templates: Vec<&'static str>,
}

impl Routes {
    pub(super) fn new() -> Self {
        Self { router: Router::new(), templates: Vec::new() }
    }

    pub(super) fn route(mut self, template: &'static str, methods: MethodRouter<Arc<App>>) -> Self {
        self.templates.push(template);
        Self { router: self.router.route(template, methods), ..self }
    }

    pub(super) fn merge(mut self, others: Self) -> Self {
        self.templates.extend(others.templates);
        Self { router: self.router.merge(others.router), ..self }
    }

    pub(super) fn templates(&self) -> &[&'static str] {
        &self.templates
    }

    /// All of them, and an answer in the envelope where there is none.
    pub(super) fn router(self, app: &Arc<App>) -> Router {
        self.router
            .method_not_allowed_fallback(async || -> Response { ApiError::METHOD_NOT_ALLOWED.into() })
            .fallback(async || -> Response { ApiError::NOT_FOUND.into() })
            .with_state(Arc::clone(app))
    }
}
