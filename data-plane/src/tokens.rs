//! The join token of a worker: from a file that its supervisor may renew, or the one it was started with.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tidegate_shared::private_file;
use tidegate_shared::token::JoinToken;

/// The join tokens of one worker.
#[derive(Debug)]
pub(crate) struct Tokens {
    file: PathBuf,
    given: Option<JoinToken>,
}

impl Tokens {
    /// The tokens of the worker with this `data_dir` that was started with `given`. The file is `token` in that
    /// directory.
    pub(crate) fn of(data_dir: &Path, given: Option<JoinToken>) -> Tokens {
        Tokens { file: data_dir.join("token"), given }
    }

    /// Returns the token to join with. The file takes precedence, because it may have been renewed since the start.
    pub(crate) fn newest(&self) -> Option<JoinToken> {
        self.in_file().or_else(|| self.given.clone())
    }

    /// Discards a token that was used or is invalid. A newer token in the file stays.
    pub(crate) fn spend(&mut self, token: &JoinToken) {
        if self.given.as_ref() == Some(token) {
            self.given = None;
        }
        if self.in_file().as_ref() == Some(token)
            && let Err(error) = fs::remove_file(&self.file)
        {
            // The worker will try this token again, and be refused.
            tracing::error!(%error, "a spent join token cannot be removed");
        }
    }

    fn in_file(&self) -> Option<JoinToken> {
        match private_file::read(&self.file) {
            Ok(text) => std::str::from_utf8(text.expose()).ok().and_then(|text| text.parse().ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(%error, "the join token cannot be read");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_shared::secret::Secret;

    fn token(number: u8) -> JoinToken {
        JoinToken { authority: "authority".into(), secret: Secret::new(vec![number]) }
    }

    #[test]
    fn the_file_goes_before_the_given_one_and_each_is_spent_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut tokens = Tokens::of(dir.path(), Some(token(1)));
        private_file::write(&dir.path().join("token"), token(2).encode().as_bytes()).unwrap();
        for expected in [token(2), token(1)] {
            assert_eq!(tokens.newest(), Some(expected.clone()));
            tokens.spend(&expected);
        }
        assert_eq!(tokens.newest(), None);
        private_file::write(&dir.path().join("token"), token(3).encode().as_bytes()).unwrap();
        tokens.spend(&token(2));
        assert_eq!(tokens.newest(), Some(token(3)), "it came after the other was read");
        private_file::write(&dir.path().join("token"), b"no token").unwrap();
        assert_eq!(tokens.newest(), None);
    }
}
