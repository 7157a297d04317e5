//! A client of the management API, which also waits for operations.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use rustls::ClientConfig;
use serde_json::Value;

use crate::contract;
use crate::document::GatewayDocument;
use crate::http_client::{Answer, HttpClient};
use crate::wait::wait_for;

/// The `api-version` of requests unless a test sets another.
pub const API_VERSION: &str = "2024-05-01";

/// The `api-version` of the extension provider.
pub const EXTENSION_VERSION: &str = "2026-12-01";

/// The part of an ID that tells a resource of the extension provider.
const EXTENSION: &str = "/providers/Tidegate.Network/";

/// A client of one endpoint. It opens a connection for each request, so that it works across restarts.
#[derive(Clone, Debug)]
pub struct Management {
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    token: Option<String>,
}

/// A completed long-running operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// `Succeeded`, `Failed` or `Canceled`.
    pub status: String,
    /// The ARM error, if the operation did not succeed.
    pub error: Value,
}

impl Management {
    pub(crate) fn new(
        address: SocketAddr,
        tls: Option<Arc<ClientConfig>>,
        token: Option<String>,
    ) -> Management {
        Management { address, tls, token }
    }

    /// Returns a client of the same endpoint with another token, or none.
    pub fn with_token(&self, token: Option<&str>) -> Management {
        Management { token: token.map(str::to_owned), ..self.clone() }
    }

