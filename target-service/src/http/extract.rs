//! Reads requests: bodies with their limit, the token's header, ids in paths. Whatever is wrong becomes an
//! error in the envelope.

use std::fmt;
use std::marker::PhantomData;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::header::CONTENT_LENGTH;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use http_body_util::BodyExt;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, MapAccess, Visitor};

use super::envelope::ApiError;
use crate::domain::queue::Token;
use crate::domain::user::UserId;

const LARGEST_BODY: usize = 64 * 1024;
/// How much of a body that is too large is read and thrown away, so that its sender comes to read the answer
/// instead of finding the connection reset while it still writes.
const LARGEST_DISCARD: usize = 1024 * 1024;

pub(super) const TOKEN_HEADER: HeaderName = HeaderName::from_static("queue-token-queue-id");

/// A JSON object in the body, whatever its content type says.
pub(super) struct JsonBody<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        parse(&read(request).await?).map(Self)
    }
}

/// As [`JsonBody`], and an empty body is one with nothing in it.
pub(super) struct OptionalJsonBody<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let bytes = read(request).await?;
        parse(if bytes.trim_ascii().is_empty() { b"{}" } else { &bytes }).map(Self)
    }
}

/// A JSON list in the body.
pub(super) struct JsonList<T>(pub(super) Vec<T>);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for JsonList<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        from_json(&read(request).await?).map(Self)
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // serde would take `[1]` for an object with one field.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(ApiError::bad_request("the body must be a JSON object"));
    }
    from_json(bytes)
}

fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| ApiError::bad_request(error.to_string()))
}

async fn read(request: Request) -> Result<Bytes, ApiError> {
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let mut body = request.into_body();
    if announced.is_some_and(|length: usize| length > LARGEST_BODY) {
        return Err(too_large(body).await);
    }
    // Nearly every body comes whole with the first read, and is then used where it lies.
    let mut whole = next_data(&mut body).await?.unwrap_or_default();
    while let Some(more) = next_data(&mut body).await? {
        if whole.len() + more.len() > LARGEST_BODY {
            return Err(too_large(body).await);
        }
        let mut joined = Vec::with_capacity(whole.len() + more.len());
        joined.extend_from_slice(&whole);
        joined.extend_from_slice(&more);
        whole = joined.into();
    }
    if whole.len() > LARGEST_BODY { Err(ApiError::BODY_TOO_LARGE) } else { Ok(whole) }
}

async fn next_data(body: &mut Body) -> Result<Option<Bytes>, ApiError> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ApiError::bad_request("the body broke off"))?;
        // What is not data is trailers, which mean nothing here.
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

async fn too_large(mut body: Body) -> ApiError {
    let mut discarded = 0;
    while let Ok(Some(data)) = next_data(&mut body).await {
        discarded += data.len();
        if discarded > LARGEST_DISCARD {
            break;
        }
    }
    ApiError::BODY_TOO_LARGE
}

/// The token that the request came with.
pub(super) struct TokenHeader(pub(super) Token);

impl<S: Sync> FromRequestParts<S> for TokenHeader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        token(&parts.headers).map(Self)
    }
}

fn token(headers: &HeaderMap) -> Result<Token, ApiError> {
    let value = headers.get(TOKEN_HEADER).filter(|value| !value.is_empty()).ok_or(ApiError::TOKEN_MISSING)?;
    let token = value.to_str().ok().and_then(Token::parse);
    // What does not even look like one was certainly never issued.
    token.ok_or_else(|| crate::domain::refusal::Refusal::TokenUnknown.into())
}

/// The number in the path; the first if there are more.
pub(super) struct PathId(pub(super) u64);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text = first_param(parts, state).await?;
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits {
            return Err(ApiError::bad_request(format!("the id in the path must be a number, not `{text}`")));
        }
        // A number beyond all ids is a good number of nothing.
        Ok(Self(text.parse().unwrap_or(u64::MAX)))
    }
}

/// The user in the path.
pub(super) struct PathUser(pub(super) UserId);

impl<S: Send + Sync> FromRequestParts<S> for PathUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text = first_param(parts, state).await?;
        UserId::parse(&text).map(Self).map_err(ApiError::bad_request)
    }
}

async fn first_param<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<String, ApiError> {
    let params = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| ApiError::bad_request("the path is not UTF-8"))?;
    Ok(params.iter().next().map(|(_, value)| value.to_owned()).unwrap_or_default())
}

/// A JSON object and nothing else: serde would take `[1, 2]` for an object with two fields.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// A user id in JSON: a whole number or a text.
pub(super) struct JsonUser(pub(super) UserId);

impl<'de> Deserialize<'de> for JsonUser {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonUserVisitor)
    }
}

struct JsonUserVisitor;

impl Visitor<'_> for JsonUserVisitor {
    type Value = JsonUser;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("userId as a whole number or a text")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<JsonUser, E> {
        Ok(JsonUser(number.into()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<JsonUser, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<JsonUser, E> {
        UserId::parse(text).map(JsonUser).map_err(E::custom)
    }
}
