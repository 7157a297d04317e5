//! The handover of a backend connection from hyper after a 101.

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
    /// Takes the connection from which a response came.
    pub(crate) fn of<B>(response: &mut Response<B>) -> PendingUpgrade {
        PendingUpgrade(hyper::upgrade::on(response))
    }

    /// Waits for the connection, and returns it with the bytes that were read from it after the response.
    ///
    /// # Errors
    /// The connection has ended.
    pub(crate) async fn complete(self) -> Result<(Stream, Bytes), BoxError> {
        let upgraded = self.0.await?;
        let parts = upgraded.downcast::<TokioIo<Checked>>().expect("every backend's connection is checked");
        Ok((parts.io.into_inner().into_inner(), parts.read_buf))
    }
}
