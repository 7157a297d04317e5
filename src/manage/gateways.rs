//! The commands of gateways.

use hyper::Method;
use serde_json::Value;

use crate::api_client::{ApiRequest, Condition, ResourceId};
use crate::cli::{GatewayCommand, GatewayWriteOptions};
use crate::outcome::CommandResult;
use crate::output::{Cell, Table};

use super::apply::{self, Target};
use super::confirm;
use super::health;
use super::progress::Rollout;
use super::session::Session;
use super::view;

/// Runs a command.
///
/// # Errors
/// A name means no gateway, or the control plane refuses.
pub(super) async fn run(command: &GatewayCommand) -> CommandResult {
    match command {
        GatewayCommand::List(options) => {
            let session = Session::open(&options.common)?;
            let gateways = session.gateways().await?;
            session.output.list(&gateways, || table(&gateways))
        }
        GatewayCommand::Show(options) => {
            let session = Session::open(&options.common)?;
            let id = session.gateway(options.name.as_deref()).await?;
            session.output.document(&session.api().get(&id.to_string()).await?.body)
        }
        GatewayCommand::Apply(options) => {
            let session = Session::open(&options.common)?;
            apply::one(
                &session,
                &options.file,
                Target::Gateway,
                (options.name.as_deref(), None),
                &options.write,
            )
            .await
        }
        GatewayCommand::Delete(options) => {
            let session = Session::open(&options.common)?;
            let id = session.gateway(Some(&options.name)).await?;
            apply::delete(&session, &id, &options.write).await
        }
        GatewayCommand::Start(options) => switch(options, "start").await,
        GatewayCommand::Stop(options) => switch(options, "stop").await,
        GatewayCommand::Health(options) => health::run(options).await,
    }
}

/// Starts or stops a gateway. Only a stop is asked about, because it closes listeners.
async fn switch(options: &GatewayWriteOptions, action: &str) -> CommandResult {
    let session = Session::open(&options.common)?;
    let id = session.gateway(Some(&options.name)).await?;
    let shown = session.api().get(&id.to_string()).await?;
    if options.write.dry_run {
        let state = shown.body["properties"]["operationalState"].as_str().unwrap_or_default();
        crate::output::message(&format!("would {action} {}, which is {state}", id.gateway));
        return Ok(());
    }
    if action == "stop" {
        let question = format!("Stop {}, and close its listeners?", id.gateway);
        confirm::ask(&question, options.write.yes).await?;
    }
    // Only the gateway that was shown is switched, as with every other write.
    let condition = match options.write.if_match.as_deref() {
        Some("*") => None,
        Some(etag) => Some(Condition::Match(etag.to_owned())),
        None => shown.etag().map(|etag| Condition::Match(etag.to_owned())),
    };
    let rollout = Rollout::new(session.api(), id.clone()).await;
    let request = ApiRequest::new(Method::POST, format!("{id}/{action}")).on(condition.as_ref());
    let answer = session.api().send(&apply::with_reason(request, &options.write)).await?;
    if options.write.no_wait {
        return Ok(());
    }
    let done = if action == "stop" { "is stopped" } else { "is started" };
    rollout.wait(&answer, done).await
}

fn table(gateways: &[Value]) -> Table {
    let mut table = Table::new(&[
        "NAME",
        "RESOURCE GROUP",
        "SUBSCRIPTION",
        "LISTENERS",
        "RULES",
        "POOLS",
        "RUNS",
        "STATE",
    ]);
    for gateway in gateways {
        let id = gateway["id"].as_str().and_then(ResourceId::parse);
        let (group, subscription) = id.map(|id| (id.group, id.subscription)).unwrap_or_default();
        let properties = &gateway["properties"];
        let count = |name: &str| Cell::from(properties[name].as_array().map_or(0, Vec::len).to_string());
        let runs = properties["operationalState"].as_str().unwrap_or_default();
        table.row([
            gateway["name"].as_str().unwrap_or_default().into(),
            group.into(),
            subscription.into(),
            count("httpListeners"),
            count("requestRoutingRules"),
            count("backendAddressPools"),
            Cell::new(runs, view::tone(runs)),
            view::state(gateway),
        ]);
    }
    table
}
