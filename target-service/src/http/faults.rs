//! Setting faults, and reading back which are set.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::App;
use super::envelope::{ApiError, ok};
use super::extract::{JsonList, Object};
use super::routes::Routes;
use crate::faults::{Fault, Pattern, Share};

/// The most faults at once; each request looks at all of them.
const MOST_FAULTS: usize = 100;
const LONGEST: Duration = Duration::from_mins(10);
const LARGEST_LEAK_KIB: u64 = 64 * 1024;

pub(super) fn routes() -> Routes {
    Routes::new().route("/admin/faults", get(list).put(set))
}

/// A fault as JSON, asked for and answered alike.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FaultData {
    path: String,
    #[serde(deserialize_with = "read_share", serialize_with = "write_share")]
    share: Share,
    #[serde(default)]
    delay_ms: u64,
    #[serde(default)]
    jitter_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default)]
    reset: bool,
    #[serde(default)]
    stall_ms: u64,
    #[serde(default, rename = "leakKiB")]
    leak_kib: u64,
}

impl TryFrom<FaultData> for Fault {
    type Error = ApiError;

    fn try_from(data: FaultData) -> Result<Self, ApiError> {
        let bad = |text: String| Err(ApiError::bad_request(text));
        if data.status.is_some_and(|status| !(400..=599).contains(&status)) {
            return bad("status must be from 400 to 599".into());
        }
        if data.leak_kib > LARGEST_LEAK_KIB {
            return bad(format!("leakKiB must be at most {LARGEST_LEAK_KIB}"));
        }
        let spans = [("delayMs", data.delay_ms), ("jitterMs", data.jitter_ms), ("stallMs", data.stall_ms)];
        if let Some((name, _)) = spans.iter().find(|(_, millis)| u128::from(*millis) > LONGEST.as_millis()) {
            return bad(format!("{name} must be at most {}", LONGEST.as_millis()));
        }
        Ok(Self {
            pattern: Pattern::parse(&data.path).map_err(ApiError::bad_request)?,
            share: data.share,
            delay: Duration::from_millis(data.delay_ms),
            jitter: Duration::from_millis(data.jitter_ms),
            status: data.status,
            reset: data.reset,
            stall: Duration::from_millis(data.stall_ms),
            leak: data.leak_kib * 1024,
        })
    }
}

impl From<Fault> for FaultData {
    fn from(fault: Fault) -> Self {
        Self {
            path: fault.pattern.to_string(),
            share: fault.share,
            delay_ms: fault.delay.as_millis() as u64,
            jitter_ms: fault.jitter.as_millis() as u64,
            status: fault.status,
            reset: fault.reset,
            stall_ms: fault.stall.as_millis() as u64,
            leak_kib: fault.leak / 1024,
        }
    }
}

async fn set(
    State(app): State<Arc<App>>,
    JsonList(asked): JsonList<Object<FaultData>>,
) -> Result<Response, ApiError> {
    if asked.len() > MOST_FAULTS {
        return Err(ApiError::bad_request(format!("there may be at most {MOST_FAULTS} faults")));
    }
    let faults = asked.into_iter().map(|Object(data)| Fault::try_from(data)).collect::<Result<_, _>>()?;
    app.faults.set(faults);
    Ok(tell(&app))
}

async fn list(State(app): State<Arc<App>>) -> Response {
    tell(&app)
}

fn tell(app: &App) -> Response {
    ok(app.faults.list().into_iter().map(FaultData::from).collect::<Vec<_>>())
}

/// A number from 0 to 1, or a percentage as in `"20%"`.
fn read_share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Share, D::Error> {
    const EXPECTED: &str = "a share as a number from 0 to 1 or as a text from `0%` to `100%`";
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a share as a number from 0 to 1 or as a text from `0%` to `100%`")]
    enum Written {
        Number(f64),
        Text(String),
    }
    match Written::deserialize(deserializer)? {
        Written::Number(part) => {
            Share::new(part).ok_or_else(|| D::Error::invalid_value(Unexpected::Float(part), &EXPECTED))
        }
        Written::Text(text) => {
            Share::parse(&text).ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &EXPECTED))
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn write_share<S: Serializer>(share: &Share, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(share.part())
}