    /// The bearer token, if there is one.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The address of the endpoint.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends any request. `path` begins with `/` or is an absolute URL of this endpoint, and is sent unchanged.
    ///
    /// # Panics
    /// The response does not match the API description.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let host = self.address.to_string();
        let mut client = match &self.tls {
            None => HttpClient::connect(self.address, &host).await,
            Some(config) => {
                let stream =
                    crate::byte_stream::dial_tls(self.address, &self.address.ip().to_string(), config).await;
                HttpClient::over(stream, &host).await
            }
        };
        let bearer = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let mut all: Vec<(&str, &str)> = headers.to_vec();
        if let Some(bearer) = &bearer {
            all.push(("authorization", bearer));
        }
        let path = self.path_of(path);
        let answer = client.send(method, path, &all, body).await;
        contract::check(method, path, &answer);
        answer
    }

    /// Returns the path and query of an absolute URL, which must be one of this endpoint.
    fn path_of<'a>(&self, url: &'a str) -> &'a str {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let origin = format!("{scheme}://{}", self.address);
        assert!(url.starts_with('/') || url.starts_with(&origin), "{url} is not on {origin}");
        url.strip_prefix(&origin).unwrap_or(url)
    }

    /// Sends a `GET` for a resource.
    pub async fn get(&self, id: &str) -> Answer {
        self.send("GET", &versioned(id), &[], "").await
    }

    /// Sends a `PUT` of a resource.
    pub async fn put(&self, id: &str, body: &Value) -> Answer {
        self.put_with(id, &[], body).await
    }

    /// Sends a `PUT` of a resource with headers, such as `If-Match`.
    pub async fn put_with(&self, id: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let mut all = vec![("content-type", "application/json")];
        all.extend(headers);
        self.send("PUT", &versioned(id), &all, body.to_string()).await
    }

    /// Sends a `PUT` of a resource to the plain endpoint of a control plane that may be killed at any moment.
    /// Returns `None` if there was no response.
    pub async fn try_put(&self, id: &str, body: &Value) -> Option<Answer> {
        let mut client = HttpClient::try_connect(self.address, &self.address.to_string()).await.ok()?;
        let bearer = format!("Bearer {}", self.token.as_deref().unwrap_or_default());
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let path = versioned(id);
        let answer = client.try_send("PUT", &path, &headers, body.to_string()).await.ok()?;
        contract::check("PUT", &path, &answer);
        Some(answer)
    }

    /// Sends any request with a JSON body.
    pub async fn send_json(&self, method: &str, id: &str, body: &Value) -> Answer {
        self.send(method, &versioned(id), &[("content-type", "application/json")], body.to_string()).await
    }

    /// Sends a `DELETE` of a resource.
    pub async fn delete(&self, id: &str) -> Answer {
        self.send("DELETE", &versioned(id), &[], "").await
    }

    /// Sends a `POST` to an action.
    pub async fn post(&self, id: &str) -> Answer {
        self.send("POST", &versioned(id), &[], "").await
    }

    /// Waits for the end of the operation that a response has started.
    pub async fn operation(&self, begun: &Answer) -> Operation {
        let url = begun
            .header("azure-asyncoperation")
            .expect("a long-running answer names its operation")
            .to_owned();
        wait_for("the end of an operation", async || {
            let state = self.send("GET", &url, &[], "").await.expect(200).json();
            let status = state["status"].as_str().expect("an operation has a status");
            (status != "InProgress")
                .then(|| Operation { status: status.to_owned(), error: state["error"].clone() })
        })
        .await
    }

    /// Returns true while the operation that a response has started is in progress.
    pub async fn is_in_progress(&self, begun: &Answer) -> bool {
        let url = begun.header("azure-asyncoperation").expect("a long-running answer names its operation");
        self.send("GET", url, &[], "").await.expect(200).json()["status"] == "InProgress"
    }

    /// Puts a resource and waits until the workers have applied it. Returns the resource that `GET` returns then.
    ///
    /// # Panics
    /// The request is refused, or the operation does not succeed.
    pub async fn apply(&self, id: &str, body: &Value) -> Value {
        let answer = self.put(id, body).await;
        assert!(matches!(answer.status, 200 | 201), "{} to PUT {id}: {}", answer.status, answer.text());
        let operation = self.operation(&answer).await;
        assert_eq!(operation.status, "Succeeded", "PUT {id}: {}", operation.error);
        self.get(id).await.expect(200).json()
    }

    /// Applies a gateway document, like [`Management::apply`].
    pub async fn apply_gateway(&self, document: &GatewayDocument) -> Value {
        self.apply(document.id(), document.body()).await
    }

    /// Puts a resource that the workers cannot apply. Returns the operation's error.
    pub async fn apply_in_vain(&self, id: &str, body: &Value) -> Value {
        let answer = self.put(id, body).await;
        assert!(matches!(answer.status, 200 | 201), "{} to PUT {id}: {}", answer.status, answer.text());
        let operation = self.operation(&answer).await;
        assert_eq!(operation.status, "Failed", "PUT {id}");
        operation.error
    }

    /// Deletes a resource and waits until the deletion is complete.
    pub async fn remove(&self, id: &str) {
        let answer = self.delete(id).await.expect(202);
        let operation = self.operation(&answer).await;
        assert_eq!(operation.status, "Succeeded", "DELETE {id}: {}", operation.error);
    }

    /// Returns what each connected worker runs of a gateway: the generation and the bound addresses.
    pub async fn workers_of(&self, gateway: &str) -> Vec<Value> {
        let answer = self.send("GET", "/workers", &[], "").await.expect(200).json();
        let workers = answer["value"].as_array().cloned().unwrap_or_default();
        let gateways = workers.iter().filter_map(|worker| worker["gateways"].as_array()).flatten();
        gateways.filter(|one| one["id"] == gateway && one["generation"].is_u64()).cloned().collect()
    }

    /// Counts the connected workers.
    pub async fn connected_workers(&self) -> usize {
        let answer = self.send("GET", "/workers", &[], "").await.expect(200).json();
        let workers = answer["value"].as_array().cloned().unwrap_or_default();
        workers.iter().filter(|worker| worker["connected"] == true).count()
    }

    /// Waits until a resource has this provisioning state.
    pub async fn provisioning_state(&self, id: &str, state: &str) {
        wait_for(&format!("{id} to be {state}"), async || {
            let resource = self.get(id).await.expect(200).json();
            (resource["properties"]["provisioningState"] == state).then_some(())
        })
        .await;
    }

    /// Returns the result of `backendhealth`, read from the `Location` of its response.
    pub async fn backend_health(&self, gateway: &str) -> Value {
        let begun = self.post(&format!("{gateway}/backendhealth")).await.expect(202);
        let location = begun.header("location").expect("the result has a place").to_owned();
        wait_for("the result of backendhealth", async || {
            let answer = self.send("GET", &location, &[], "").await;
            (answer.status != 202).then(|| {
                contract::check_result("POST", &format!("{gateway}/backendhealth"), &answer);
                answer.expect(200).json()
            })
        })
        .await
    }

    /// Waits until `backendhealth` reports this health of a member.
    pub async fn member_health(&self, gateway: &str, member: &str, health: &str) {
        wait_for(&format!("{member} to be {health}"), async || {
            let seen = self.backend_health(gateway).await;
            server(&seen, member).is_some_and(|server| server["health"] == health).then_some(())
        })
        .await;
    }

    /// Waits until the `healthProbeLog` of a member in `backendhealth` contains all of these words.
    pub async fn member_log(&self, gateway: &str, member: &str, words: &[&str]) {
        wait_for(&format!("{member} to be told of with {words:?}"), async || {
            let seen = self.backend_health(gateway).await;
            let log = server(&seen, member)?["healthProbeLog"].as_str()?;
            words.iter().all(|word| log.contains(word)).then_some(())
        })
        .await;
    }
}

/// Returns the first entry of a member in a result of `backendhealth`.
fn server<'a>(health: &'a Value, member: &str) -> Option<&'a Value> {
    let lists = |value: &'a Value, key: &str| value[key].as_array().map(Vec::as_slice).unwrap_or_default();
    lists(health, "backendAddressPools")
        .iter()
        .flat_map(|pool| lists(pool, "backendHttpSettingsCollection"))
        .flat_map(|settings| lists(settings, "servers"))
        .find(|server| server["address"] == member)
}

/// Returns the path of a resource with the usual `api-version` of its type, unless it has one.
fn versioned(id: &str) -> String {
    match id.contains("api-version=") {
        true => id.to_owned(),
        false => format!("{id}?api-version={}", version_of(id)),
    }
}

/// Returns the usual `api-version` of a type, by the ID or the path of a resource.
pub fn version_of(id: &str) -> &'static str {
    if id.contains(EXTENSION) { EXTENSION_VERSION } else { API_VERSION }
}
