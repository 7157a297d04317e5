//! Long-running operations: polled at the pace that the control plane asks for, until they end.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::Value;

use super::{Answer, ApiClient, ApiError, ApiRequest, Endpoint, Problem, pause};

/// The response headers with the URL of an operation's status, and of its result.
const STATUS: &str = "azure-asyncoperation";
const RESULT: &str = "location";

/// The pause between two polls if the control plane states none.
const PAUSE: Duration = Duration::from_secs(1);

impl ApiClient {
    /// Waits until the operation of a write has ended. Returns its final status; null if the write had none.
    ///
    /// # Errors
    /// The operation has failed or was superseded, or the control plane cannot be reached.
    pub(crate) async fn wait(&self, started: &Answer) -> Result<Value, ApiError> {
        let Some(url) = started.header(STATUS) else { return Ok(Value::Null) };
        let request = ApiRequest::get(Endpoint::path_of(url)?);
        loop {
            let answer = self.send(&request).await?;
            match answer.body["status"].as_str().unwrap_or_default() {
                "Succeeded" => return Ok(answer.body),
                "Failed" | "Canceled" => {
                    return Err(ApiError::OperationFailed(Problem::read(&answer.body["error"])));
                }
                _ => tokio::time::sleep(pause(&answer.headers).unwrap_or(PAUSE)).await,
            }
        }
    }

    /// Waits for the result of an action, such as the health of backends.
    ///
    /// # Errors
    /// As [`ApiClient::wait`].
    pub(crate) async fn result(&self, started: Answer) -> Result<Value, ApiError> {
        let Some(url) = started.header(RESULT).filter(|_| started.status == StatusCode::ACCEPTED) else {
            return Ok(started.body);
        };
        let request = ApiRequest::get(Endpoint::path_of(url)?);
        loop {
            let answer = self.send(&request).await?;
            if answer.status != StatusCode::ACCEPTED {
                return Ok(answer.body);
            }
            tokio::time::sleep(pause(&answer.headers).unwrap_or(PAUSE)).await;
        }
    }
}
