//! What the rollout reads and writes: wanted generations, and what became of them.

use sqlx::Row;
use tidegate_shared::id::{GatewayId, Generation};

use crate::clock::Millis;

use super::model::{generation, number, parse_uuid};
use super::operations::end_operations;
use super::{OperationState, Problem, ProvisioningState, Store, StoreError};

/// What the workers should run of one gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which gateway.
    pub gateway: GatewayId,
    /// Which generation of it.
    pub generation: Generation,
    /// How far it is said to be.
    pub state: ProvisioningState,
    /// When the oldest operation that still waits for it began.
    pub waiting_since: Option<Millis>,
}

impl Wanted {
    /// Whether the workers are to let go of it.
    pub fn is_going(&self) -> bool {
        self.state == ProvisioningState::Deleting
    }
}

/// What became of a generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// All connected workers run it.
    Applied,
    /// A worker refused it, or did not answer in time.
    Failed(Problem),
    /// Nobody was there to apply it in time: the operation ends, the gateway goes on waiting.
    Abandoned(Problem),
}

impl Store {
    /// Every gateway, the longest unchanged first: a port that one gave up and another took afterwards is given up
    /// by the workers before it is taken.
    ///
    /// # Errors
    /// The database's.
    pub async fn wanted(&self) -> Result<Vec<Wanted>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, generation, provisioning_state, (SELECT MIN(started_at) FROM operations \
             WHERE operations.gateway = gateways.id AND operations.state = 'InProgress') AS waiting_since \
             FROM gateways ORDER BY changed_at, id",
        )
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Wanted {
                    gateway: GatewayId(parse_uuid(row.try_get("id")?)?),
                    generation: generation(row.try_get("generation")?)?,
                    state: row.try_get::<&str, _>("provisioning_state")?.parse()?,
                    waiting_since: row.try_get::<Option<i64>, _>("waiting_since")?.map(Millis),
                })
            })
            .collect()
    }

    /// Writes down what became of a generation. Nothing happens, and false comes back, when a newer write has made
    /// another generation the wanted one or the gateway is to go: an older rollout cannot finish a newer one.
    ///
    /// # Errors
    /// The database's.
    pub async fn settle(
        &self,
        gateway: GatewayId,
        of: Generation,
        settlement: &Settlement,
    ) -> Result<bool, StoreError> {
        let (state, reason, operation_state, problem) = match settlement {
            Settlement::Applied => (ProvisioningState::Succeeded, None, OperationState::Succeeded, None),
            Settlement::Failed(p) => {
                (ProvisioningState::Failed, Some(p.message.as_str()), OperationState::Failed, Some(p))
            }
            Settlement::Abandoned(p) => (ProvisioningState::Updating, None, OperationState::Failed, Some(p)),
        };
        let mut transaction = self.begin().await?;
        let updated = sqlx::query(
            "UPDATE gateways SET provisioning_state = ?, state_reason = ?, has_run = has_run OR ? \
             WHERE id = ? AND generation = ? AND provisioning_state <> 'Deleting'",
        )
        .bind(state.as_str())
        .bind(reason)
        .bind(*settlement == Settlement::Applied)
        .bind(gateway.to_string())
        .bind(number(of))
        .execute(&mut *transaction)
        .await?;
        if updated.rows_affected() == 0 {
            return Ok(false);
        }
        end_operations(&mut transaction, gateway, operation_state, problem).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Ends the operation of a deletion that takes too long; the deletion itself goes on.
    ///
    /// # Errors
    /// The database's.
    pub async fn abandon_deletion(&self, gateway: GatewayId, problem: &Problem) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        end_operations(&mut transaction, gateway, OperationState::Failed, Some(problem)).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Removes a gateway that was to go, with its children and claims, and ends its operation. One that is not to go
    /// stays.
    ///
    /// # Errors
    /// The database's.
    pub async fn remove(&self, gateway: GatewayId) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let removed = sqlx::query("DELETE FROM gateways WHERE id = ? AND provisioning_state = 'Deleting'")
            .bind(gateway.to_string())
            .execute(&mut *transaction)
            .await?;
        if removed.rows_affected() == 0 {
            return Ok(false);
        }
        end_operations(&mut transaction, gateway, OperationState::Succeeded, None).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
