//! A connection to a backend that has answered 101, on its way out of the HTTP engine.

use bytes::Bytes;
use http::Response;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use super::Checked;
use crate::body::BoxError;
use crate::stream::Stream;

/// A connection that will be handed over.
#[derive(Debug)]
pub(crate) struct PendingUpgrade(OnUpgrade);

impl PendingUpgrade {
    /// The connection by which a response has come.
    pub(crate) fn of<B>(response: &mut Response<B>) -> PendingUpgrade {
        PendingUpgrade(hyper::upgrade::on(response))
    }

    /// Waits for the connection. Returns it with what was read from it behind the response.
    ///
    /// # Errors
    /// The connection has ended before.
    pub(crate) async fn complete(self) -> Result<(Stream, Bytes), BoxError> {
        let upgraded = self.0.await?;
        let parts = upgraded.downcast::<TokioIo<Checked>>().expect("every backend's connection is checked");
        Ok((parts.io.into_inner().into_inner(), parts.read_buf))
    }
}
