//! Events of gateways as server-sent events: for one gateway, and for all gateways that a client may see.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::response::sse::Event as SseEvent;
use serde_json::{Map, Value, json};
use tidegate_shared::id::GatewayId;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::clock::Millis;
use crate::events::{Event, EventContent, Events, Next, Position};
use crate::identity::access::Client;
use crate::service::{SAMPLE_INTERVAL, Service, TunnelSample};

use super::AppState;
use super::error::ApiError;
use super::event_streams::{ReaderGone, StreamWriter};
use super::extract::{ExtensionVersion, RequestAuthor, Target};
use super::paging::Parameters;

/// The time for which the rights of a client are not read again.
const RIGHTS_KEPT: Duration = Duration::from_secs(5);

/// The events that a stream has.
struct Selection {
    /// Only those of this gateway, if there is one.
    gateway: Option<GatewayId>,
    /// Only those that this client may see; `None` for the administrator.
    client: Option<Client>,
    /// The time at which the rights of the client were read.
    checked: Instant,
    /// The resource IDs of gateways.
    names: BTreeMap<GatewayId, String>,
    /// The tunnels that were told, if the reader wants a sample of them.
    sample: Option<TunnelSample>,
}

pub(super) async fn of_gateway(
    State(app): AppState,
    _: ExtensionVersion,
    Target(path): Target,
    RequestAuthor(author): RequestAuthor,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let samples_tunnels = match parameters.get("tunnels") {
        None => false,
        Some("sample") => true,
        Some(_) => {
            let message = "The parameter 'tunnels' must be 'sample', which adds a sample of the tunnels.";
            return Err(ApiError::BadRequest(message.to_owned()));
        }
    };
    let gateway = app.service.gateway(&path).await?;
    let names = BTreeMap::from([(gateway.id, gateway.document.path.to_string())]);
    let sample = samples_tunnels.then(|| TunnelSample::new(gateway.id, Millis::now().0));
    let (client, checked) = (author.client, Instant::now());
    let selection = Selection { gateway: Some(gateway.id), client, checked, names, sample };
    open(&app, &author.name, selection, &headers)
}

pub(super) async fn of_all(
    State(app): AppState,
    _: ExtensionVersion,
    RequestAuthor(author): RequestAuthor,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let names = BTreeMap::new();
    let (client, checked) = (author.client, Instant::now());
    let selection = Selection { gateway: None, client, checked, names, sample: None };
    open(&app, &author.name, selection, &headers)
}

fn open(
    app: &super::App,
    client: &str,
    selection: Selection,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let (position, is_complete) = match last {
        Some(id) => app.events.after(id),
        None => (app.events.end(), true),
    };
    let (events, service) = (app.events.clone(), app.service.clone());
    let feed = |writer| feed(writer, events, service, selection, (position, is_complete));
    app.streams.open(client, feed).map_err(|_| ApiError::TooManyStreams)
}

/// Writes the selected events, beginning at a position, for as long as there is a reader.
async fn feed(
    writer: StreamWriter,
    events: Arc<Events>,
    service: Arc<Service>,
    mut selection: Selection,
    (mut position, is_complete): (Position, bool),
) -> Result<Infallible, ReaderGone> {
    if !is_complete {
        writer.write(reset()).await?;
    }
    let mut ask = interval(SAMPLE_INTERVAL);
    ask.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let next = tokio::select! {
            biased;
            next = events.next(&mut position) => next,
            _ = ask.tick(), if selection.sample.is_some() => {
                selection.check(&service).await?;
                for shown in selection.sampled(&service).await {
                    writer.write(shown).await?;
                }
                continue;
            }
        };
        match next {
            Next::Lost => writer.write(reset()).await?,
            Next::Event(event) => {
                selection.check(&service).await?;
                selection.learn(&event, &service).await;
                if let Some(shown) = selection.show(event.at, &event.content) {
                    let id = events.id(event.number);
                    let sse = SseEvent::default().id(id).event(event.content.kind).data(shown.to_string());
                    writer.write(sse).await?;
                }
            }
        }
    }
}

/// The event that tells a reader that it has missed some: what it knows may be old.
fn reset() -> SseEvent {
    let data = json!({"type": "reset", "reason": "Some events are lost. Read the state again."});
    SseEvent::default().event("reset").data(data.to_string())
}

impl Selection {
    /// Reads the rights of the client again, which may have changed since the stream began.
    ///
    /// # Errors
    /// [`ReaderGone`] if the client was revoked, or if its rights cannot be read.
    async fn check(&mut self, service: &Service) -> Result<(), ReaderGone> {
        if let Some(client) = &mut self.client
            && self.checked.elapsed() > RIGHTS_KEPT
        {
            *client = service.rights_of(client.app_id).await.ok().flatten().ok_or(ReaderGone)?;
            self.checked = Instant::now();
        }
        Ok(())
    }

    /// Looks up the name of the gateway of an event, unless it is known.
    async fn learn(&mut self, event: &Event, service: &Service) {
        let Some(gateway) = event.content.gateway else { return };
        if self.gateway.is_none() && !self.names.contains_key(&gateway) {
            match service.gateway_names().await {
                // The name of a gateway that was deleted since is kept.
                Ok(names) => self.names.extend(names),
                Err(error) => tracing::debug!(%error, "an event has no name of its gateway"),
            }
        }
    }

    /// Returns the events of the next sample of tunnels. They have no IDs: nobody can continue after one.
    async fn sampled(&mut self, service: &Service) -> Vec<SseEvent> {
        let Some(sample) = &mut self.sample else { return Vec::new() };
        let contents = service.sample_tunnels(sample).await;
        let shown = contents.iter().filter_map(|content| {
            let shown = self.show(Millis::now(), content)?;
            Some(SseEvent::default().event(content.kind).data(shown.to_string()))
        });
        shown.collect()
    }

    /// Renders an event, if it is selected.
    fn show(&self, at: Millis, content: &EventContent) -> Option<Value> {
        if self.gateway.is_some() && self.gateway != content.gateway {
            return None;
        }
        let name = content.gateway.and_then(|gateway| self.names.get(&gateway));
        if let Some(client) = &self.client {
            // What concerns no gateway, or one without a name, is for those who may see everything.
            let resource = name.map_or("/", String::as_str);
            if !client.covers(resource) {
                return None;
            }
        }
        let mut shown = Map::new();
        shown.insert("type".to_owned(), content.kind.into());
        shown.insert("time".to_owned(), at.to_string().into());
        if let Some(gateway) = content.gateway {
            shown.insert("resourceGuid".to_owned(), gateway.to_string().into());
        }
        if let Some(name) = name {
            shown.insert("gateway".to_owned(), name.as_str().into());
        }
        if let Some(worker) = content.worker {
            shown.insert("worker".to_owned(), worker.to_string().into());
        }
        shown.extend(content.details.clone());
        Some(shown.into())
    }
}
