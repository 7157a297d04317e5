//! The values that the store takes and returns. This module and its submodules contain no statement, and
//! import no other part of the store.

mod child;
mod client;
mod deployment;
mod gateway;
mod group;
mod network;
mod operation;
mod resource;
mod revision;
mod rollout;
mod text_enum;
mod unserved;
mod worker;

pub(super) use child::{NewChild, StoredChild};
pub(crate) use client::{ApiClient, NameTaken, NewClient};
pub(crate) use deployment::{Deployment, DeploymentState, NewDeployment, Step, StepOperation, Task};
pub(crate) use gateway::{Claim, Gateway, GatewayPage, OperationalState, ProvisioningState, Written};
pub(super) use group::RequiredGroup;
pub(crate) use group::{Group, group_id};
pub(crate) use network::{NetworkResource, StoredRefs, User};
pub(super) use operation::{Ending, Subject};
pub(crate) use operation::{Operation, OperationKind, OperationNumber, OperationState, Problem};
pub(crate) use resource::ResourceRow;
pub(crate) use revision::{Revision, RevisionContent, RevisionCounts};
pub(super) use rollout::Progress;
pub(crate) use rollout::{DesiredState, Settlement};
use text_enum::text_enum;
pub(crate) use unserved::UnservedResource;
pub(crate) use worker::{JoinedWorker, KnownCertificate, TokenRefused};
