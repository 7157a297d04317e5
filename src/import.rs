//! Documents of Azure, as its tools print them, to templates that a control plane can deploy, and what is lost on the way. Pure.
//!
//! Read are the documents that `az … show` prints, exported ARM templates, and the state that `terraform show -json`
//! prints. Nothing here talks to a control plane: [`crate::manage`] sends the templates.

mod arm;
mod check;
mod finding;
mod flat;
mod template;
mod terraform;

use serde_json::{Map, Value};

pub(crate) use finding::{Finding, Outcome};
pub(crate) use template::{Template, label};

/// What was read of all files.
#[derive(Debug, Default)]
pub(crate) struct Import {
    /// The templates, in the order in which they are deployed.
    pub(crate) templates: Vec<Template>,
    /// What becomes of the parts, as far as the documents tell.
    pub(crate) findings: Vec<Finding>,
}

/// A resource in ARM's form.
#[derive(Clone, Debug, PartialEq)]
struct Resource {
    /// The resource ID.
    id: String,
    /// The body, with location, tags and properties, and without what only responses have.
    body: Map<String, Value>,
    /// Where it was read.
    source: String,
}

/// Where resources without an ID go.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub(crate) subscription: String,
    pub(crate) group: Option<String>,
}

/// Reads one document of a file. `source` is its place, for messages.
///
/// # Errors
/// The document is none of those that can be imported, or a template has no place; the message says what to do.
pub(crate) fn read(
    import: &mut Import,
    source: &str,
    document: Map<String, Value>,
    home: &Home,
) -> Result<(), String> {
    let findings = &mut import.findings;
    if template::is_template(&document) {
        let Some(group) = &home.group else {
            return Err(format!(
                "{source}: a template does not say its resource group: give --resource-group"
            ));
        };
        let template = Template::given(document, (&home.subscription, group), source, findings);
        import.templates.push(template);
        return Ok(());
    }
    let resources = match terraform::is_state(&document) {
        true => terraform::resources(source, &document, findings)?,
        false => vec![arm::resource(source, document)?],
    };
    for mut resource in resources {
        check::resource(&label(&resource.id), &mut resource.body, &resource.source, findings);
        Template::add(&mut import.templates, &resource);
    }
    Ok(())
}

impl Import {
    /// Sorts the templates so that gateways come after what they refer to.
    pub(crate) fn arrange(&mut self) {
        self.templates.sort_by_key(Template::has_gateway);
        self.findings.sort_by_key(|finding| finding.outcome);
    }
}
