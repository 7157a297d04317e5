//! Codes of violations of templates, except for those of the content of their resources.

use crate::violation::code_list::codes;

codes! { CODES;
/// A part of the template is unknown or malformed.
pub(crate) const STRUCTURE: &str = "TemplateStructureInvalid";
/// An expression is malformed, or its evaluation failed.
pub(crate) const EXPRESSION: &str = "TemplateExpressionInvalid";
/// A function is unknown, not allowed at this place, or called with a wrong number of arguments.
pub(crate) const FUNCTION: &str = "TemplateFunctionNotSupported";
/// A parameter is missing, unknown, or does not match its declaration.
pub(crate) const PARAMETER: &str = "TemplateParameterInvalid";
/// A resource has no type, name or version, or is defined twice.
pub(crate) const RESOURCE: &str = "TemplateResourceInvalid";
/// The type of a resource is not supported.
pub(crate) const RESOURCE_TYPE: &str = "TemplateResourceTypeNotSupported";
/// A dependency does not exist, or is circular.
pub(crate) const DEPENDENCY: &str = "TemplateDependencyInvalid";
/// A limit of size, depth or number is exceeded.
pub(crate) const LIMIT: &str = "TemplateLimitExceeded";
/// The mode of the deployment is unknown, or not allowed for its scope.
pub(crate) const MODE: &str = "DeploymentModeNotSupported";
/// The template uses the URL from which it was fetched, but was sent in the request.
pub(crate) const LINK_MISSING: &str = "TemplateLinkMissing";
/// A linked template or linked parameters cannot be fetched or used.
pub(crate) const LINK: &str = "InvalidContentLink";
}
