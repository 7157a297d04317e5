//! The commands of contexts. They change the file of contexts and send nothing.

use serde_json::{Value, json};

use crate::cli::{ContextCommand, ContextSetOptions};
use crate::context::{self, ContextFile, LOCAL, StoredContext, StoredCredential};
use crate::outcome::{CommandResult, Failure};
use crate::output::{Output, Table, message};

use super::login;

/// Runs a command.
///
/// # Errors
/// There is no such context, or the file cannot be read or written.
pub(super) fn run(command: &ContextCommand) -> CommandResult {
    let mut file = ContextFile::load()?;
    match command {
        ContextCommand::List(options) => {
            let current = current(&file);
            let rows: Vec<Value> =
                file.contexts.iter().map(|(name, context)| shown(name, context, name == current)).collect();
            let local = json!({"name": LOCAL, "current": current == LOCAL});
            let rows: Vec<Value> = [local].into_iter().chain(rows).collect();
            Output::new(&options.output).list(&rows, || table(&rows))
        }
        ContextCommand::Show(options) => {
            let name = options.name.as_deref().unwrap_or(current(&file));
            if name == LOCAL {
                let message =
                    "the context `local` is the control plane of --data-dir (`./tidegate-data` by default)";
                return Err(Failure::usage(message).into());
            }
            let context = file.get(name)?;
            Output::new(&options.output).document(&shown(name, context, name == current(&file)))
        }
        ContextCommand::Use(options) => {
            if options.name != LOCAL {
                file.get(&options.name)?;
            }
            file.current = Some(options.name.clone());
            file.save()?;
            message(&format!("the context in use is `{}`", options.name));
            Ok(())
        }
        ContextCommand::Set(options) => set(file, options),
        ContextCommand::Delete(options) => {
            if file.contexts.remove(&options.name).is_none() {
                return Err(file.unknown(&options.name).into());
            }
            if file.current.as_ref() == Some(&options.name) {
                file.current = None;
            }
            file.save()?;
            context::forget_token(&options.name);
            message(&format!("the context `{}` is deleted", options.name));
            Ok(())
        }
    }
}

fn set(mut file: ContextFile, options: &ContextSetOptions) -> CommandResult {
    let name = options.name.clone().unwrap_or_else(|| current(&file).to_owned());
    let unknown = file.unknown(&name);
    login::set(file.contexts.get_mut(&name).ok_or(unknown)?, &options.defaults);
    file.save()?;
    message(&format!("the context `{name}` is changed"));
    Ok(())
}

fn current(file: &ContextFile) -> &str {
    file.current.as_deref().unwrap_or(LOCAL)
}

/// Returns what may be shown of a context.
fn shown(name: &str, context: &StoredContext, is_current: bool) -> Value {
    let client = match &context.credential {
        StoredCredential::None => "none".to_owned(),
        StoredCredential::Token(_) => "a token".to_owned(),
        StoredCredential::Client { id, .. } => format!("client {id}"),
    };
    json!({
        "name": name,
        "current": is_current,
        "url": context.url,
        "credential": client,
        "authority": if context.authority.is_some() { "of the context" } else { "of the system" },
        "subscription": context.subscription,
        "resourceGroup": context.resource_group,
        "gateway": context.gateway,
    })
}

fn table(rows: &[Value]) -> Table {
    let mut table =
        Table::new(&["NAME", "", "URL", "CREDENTIAL", "SUBSCRIPTION", "RESOURCE GROUP", "GATEWAY"]);
    for row in rows {
        let text = |name: &str| row[name].as_str().unwrap_or_default().into();
        let star = if row["current"] == Value::Bool(true) { "*" } else { "" };
        let url = if row["name"] == LOCAL { "(the data directory)".into() } else { text("url") };
        table.row([
            text("name"),
            star.into(),
            url,
            text("credential"),
            text("subscription"),
            text("resourceGroup"),
            text("gateway"),
        ]);
    }
    table
}
