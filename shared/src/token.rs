//! The one-time token with which a new worker joins the control plane.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::secret::Secret;

/// The data that a worker needs to join: a secret that is valid for one use, and the certificate authority by which
/// the worker verifies the control plane, so that no trust on first use is needed.
///
/// The text form is one line of URL-safe base64, made to be pasted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinToken {
    /// The control plane's certificate authority, PEM.
    pub authority: String,
    /// The one-time secret.
    pub secret: Secret,
}

/// The text is not a join token.
#[derive(Debug, Error)]
#[error("not a join token: print a new one with `tidegate worker token` on the control plane")]
pub struct InvalidToken;

impl JoinToken {
    /// Returns the text form. There is no `Display`, so that the token is not logged by accident.
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).expect("a token is plain data"))
    }
}

impl FromStr for JoinToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<JoinToken, InvalidToken> {
        let json = URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| InvalidToken)?;
        serde_json::from_slice(&json).map_err(|_| InvalidToken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_text_form_and_shows_no_secret() {
        let token = JoinToken { authority: "-----BEGIN…".into(), secret: Secret::new(vec![4; 32]) };
        let text = token.encode();
        assert_eq!(format!("{text}\n").parse::<JoinToken>().unwrap(), token);
        assert!(!format!("{token:?}").contains("BAQE"));
        for bad in ["", "e30", "no token", &text[..text.len() - 9]] {
            assert!(bad.parse::<JoinToken>().is_err(), "{bad}");
        }
    }
}
