//! A dry run of several edits of one gateway.

use std::collections::VecDeque;

use crate::audit::Author;
use crate::edit::{Edit, EditAction};
use crate::store::Gateway;
use crate::violation::Warnings;

use super::super::{Service, ServiceError};
use super::gateway::dry_run;
use super::stage::Stage;

/// A gateway as it would be after some edits.
pub(crate) struct GatewayPreview<'a> {
    service: &'a Service,
    author: &'a Author,
    stage: Stage,
    key: Option<String>,
    deleted: bool,
}

impl<'a> GatewayPreview<'a> {
    /// Begins with the stored gateway.
    pub(crate) fn new(
        service: &'a Service,
        author: &'a Author,
        stored: Option<Gateway>,
    ) -> GatewayPreview<'a> {
        let mut stage = Stage::default();
        let key = stored.as_ref().map(|gateway| gateway.document.path.key());
        if let (Some(key), Some(gateway)) = (&key, stored) {
            stage.gateways.insert(key.clone(), gateway);
        }
        GatewayPreview { service, author, stage, key, deleted: false }
    }

    /// Applies edits, in an order in which each one is valid: a rule may come before the pool that it names.
    ///
    /// # Errors
    /// The error of the first edit that is valid at no time.
    pub(crate) async fn apply(&mut self, edits: Vec<Edit>) -> Result<(), ServiceError> {
        let mut waiting: VecDeque<Edit> = edits.into();
        let mut refused = 0;
        let mut first = None;
        while let Some(edit) = waiting.pop_front() {
            if matches!(edit.action, EditAction::Delete) {
                self.deleted = true;
            }
            self.key.get_or_insert_with(|| edit.path.key());
            match dry_run(&edit, self.service, self.author, &mut self.stage).await {
                Ok(_) => (refused, first) = (0, None),
                Err(error) => {
                    first.get_or_insert(error);
                    refused += 1;
                    waiting.push_back(edit);
                    if refused >= waiting.len() {
                        break;
                    }
                }
            }
        }
        first.map_or(Ok(()), Err)
    }

    /// Returns the gateway afterwards; `None` if it is deleted.
    pub(crate) fn finish(mut self) -> (Option<Gateway>, Warnings) {
        let gateway = self.key.and_then(|key| self.stage.gateways.remove(&key)).filter(|_| !self.deleted);
        (gateway, self.stage.warnings)
    }
}
