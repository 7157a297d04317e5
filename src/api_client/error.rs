//! The reasons why a request of the REST API fails, as a person reads them.

use std::fmt;
use std::time::Duration;

use hyper::StatusCode;
use serde_json::Value;
use thiserror::Error;

use crate::outcome::Exit;

/// The reason why a request has failed.
#[derive(Debug, Error)]
pub(crate) enum ApiError {
    #[error("the control plane at {url} cannot be reached: {cause}")]
    Unreachable { url: String, cause: String },
    #[error("the control plane at {url} has not answered within {seconds} s (--timeout)")]
    TooSlow { url: String, seconds: f64 },
    #[error("the certificate of {url} is not trusted: {cause}")]
    NotTrusted { url: String, cause: String },
    #[error("{0}")]
    Refused(Problem),
    #[error("the operation has failed: {0}")]
    OperationFailed(Problem),
    #[error("no token was given for the client: {0}")]
    NoToken(String),
    #[error("{0}")]
    BadRequest(String),
    #[error("this control plane does not serve {0}: it is older than this command")]
    NotServed(String),
    #[error("the answer of the control plane was not understood: {0}")]
    NotUnderstood(String),
}

impl ApiError {
    /// The status of a refused request.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            ApiError::Refused(problem) => problem.status,
            _ => None,
        }
    }

    /// The exit code that tells a script the class of this failure.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            ApiError::NoToken(_) | ApiError::NotTrusted { .. } => Exit::Refused,
            ApiError::BadRequest(_) => Exit::Usage,
            ApiError::Refused(problem) => match problem.status.map_or(0, |status| status.as_u16()) {
                404 => Exit::NotFound,
                409 | 412 => Exit::Conflict,
                401 | 403 => Exit::Refused,
                _ => Exit::Failed,
            },
            _ => Exit::Failed,
        }
    }
}

/// An error of ARM: a code, a message, and what it is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The status of the response; none for a failed operation.
    pub(crate) status: Option<StatusCode>,
    /// The code, such as `ResourceNotFound`.
    pub(crate) code: String,
    /// The message.
    pub(crate) message: String,
    /// The property that the error is about, as a path such as `properties.probes[0].name`.
    pub(crate) target: Option<String>,
    /// The single errors, if there are several.
    pub(crate) details: Vec<Problem>,
    /// The time after which the control plane asks for the request again.
    pub(crate) pause: Option<Duration>,
}

impl Problem {
    /// Reads the body of a failed request. `text` is shown if the body is not ARM's.
    pub(super) fn of_response(status: StatusCode, body: &Value, text: &str) -> Problem {
        let problem = match &body["error"] {
            Value::Null => {
                Problem { code: status.to_string(), message: text.trim().to_owned(), ..Problem::default() }
            }
            error => Problem::read(error),
        };
        Problem { status: Some(status), ..problem }
    }

    /// Reads an object with `code`, `message`, `target` and `details`.
    pub(crate) fn read(error: &Value) -> Problem {
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        let details = error["details"].as_array().map(|all| all.iter().map(Problem::read).collect());
        Problem {
            code: text("code"),
            message: text("message"),
            target: error["target"].as_str().map(str::to_owned),
            details: details.unwrap_or_default(),
            ..Problem::default()
        }
    }

    /// Keeps the pause if the request may be sent again: the control plane has not executed it.
    pub(super) fn with_pause(self, pause: Option<Duration>) -> Problem {
        let is_repeatable = self.status.is_some_and(|status| [429, 503].contains(&status.as_u16()));
        Problem { pause: pause.filter(|_| is_repeatable), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        if let Some(target) = &self.target {
            write!(f, " ({target})")?;
        }
        // A single detail repeats the error.
        for detail in self.details.iter().filter(|_| self.details.len() > 1) {
            write!(f, "\n  - {detail}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_shows_everything_that_arm_says() {
        let body = json!({"error": {
            "code": "A", "message": "a is wrong. (2 errors in total, see details.)", "target": "properties.a",
            "details": [
                {"code": "A", "message": "a is wrong.", "target": "properties.a"},
                {"code": "B", "message": "b is wrong."},
            ],
        }});
        let problem = Problem::of_response(StatusCode::BAD_REQUEST, &body, "");
        let expected = "A: a is wrong. (2 errors in total, see details.) (properties.a)\n  \
                        - A: a is wrong. (properties.a)\n  - B: b is wrong.";
        assert_eq!(problem.to_string(), expected);
        let other = Problem::of_response(StatusCode::BAD_GATEWAY, &Value::Null, "down\n");
        assert_eq!(other.to_string(), "502 Bad Gateway: down");
    }

    #[test]
    fn a_script_can_tell_classes_of_failures() {
        for (status, exit) in [
            (400, Exit::Failed),
            (401, Exit::Refused),
            (403, Exit::Refused),
            (404, Exit::NotFound),
            (409, Exit::Conflict),
            (412, Exit::Conflict),
            (500, Exit::Failed),
        ] {
            let problem = Problem { status: StatusCode::from_u16(status).ok(), ..Problem::default() };
            assert_eq!(ApiError::Refused(problem).exit(), exit, "{status}");
        }
    }

    #[test]
    fn only_what_was_not_executed_is_sent_again() {
        let pause = Some(Duration::from_secs(1));
        for (status, repeated) in [(429, true), (503, true), (500, false), (409, false)] {
            let problem = Problem { status: StatusCode::from_u16(status).ok(), ..Problem::default() };
            assert_eq!(problem.with_pause(pause).pause.is_some(), repeated, "{status}");
        }
    }
}
