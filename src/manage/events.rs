//! `tidegate events`: what happens, as the control plane tells it in server-sent events.

mod stream;

use std::time::Duration;

use futures_util::StreamExt;
use hyper::header::HeaderName;
use serde_json::Value;

use crate::api_client::{ApiError, ApiRequest, EXTENSIONS};
use crate::cli::{EventsOptions, Format};
use crate::outcome::{CommandResult, Failure};
use crate::output::{Tone, line, message, painted};

use self::stream::{Event, Events};

use super::session::Session;
use super::view;

/// The header with the last event that was read.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// An ID of no process: the control plane answers with everything that it still has.
const EVERYTHING: &str = "0";

/// The silence after which the events that the control plane still has are complete.
const SILENCE: Duration = Duration::from_millis(700);

/// The pause before a stream that broke is opened again.
const PAUSE: Duration = Duration::from_secs(1);

/// The event that says that others are lost.
const RESET: &str = "reset";

/// Runs the command.
///
/// # Errors
/// The control plane refuses. A stream that breaks later is opened again.
pub(super) async fn run(options: &EventsOptions) -> CommandResult {
    let session = Session::open(&options.common)?;
    let path = match session.named_gateway(options.gateway.as_deref()).await? {
        Some(gateway) => format!("{gateway}/providers/{EXTENSIONS}/events"),
        None if options.tunnels => {
            return Err(Failure::usage("tunnels are sampled for one gateway: name it with --gateway").into());
        }
        None => format!("/providers/{EXTENSIONS}/events"),
    };
    let mut last = (!options.follow).then(|| EVERYTHING.to_owned());
    let mut is_first = true;
    loop {
        match follow(&session, &path, options, &mut last).await {
            Ok(()) if !options.follow => return Ok(()),
            Err(Broken::Output(error)) => return Err(error),
            Err(Broken::Stream(error)) if is_first => return Err(error.into()),
            Err(Broken::Stream(error)) => message(&format!("the stream broke, and is opened again: {error}")),
            Ok(()) => message("the stream has ended, and is opened again"),
        }
        is_first = false;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Why a stream is no longer read.
enum Broken {
    Stream(ApiError),
    Output(Box<dyn std::error::Error>),
}

/// Prints the events of one stream. `last` is the ID after which it begins, and then that of the last event.
async fn follow(
    session: &Session,
    path: &str,
    options: &EventsOptions,
    last: &mut Option<String>,
) -> Result<(), Broken> {
    let mut request = ApiRequest::get(path);
    if let Some(last) = last {
        request = request.header(LAST_EVENT_ID, last.clone());
    }
    if options.tunnels {
        request = request.with("tunnels", "sample");
    }
    let mut chunks = session.api().stream(&request).await.map_err(Broken::Stream)?;
    let asked_for_everything = last.as_deref() == Some(EVERYTHING);
    let mut events = Events::default();
    loop {
        let next = chunks.next();
        let chunk = match options.follow {
            true => next.await,
            false => match tokio::time::timeout(SILENCE, next).await {
                Ok(chunk) => chunk,
                Err(_) => return Ok(()),
            },
        };
        let Some(chunk) = chunk else { return Ok(()) };
        for Event { id, kind, data } in events.read(&chunk.map_err(Broken::Stream)?) {
            if id.is_some() {
                *last = id;
            }
            // Nothing is lost for a reader that has read nothing.
            if kind != RESET || !asked_for_everything {
                print(session, &kind, &data).map_err(Broken::Output)?;
            }
        }
    }
}

fn print(session: &Session, kind: &str, data: &str) -> CommandResult {
    let event: Value = serde_json::from_str(data).unwrap_or(Value::Null);
    match session.output.format {
        Format::Json => line(&event.to_string()),
        Format::Yaml => line(&format!("---\n{}", crate::output::yaml(&event)?.trim_end())),
        Format::Id => line(event["gateway"].as_str().unwrap_or_default()),
        Format::Table => line(&text(kind, &event, session.output.color)),
    }
}

/// Returns an event as a line: the time, the kind, the gateway, and everything else by its name.
fn text(kind: &str, event: &Value, color: bool) -> String {
    let time = event["time"].as_str().unwrap_or_default();
    let tone = match kind {
        "generationRejected" | "memberDown" | "certificateExpired" | "workerDisconnected" | RESET => {
            Tone::Bad
        }
        "certificateNearEnd" | "certificateFetchFailed" | "drainBegun" | "workerDraining" => Tone::Warning,
        "generationApplied" | "memberUp" | "certificateFetched" | "workerConnected" | "workerServing" => {
            Tone::Good
        }
        _ => Tone::Plain,
    };
    let gateway = view::text(&event["gateway"]);
    let known = ["type", "time", "gateway", "resourceGuid"];
    let others = event.as_object().into_iter().flatten().filter(|(name, _)| !known.contains(&name.as_str()));
    let others: Vec<String> = others.map(|(name, value)| format!("{name}={}", view::text(value))).collect();
    let line = [time, &painted(&format!("{kind:20}"), tone, color), &gateway, &others.join(" ")].join("  ");
    line.trim_end().replace(|c: char| c.is_control() && c != '\x1b', " ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let event = json!({
            "type": "memberDown", "time": "2026-11-29T10:00:00Z", "gateway": "/subscriptions/s/x/edge",
            "resourceGuid": "g", "pool": "app", "reason": "refused\nbadly",
        });
        let expected = "2026-11-29T10:00:00Z  memberDown            edge  pool=app reason=refused badly";
        assert_eq!(text("memberDown", &event, false), expected);
    }
}
