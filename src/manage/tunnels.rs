//! The commands of tunnels: list, show and close.

use std::error::Error;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api_client::{ApiError, ApiRequest, EXTENSIONS, ResourceId};
use crate::cli::{TunnelCloseOptions, TunnelListOptions, TunnelShowOptions};
use crate::outcome::{CommandResult, Exit, Failure};
use crate::output::{Cell, Table, message};

use super::confirm;
use super::session::{Session, check_name, ids};
use super::view;

/// `tidegate tunnel show`.
///
/// # Errors
/// A name means no tunnel, or the control plane refuses.
pub(super) async fn show(options: &TunnelShowOptions) -> CommandResult {
    let session = Session::open(&options.common)?;
    let (_, tunnel) = find(&session, &options.name, options.gateway.gateway.as_deref()).await?;
    session.output.document(&tunnel)
}

/// The place of the tunnels of a gateway.
pub(super) fn place(gateway: &ResourceId) -> ResourceId {
    gateway.join(&format!("providers/{EXTENSIONS}/tunnels"))
}

/// `tidegate tunnel list`.
///
/// # Errors
/// The control plane refuses, for example the condition.
pub(super) async fn list(options: &TunnelListOptions) -> CommandResult {
    let session = Session::open(&options.common)?;
    let gateways = gateways(&session, options.gateway.gateway.as_deref()).await?;
    let mut rows = Vec::new();
    for gateway in &gateways {
        let mut request = ApiRequest::get(place(gateway).to_string());
        for (name, value) in [("$filter", &options.filter), ("$orderby", &options.order_by)] {
            if let Some(value) = value {
                request = request.with(name, value.clone());
            }
        }
        match options.top {
            Some(top) => {
                let page = session.api().send(&request.with("$top", top.to_string())).await?.body;
                rows.extend(page["value"].as_array().cloned().unwrap_or_default());
                missing(&page);
            }
            None => rows.extend(session.api().list(&request.with("$top", "1000")).await?),
        }
    }
    session.output.list(&rows, || table(&rows, gateways.len() > 1))
}

/// Says which workers are missing in an answer.
fn missing(answer: &Value) {
    let missing: Vec<&str> =
        answer["missingWorkers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !missing.is_empty() {
        message(&format!(
            "without the tunnels of the workers {}, which have not answered",
            missing.join(", ")
        ));
    }
}

/// Returns the gateway that is named, or all.
pub(super) async fn gateways(
    session: &Session,
    gateway: Option<&str>,
) -> Result<Vec<ResourceId>, Box<dyn Error>> {
    match session.named_gateway(gateway).await? {
        Some(one) => Ok(vec![one]),
        None => Ok(ids(&session.gateways().await?)),
    }
}

/// Finds a tunnel by its name or its ID, in all gateways if none is named.
async fn find(
    session: &Session,
    name: &str,
    gateway: Option<&str>,
) -> Result<(ResourceId, Value), Box<dyn Error>> {
    if name.starts_with('/') {
        let id = ResourceId::parse(name)
            .filter(|id| id.below.len() == 4 && id.below[2].eq_ignore_ascii_case("tunnels"));
        let id = id.ok_or_else(|| Failure::usage(format!("`{name}` is not the ID of a tunnel")))?;
        let tunnel = session.api().get(&id.to_string()).await?.body;
        return Ok((id, tunnel));
    }
    check_name(name)?;
    for gateway in gateways(session, gateway).await? {
        let id = place(&gateway).join(name);
        if let Some(tunnel) = session.api().find(&id.to_string()).await? {
            return Ok((id, tunnel.body));
        }
    }
    Err(Failure::new(Exit::NotFound, format!("there is no tunnel `{name}`, nor has it ended recently"))
        .into())
}

