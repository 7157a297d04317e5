//! The rollout's view of the store: wanted generations, and their outcomes.

use sqlx::Row;
use tidegate_shared::id::{Digest, GatewayId, Generation};

use crate::clock::Millis;

use super::groups::finish_deletions;
use super::model::{generation, number, parse_uuid};
use super::operations::{end_late_operations, end_operations};
use super::{OperationState, OperationalState, Problem, ProvisioningState, Store, StoreError};

/// The number of an operation. A later operation of the same gateway has a higher number, at least while the
/// earlier one is in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OperationNumber(pub(crate) i64);

/// The desired state of one gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) gateway: GatewayId,
    pub(crate) generation: Generation,
    /// The digest of the generation's content.
    pub(crate) digest: Digest,
    /// The stored progress.
    pub(crate) state: ProvisioningState,
    /// The desired and actual operational state.
    pub(crate) operational: OperationalState,
    /// The start time of the oldest operation in progress.
    pub(crate) waiting_since: Option<Millis>,
    /// The oldest generation for which an operation waits.
    pub(crate) oldest_waited_for: Option<Generation>,
    /// The newest operation in progress.
    pub(crate) newest_operation: Option<OperationNumber>,
}

impl Wanted {
    /// Returns whether the gateway is being deleted.
    pub(crate) fn is_going(&self) -> bool {
        self.state == ProvisioningState::Deleting
    }

    /// Returns whether workers should run it; otherwise they should drop it.
    pub(crate) fn is_to_run(&self) -> bool {
        !self.is_going() && !self.operational.is_off()
    }
}

/// The outcome of a generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// All connected workers run it.
    Applied,
    /// It was stopped, and no connected worker runs it any more.
    Stopped,
    /// A worker rejected it, or it cannot be read.
    Failed(Problem),
    /// A worker did not answer in time: operations that began no later than this time fail. The gateway fails
    /// too unless a later operation is in progress.
    Late(Millis, Problem),
    /// No worker was connected in time: operations that began no later than this time fail, and the gateway
    /// keeps waiting.
    Abandoned(Millis, Problem),
}

