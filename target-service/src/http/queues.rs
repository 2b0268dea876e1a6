//! The waiting queue, at the paths of both the k6 and the Gatling scripts.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};

use super::App;
use super::envelope::{ApiError, ok, success};
use super::extract::{JsonBody, JsonUser, PathUser, TOKEN_HEADER, TokenHeader};
use super::routes::Routes;
use crate::domain::queue::{Pass, Standing, Token};

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/api/v1/queues", post(enter).get(standing).delete(leave))
        .route("/api/waiting-queue-token", post(enter_created))
        .route("/api/waiting-queue-token/{userId}", get(of_user))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Enter {
    user_id: JsonUser,
    /// When the client says it came. The order of arrival is ours, so it is only held to be text.
    #[serde(default, rename = "requestAt")]
    _request_at: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PassData<'a> {
    token: &'a str,
    status: &'static str,
    /// 1 for whoever becomes active next, 0 for who is.
    position: u64,
    retry_after_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

async fn enter(State(app): State<Arc<App>>, JsonBody(body): JsonBody<Enter>) -> Response {
    issue(&app, body, StatusCode::OK)
}

async fn enter_created(State(app): State<Arc<App>>, JsonBody(body): JsonBody<Enter>) -> Response {
    issue(&app, body, StatusCode::CREATED)
}

fn issue(app: &App, body: Enter, status: StatusCode) -> Response {
    let pass = app.live().world.enter_queue(body.user_id.0);
    let mut response = tell(pass, status);
    if let Ok(value) = HeaderValue::from_bytes(&pass.token.digits()) {
        response.headers_mut().insert(TOKEN_HEADER, value);
    }
    response
}

async fn standing(
    State(app): State<Arc<App>>,
    TokenHeader(token): TokenHeader,
) -> Result<Response, ApiError> {
    let standing = app.live().world.standing(token)?;
    Ok(tell(Pass { token, standing }, StatusCode::OK))
}

async fn of_user(State(app): State<Arc<App>>, PathUser(user): PathUser) -> Result<Response, ApiError> {
    Ok(tell(app.live().world.standing_of_user(&user)?, StatusCode::OK))
}

async fn leave(State(app): State<Arc<App>>, TokenHeader(token): TokenHeader) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct Left {
        status: &'static str,
    }
    app.live().world.leave_queue(token)?;
    Ok(ok(Left { status: "LEFT" }))
}

fn tell(Pass { token, standing }: Pass, code: StatusCode) -> Response {
    let (status, position, expires_at) = match standing {
        Standing::Active { expires_at } => ("ACTIVE", 0, Some(expires_at.to_string())),
        Standing::Waiting { position } => ("WAITING", position, None),
    };
    let retry_after_ms = standing.retry_after().as_millis() as u64;
    success(code, PassData { token: text(&token.digits()), status, position, retry_after_ms, expires_at })
}

fn text(digits: &[u8; Token::DIGITS]) -> &str {
    // Digits are ASCII; the compiler cannot know.
    std::str::from_utf8(digits).unwrap_or_default()
}
