//! What can be wrong with a template, apart from the content of its resources.

use crate::violation::code_list::codes;

codes! { CODES;
/// Parts that a template does not have or that are of the wrong shape.
pub const STRUCTURE: &str = "TemplateStructureInvalid";
/// A text that is no expression, or one that has no value.
pub const EXPRESSION: &str = "TemplateExpressionInvalid";
/// A function that is not known, or not at that place or with so many arguments.
pub const FUNCTION: &str = "TemplateFunctionNotSupported";
/// A parameter that is missing, unknown, or not as declared.
pub const PARAMETER: &str = "TemplateParameterInvalid";
/// A resource without type, name or version, or given twice.
pub const RESOURCE: &str = "TemplateResourceInvalid";
/// A resource of a type that cannot be deployed.
pub const RESOURCE_TYPE: &str = "TemplateResourceTypeNotSupported";
/// A dependency on something that is not there, or on itself.
pub const DEPENDENCY: &str = "TemplateDependencyInvalid";
/// Something that is too large, too deep or too often.
pub const LIMIT: &str = "TemplateLimitExceeded";
/// A mode of deployment that is not supported.
pub const MODE: &str = "DeploymentModeNotSupported";
/// A template or parameters that are to be fetched from elsewhere.
pub const LINK: &str = "TemplateLinkNotSupported";
}