impl Store {
    /// Returns every gateway, the longest unchanged first, so that a port that one gateway released and another
    /// one took is released by the workers before it is taken.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn wanted(&self) -> Result<Vec<Wanted>, StoreError> {
        let rows = sqlx::query(
            "SELECT gateways.id, gateways.generation, config_digest, provisioning_state, operational_state, \
             MIN(started_at) AS waiting_since, MIN(operations.generation) AS oldest_waited_for, \
             MAX(operations.rowid) AS newest_operation \
             FROM gateways LEFT JOIN operations ON operations.gateway = gateways.id \
             AND operations.state = 'InProgress' AND kind <> 'OnDemandHealth' \
             GROUP BY gateways.id ORDER BY changed_at, gateways.id",
        )
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Wanted {
                    gateway: GatewayId(parse_uuid(row.try_get("id")?)?),
                    generation: generation(row.try_get("generation")?)?,
                    digest: Digest(row.try_get("config_digest")?),
                    state: row.try_get::<&str, _>("provisioning_state")?.parse()?,
                    operational: row.try_get::<&str, _>("operational_state")?.parse()?,
                    waiting_since: row.try_get::<Option<i64>, _>("waiting_since")?.map(Millis),
                    oldest_waited_for: row
                        .try_get::<Option<i64>, _>("oldest_waited_for")?
                        .map(generation)
                        .transpose()?,
                    newest_operation: row.try_get::<Option<i64>, _>("newest_operation")?.map(OperationNumber),
                })
            })
            .collect()
    }

    /// Returns the resource IDs of the failed gateways, with the reasons.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn failures(&self) -> Result<Vec<(String, String)>, StoreError> {
        let failures = "SELECT resource_id, state_reason FROM gateways WHERE state_reason IS NOT NULL \
                        ORDER BY resource_id";
        Ok(sqlx::query_as(failures).fetch_all(&self.readers).await?)
    }

    /// Stores the outcome of a wanted generation. Has no effect and returns false if a newer write has changed
    /// the wanted generation, if the gateway was stopped or started since, or if it is being deleted: an older
    /// rollout must not finish a newer one. A rejection has no effect either if an operation has begun since
    /// `wanted` was read, because workers are asked again for that one.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn settle(&self, wanted: &Wanted, settlement: &Settlement) -> Result<bool, StoreError> {
        let gateway = wanted.gateway;
        let mut transaction = self.begin().await?;
        let is_wanted = sqlx::query(
            "SELECT 1 FROM gateways WHERE id = ? AND generation = ? AND provisioning_state <> 'Deleting' \
             AND (operational_state IN ('Stopping', 'Stopped')) = ? \
             AND NOT (? AND EXISTS (SELECT 1 FROM operations WHERE operations.gateway = gateways.id \
             AND state = 'InProgress' AND kind <> 'OnDemandHealth' AND operations.rowid > ?))",
        )
        .bind(gateway.to_string())
        .bind(number(wanted.generation))
        .bind(wanted.operational.is_off())
        .bind(matches!(settlement, Settlement::Failed(_)))
        .bind(wanted.newest_operation.map_or(0, |OperationNumber(number)| number))
        .fetch_optional(&mut *transaction)
        .await?;
        if is_wanted.is_none() {
            return transaction.undo(Ok(false)).await;
        }
        let (mut state, mut reason) = match settlement {
            Settlement::Applied | Settlement::Stopped => (ProvisioningState::Succeeded, None),
            Settlement::Failed(p) | Settlement::Late(_, p) => {
                (ProvisioningState::Failed, Some(p.message.as_str()))
            }
            Settlement::Abandoned(..) => (ProvisioningState::Updating, None),
        };
        match settlement {
            Settlement::Applied | Settlement::Stopped => {
                end_operations(&mut transaction, gateway, OperationState::Succeeded, None).await?;
            }
            Settlement::Failed(p) => {
                end_operations(&mut transaction, gateway, OperationState::Failed, Some(p)).await?;
            }
            Settlement::Late(began_by, p) | Settlement::Abandoned(began_by, p) => {
                if end_late_operations(&mut transaction, gateway, *began_by, p).await? {
                    (state, reason) = (ProvisioningState::Updating, None);
                }
            }
        }
        let operational = match settlement {
            Settlement::Applied => OperationalState::Running,
            Settlement::Stopped => OperationalState::Stopped,
            Settlement::Failed(_) | Settlement::Late(..) | Settlement::Abandoned(..) => wanted.operational,
        };
        sqlx::query(
            "UPDATE gateways SET provisioning_state = ?, state_reason = ?, operational_state = ? WHERE id = ?",
        )
        .bind(state.as_str())
        .bind(reason)
        .bind(operational.as_str())
        .bind(gateway.to_string())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        self.settled();
        Ok(true)
    }

    /// Ends as succeeded the operations of a running gateway whose writes are part of this generation, which
    /// every worker runs, although a newer one is wanted by now. Writes undone by a newer one have been
    /// canceled by it already.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn settle_up_to(
        &self,
        gateway: GatewayId,
        generation: Generation,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE operations SET state = 'Succeeded', ended_at = ? WHERE gateway = ? AND state = 'InProgress' \
             AND kind = 'Write' AND generation <= ? AND EXISTS (SELECT 1 FROM gateways \
             WHERE gateways.id = operations.gateway AND provisioning_state <> 'Deleting' \
             AND operational_state NOT IN ('Stopping', 'Stopped'))",
        )
        .bind(Millis::now().0)
        .bind(gateway.to_string())
        .bind(number(generation))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        self.settled();
        Ok(())
    }

    /// Ends the overdue operations of a deletion, those that began no later than `began_by`. The deletion goes
    /// on.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn abandon_deletion(
        &self,
        gateway: GatewayId,
        began_by: Millis,
        problem: &Problem,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        end_late_operations(&mut transaction, gateway, began_by, problem).await?;
        transaction.commit().await?;
        self.settled();
        Ok(())
    }

    /// Removes a gateway in state `Deleting` with its children and claims, and its group if that is being
    /// deleted and is empty, and ends their operations. Returns false for a gateway in another state.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn remove(&self, gateway: GatewayId) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let removed = sqlx::query("DELETE FROM gateways WHERE id = ? AND provisioning_state = 'Deleting'")
            .bind(gateway.to_string())
            .execute(&mut *transaction)
            .await?;
        if removed.rows_affected() == 0 {
            return transaction.undo(Ok(false)).await;
        }
        end_operations(&mut transaction, gateway, OperationState::Succeeded, None).await?;
        finish_deletions(&mut transaction).await?;
        transaction.commit().await?;
        self.settled();
        Ok(true)
    }
}