/// `tidegate tunnel close`.
///
/// # Errors
/// A name means no tunnel, or tunnels are left.
pub(super) async fn close(options: &TunnelCloseOptions) -> CommandResult {
    let session = Session::open(&options.common)?;
    let gateway = options.gateway.gateway.as_deref();
    match &options.filter {
        Some(filter) => {
            let gateway = session.gateway(gateway).await?;
            let over = options.over.map_or(0, |over| over.as_secs());
            let number = count(&session, &gateway, filter).await?;
            confirm::ask(&format!("Close {number} tunnels of {}?", gateway.gateway), options.yes).await?;
            let mut body = json!({"filter": filter, "over": over});
            add_frame(&mut body, options);
            let path = format!("{}/providers/{EXTENSIONS}/closeTunnels", gateway);
            finish(&session, &ApiRequest::post(path, Some(&body)), options.no_wait).await
        }
        None => {
            let mut found = Vec::new();
            for name in &options.name {
                found.push(find(&session, name, gateway).await?.0);
            }
            let what = match found.as_slice() {
                [one] => format!("the tunnel {}", one.name()),
                several => format!("{} tunnels", several.len()),
            };
            confirm::ask(&format!("Close {what}?"), options.yes).await?;
            let mut body = json!({});
            add_frame(&mut body, options);
            for id in found {
                let request = ApiRequest::post(format!("{id}/close"), Some(&body));
                finish(&session, &request, options.no_wait).await?;
            }
            Ok(())
        }
    }
}

/// Adds the Close frame that the options ask for to the body of a closing.
fn add_frame(body: &mut Value, options: &TunnelCloseOptions) {
    match options.close_frame.as_deref() {
        None => {}
        Some("none") => body["closeFrame"] = "none".into(),
        Some(code) => {
            body["closeFrame"] =
                json!({"code": code, "reason": options.close_reason.as_deref().unwrap_or_default()});
        }
    }
}

/// Returns the number of tunnels that meet a condition.
pub(super) async fn count(session: &Session, gateway: &ResourceId, filter: &str) -> Result<u64, ApiError> {
    let request = ApiRequest::get(place(gateway).to_string()).with("$count", "true").with("$top", "0");
    let request = if filter.is_empty() { request } else { request.with("$filter", filter) };
    let answer = session.api().send(&request).await?.body;
    answer["count"].as_u64().ok_or_else(|| ApiError::NotUnderstood("there is no count".to_owned()))
}

/// Starts a closing, waits for its result and says it.
async fn finish(session: &Session, request: &ApiRequest<'_>, no_wait: bool) -> CommandResult {
    let answer = session.api().send(request).await?;
    if no_wait {
        return Ok(());
    }
    let result = session.api().result(answer).await?;
    let number = |name: &str| result[name].as_u64().unwrap_or_default();
    let [closed, ended, left] = ["closed", "ended", "left"].map(number);
    message(&format!("{closed} closed, {ended} had ended by themselves, {left} left"));
    missing(&result);
    match left {
        0 => Ok(()),
        left => Err(Failure::new(Exit::Failed, format!("{left} tunnels are left")).into()),
    }
}

fn table(rows: &[Value], several: bool) -> Table {
    let now = Timestamp::now();
    let headings = [
        "TUNNEL", "GATEWAY", "STATE", "CLIENT", "HOST", "PATH", "RULE", "POOL", "MEMBER", "AGE", "IDLE",
        "MESSAGES", "BYTES", "REASON",
    ];
    let mut table = Table::new(&headings);
    for row in rows {
        let properties = &row["properties"];
        let text = |name: &str| Cell::from(view::text(&properties[name]));
        let sum =
            |names: [&str; 2]| names.map(|name| properties[name].as_u64().unwrap_or(0)).iter().sum::<u64>();
        let gateway = row["id"].as_str().and_then(ResourceId::parse).filter(|_| several);
        let state = view::text(&properties["state"]);
        table.row([
            view::text(&row["name"]).into(),
            gateway.map(|id| id.gateway).unwrap_or_default().into(),
            Cell::new(state.as_str(), view::tone(&state)),
            text("clientAddress"),
            text("host"),
            text("path"),
            text("rule"),
            text("pool"),
            text("member"),
            view::age(properties["openedAt"].as_str().unwrap_or_default(), now).into(),
            view::seconds(properties["idleForInSec"].as_i64().unwrap_or_default()).into(),
            sum(["messagesFromClient", "messagesFromBackend"]).to_string().into(),
            view::bytes(sum(["bytesFromClient", "bytesFromBackend"])).into(),
            text("reason"),
        ]);
    }
    table
}
