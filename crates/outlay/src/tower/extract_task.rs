//! The task of a request as an extractor of axum.

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::StatusCode;
use http::request::Parts;

use crate::CurrentTask;

/// The task of the request. Without a [`ServerLayer`](crate::tower::ServerLayer) that starts one for the route, the request
/// is answered with status 500.
impl<S: Sync> FromRequestParts<S> for CurrentTask {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let missing =
            (StatusCode::INTERNAL_SERVER_ERROR, "no task: ServerLayer::task_per_request starts none for this route");
        parts.extensions.get().cloned().ok_or(missing)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for CurrentTask {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Self::Rejection> {
        Ok(parts.extensions.get().cloned())
    }
}
