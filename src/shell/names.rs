//! The names that complete a word, asked from the control plane.

use std::ffi::OsStr;
use std::time::Duration;

use clap_complete::engine::CompletionCandidate;
use serde_json::Value;

use crate::api_client::ApiRequest;
use crate::cli::{ConnectionOptions, KINDS};
use crate::context::{Context, ContextFile, LOCAL};
use crate::manage::Session;
use crate::output::Output;

/// The time for all requests of one completion. A person waits for it.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Returns the names that begin with a word.
pub(super) fn complete(source: fn(&[String]) -> Vec<String>, current: &OsStr) -> Vec<CompletionCandidate> {
    let begin = current.to_string_lossy().to_lowercase();
    // The shell passes the words of the command line after `--`.
    let words: Vec<String> = std::env::args().skip_while(|word| word != "--").skip(1).collect();
    let names = source(&words).into_iter().filter(|name| name.to_lowercase().starts_with(&begin));
    names.map(CompletionCandidate::new).collect()
}

/// The names for the positional argument of a command.
pub(super) fn of_command(words: &[String]) -> Vec<String> {
    let nouns = words.iter().skip(1).filter(|word| !word.starts_with('-'));
    let Some(noun) = nouns.into_iter().next() else { return Vec::new() };
    if ["gateway", "gateways", "health"].contains(&noun.as_str()) {
        return gateways(words);
    }
    if ["context", "contexts"].contains(&noun.as_str()) {
        return contexts(words);
    }
    let Some(kind) = KINDS.iter().find(|kind| kind.noun == noun || kind.plural == noun) else {
        return Vec::new();
    };
    let gateway = value(words, &["-g", "--gateway"]);
    ask(words, async |session: &Session| {
        let gateways = session.gateways().await.ok()?;
        let wanted = session.named_gateway(gateway.as_deref()).await.ok()?.map(|id| id.to_string());
        let is_wanted = |gateway: &&Value| match (&wanted, gateway["id"].as_str()) {
            (Some(wanted), Some(id)) => wanted.eq_ignore_ascii_case(id),
            (wanted, _) => wanted.is_none(),
        };
        let mut names = Vec::new();
        for gateway in gateways.iter().filter(is_wanted) {
            names.extend(named(&session.members(kind, gateway).await.ok()?));
        }
        Some(names)
    })
}

/// The names of gateways.
pub(super) fn gateways(words: &[String]) -> Vec<String> {
    ask(words, async |session: &Session| Some(named(&session.gateways().await.ok()?)))
}

/// The names of contexts.
pub(super) fn contexts(_: &[String]) -> Vec<String> {
    let file = ContextFile::load().unwrap_or_default();
    file.contexts.into_keys().chain([LOCAL.to_owned()]).collect()
}

/// The IDs of workers.
pub(super) fn workers(words: &[String]) -> Vec<String> {
    ask(words, async |session: &Session| {
        let workers = session.api().list(&ApiRequest::get("/workers")).await.ok()?;
        Some(workers.iter().filter_map(|worker| worker["id"].as_str().map(str::to_owned)).collect())
    })
}

/// The names of resource groups.
pub(super) fn resource_groups(words: &[String]) -> Vec<String> {
    ask(words, async |session: &Session| {
        let mut names = Vec::new();
        for subscription in session.api().list(&ApiRequest::get("/subscriptions")).await.ok()? {
            let path = format!("/subscriptions/{}/resourceGroups", subscription["subscriptionId"].as_str()?);
            names.extend(named(&session.api().list(&ApiRequest::get(path)).await.ok()?));
        }
        Some(names)
    })
}

fn named(documents: &[Value]) -> Vec<String> {
    documents.iter().filter_map(|document| document["name"].as_str().map(str::to_owned)).collect()
}

/// Asks the control plane of the command line so far. No answer in time is no name.
fn ask(words: &[String], question: impl AsyncFnOnce(&Session) -> Option<Vec<String>>) -> Vec<String> {
    let answer = || {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let option = |name: &str, env: &str| value(words, &[name]).or_else(|| variable(env));
        let context = option("--context", "TIDEGATE_CONTEXT");
        let data_dir = option("--data-dir", "TIDEGATE_DATA_DIR").filter(|_| context.is_none());
        let options = ConnectionOptions {
            context,
            data_dir: data_dir.map(Into::into),
            subscription: option("--subscription", "TIDEGATE_SUBSCRIPTION"),
            resource_group: option("--resource-group", "TIDEGATE_RESOURCE_GROUP"),
            timeout: TIMEOUT,
        };
        let session = Session { context: Context::select(&options).ok()?, output: Output::plain() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        runtime.block_on(async { tokio::time::timeout(TIMEOUT, question(&session)).await.ok()? })
    };
    answer().unwrap_or_default()
}

/// Returns the value of an option among words, given as `--name value` or `--name=value`.
fn value(words: &[String], names: &[&str]) -> Option<String> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if names.contains(&word.as_str()) {
            return words.next().cloned();
        }
        let assigned = word.split_once('=').filter(|(name, _)| names.contains(name));
        if let Some((_, value)) = assigned {
            return Some(value.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_found_among_words() {
        let words: Vec<String> =
            ["tidegate", "listener", "show", "-g", "edge", "--context=prod"].map(str::to_owned).into();
        assert_eq!(value(&words, &["-g", "--gateway"]).as_deref(), Some("edge"));
        assert_eq!(value(&words, &["--context"]).as_deref(), Some("prod"));
        assert_eq!(value(&words, &["--data-dir"]), None);
        assert_eq!(value(&words[..4], &["-g"]), None);
    }
}
