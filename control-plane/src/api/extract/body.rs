//! Request bodies, read as a whole up to a limit.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use http_body_util::BodyExt;
use serde_json::Value;

use crate::api::App;
use crate::api::error::ApiError;
use crate::audit::Author;
use crate::fair_share::{Bounds, FairShare, Permit};

/// The number of large bodies in memory at once, in total and for each client. Parsed JSON needs several times
/// the size of the body.
const AT_ONCE: Bounds = Bounds { total: 2, each: 1, waiting: 8 };

/// The maximum size of all bodies except for the document of a gateway, in bytes.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// The number of bytes that are read and discarded of a body that is too large.
const MAX_DISCARDED: usize = 16 * 1024 * 1024;

/// A body that is a JSON object.
#[derive(Debug)]
pub(in crate::api) struct JsonBody(pub(in crate::api) Value);

impl<S: Sync> FromRequest<S> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<JsonBody, ApiError> {
        let bytes = body(request).await?;
        object(&bytes).map(JsonBody)
    }
}

/// A body that is a JSON object, or none, which counts as an empty one.
#[derive(Debug)]
pub(in crate::api) struct OptionalJsonBody(pub(in crate::api) Value);

impl<S: Sync> FromRequest<S> for OptionalJsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<OptionalJsonBody, ApiError> {
        let bytes = body(request).await?;
        let value = if bytes.is_empty() { Ok(Value::Object(serde_json::Map::new())) } else { object(&bytes) };
        value.map(OptionalJsonBody)
    }
}

/// The document of a gateway: a JSON object of up to the size that the operator allows.
#[derive(Debug)]
pub(in crate::api) struct DocumentBody {
    /// The JSON object.
    pub(in crate::api) json: Value,
    /// The permit for a large body, to be held until the request is answered.
    pub(in crate::api) place: Option<Permit<String>>,
}

/// The bounds of large bodies: their size, and their number in memory.
#[derive(Debug)]
pub(crate) struct LargeBodies {
    most: usize,
    places: FairShare<String>,
}

impl LargeBodies {
    /// Allows bodies of up to `most` bytes, but at least [`MAX_BODY`].
    pub(crate) fn new(most: usize) -> LargeBodies {
        LargeBodies { most: most.max(MAX_BODY), places: FairShare::new(AT_ONCE) }
    }
}

impl FromRequest<Arc<App>> for DocumentBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<DocumentBody, ApiError> {
        let LargeBodies { most, places } = &app.large_bodies;
        refuse_announced(&request, *most)?;
        let author = request.extensions().get::<Author>().map(|author| author.name.clone());
        let mut body = request.into_body();
        let mut read = Read::default();
        let mut place = None;
        if !read.up_to(MAX_BODY, &mut body).await? {
            let waiting = places.take(&author.unwrap_or_default()).await;
            place = Some(waiting.map_err(|_| ApiError::TooManyLarge)?);
            read.up_to(*most, &mut body).await?;
        }
        let json = object(&read.whole(*most, &mut body).await?)?;
        Ok(DocumentBody { json, place })
    }
}

fn object(bytes: &[u8]) -> Result<Value, ApiError> {
    // serde_json rejects more than 128 levels of nesting.
    let value: Value = serde_json::from_slice(bytes).map_err(|e| ApiError::BadBody(e.to_string()))?;
    if value.is_object() { Ok(value) } else { Err(ApiError::BadBody("not an object".into())) }
}

/// Reads the body of a request, unless the request announces one that is too large and expects `100 Continue`.
pub(super) async fn body(request: Request) -> Result<Vec<u8>, ApiError> {
    refuse_announced(&request, MAX_BODY)?;
    collect(request.into_body()).await
}

fn refuse_announced(request: &Request, most: usize) -> Result<(), ApiError> {
    let headers = request.headers();
    let announced = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    if headers.contains_key(EXPECT) && announced.is_some_and(|length: usize| length > most) {
        return Err(ApiError::BodyTooLarge(most));
    }
    Ok(())
}

/// Reads a body of up to [`MAX_BODY`].
pub(in crate::api) async fn collect(mut body: Body) -> Result<Vec<u8>, ApiError> {
    let mut read = Read::default();
    read.up_to(MAX_BODY, &mut body).await?;
    read.whole(MAX_BODY, &mut body).await
}

/// The part of a body that has been read.
#[derive(Debug, Default)]
struct Read {
    bytes: Vec<u8>,
}

impl Read {
    /// Reads until the body ends or exceeds `most` bytes. Returns whether it has ended.
    async fn up_to(&mut self, most: usize, body: &mut Body) -> Result<bool, ApiError> {
        while self.bytes.len() <= most {
            match next(body).await? {
                Some(data) => self.bytes.extend_from_slice(&data),
                None => return Ok(true),
            }
        }
        Ok(false)
    }

    /// Returns the body if it is within the limit. Otherwise reads and discards the rest up to a limit, because
    /// a client that is still sending when the connection is closed would lose the response.
    async fn whole(self, most: usize, body: &mut Body) -> Result<Vec<u8>, ApiError> {
        let mut length = self.bytes.len();
        if length <= most {
            return Ok(self.bytes);
        }
        drop(self);
        while length <= most.saturating_add(MAX_DISCARDED) {
            let Some(data) = next(body).await? else { break };
            length = length.saturating_add(data.len());
        }
        Err(ApiError::BodyTooLarge(most))
    }
}

/// Returns the next data of a body; `None` at its end.
async fn next(body: &mut Body) -> Result<Option<Bytes>, ApiError> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|e| ApiError::BadBody(e.to_string()))?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}
