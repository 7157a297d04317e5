//! An API description in either OpenAPI version: its operations, and the allowed responses.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use super::schema::{draft7, files_referred_to, refer_within};
use crate::http_client::Answer;

/// The operations of an API.
pub(super) struct Description {
    operations: Vec<Operation>,
    /// Every schema that another one refers to, by name, as JSON Schema.
    definitions: Map<String, Value>,
    /// The validators compiled so far, by schema.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

struct Operation {
    method: String,
    /// The path; a segment in braces matches any segment.
    path: String,
    /// The schema of the body, if there is one, by status, by a range such as `4XX`, or for `default`.
    answers: BTreeMap<String, Option<Value>>,
}

/// The result of checking a response.
pub(super) enum Verdict {
    /// The response matches the description.
    Fits,
    /// The response does not match, with the reason.
    Wrong(String),
    /// The description has no such operation.
    Unknown,
}

impl Description {
    /// Reads OpenAPI 2.0 in several files, which refer to each other and to those that `load` provides.
    pub(super) fn official(files: Vec<(&str, Value)>, load: &dyn Fn(&str) -> Value) -> Description {
        let mut operations = Vec::new();
        let mut known: BTreeMap<String, Value> = BTreeMap::new();
        let mut wanted: Vec<String> = Vec::new();
        for (name, file) in files {
            operations.extend(operations_of(&file, |answer| answer.get("schema")).map(|mut operation| {
                for schema in operation.answers.values_mut().flatten() {
                    wanted.extend(files_referred_to(schema));
                    *schema = draft7(refer_within(name, schema));
                }
                operation
            }));
            wanted.push(name.to_owned());
            known.insert(name.to_owned(), file);
        }
        let mut definitions = Map::new();
        let mut done = Vec::new();
        while let Some(name) = wanted.pop() {
            if done.contains(&name) {
                continue;
            }
            let file = known.remove(&name).unwrap_or_else(|| load(&name));
            wanted.extend(files_referred_to(&file["definitions"]));
            for (key, schema) in file["definitions"].as_object().into_iter().flatten() {
                definitions.insert(format!("{name}.{key}"), draft7(refer_within(&name, schema)));
            }
            done.push(name);
        }
        Description { operations, definitions, validators: Mutex::default() }
    }

    /// Reads OpenAPI 3.0 in one file.
    pub(super) fn own(file: &Value) -> Description {
        let schema = |answer: &'_ Value| -> Option<Value> {
            let content = answer.get("content")?.as_object()?;
            content.get("application/json").map(|json| draft7(refer_within("", &json["schema"])))
        };
        let operations = operations_of(file, |answer| answer.get("content"));
        let operations = operations.map(|mut operation| {
            for body in operation.answers.values_mut() {
                *body = body.take().and_then(|content| schema(&json!({"content": content})));
            }
            operation
        });
        let schemas = file["components"]["schemas"].as_object().cloned().unwrap_or_default();
        let definitions =
            schemas.into_iter().map(|(name, schema)| (format!(".{name}"), draft7(refer_within("", &schema))));
        Description {
            operations: operations.collect(),
            definitions: definitions.collect(),
            validators: Mutex::default(),
        }
    }

    /// Checks a response against the operation of its request.
    pub(super) fn judge(&self, method: &str, path: &str, answer: &Answer) -> Verdict {
        let fits = |operation: &&Operation| operation.method == method && matches(&operation.path, path);
        let Some(operation) = self.operations.iter().find(fits) else { return Verdict::Unknown };
        let status = answer.status.to_string();
        let range = format!("{}XX", &status[..1]);
        let described = [status.as_str(), range.as_str(), "default"].into_iter();
        let Some(schema) = described.filter_map(|key| operation.answers.get(key)).next() else {
            return Verdict::Wrong("the status is not described".to_owned());
        };
        match schema {
            Some(schema) if method != "HEAD" => self.compare(schema, answer),
            _ => Verdict::Fits,
        }
    }

    /// Checks the body of a response against the component schema with this name.
    pub(super) fn judge_as(&self, component: &str, answer: &Answer) -> Verdict {
        self.compare(&json!({"$ref": format!("#/definitions/.{component}")}), answer)
    }

    fn compare(&self, schema: &Value, answer: &Answer) -> Verdict {
        let is_json = answer.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        let Some(body) = serde_json::from_slice::<Value>(&answer.body).ok().filter(|_| is_json) else {
            return Verdict::Wrong("the body is not JSON, or does not say so".to_owned());
        };
        let validator = self.validator(schema);
        match validator.iter_errors(&body).next() {
            None => Verdict::Fits,
            Some(error) => Verdict::Wrong(format!("at '{}': {error}", error.instance_path())),
        }
    }

    fn validator(&self, schema: &Value) -> Arc<Validator> {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        let made = validators.entry(schema.to_string()).or_insert_with(|| {
            let mut whole = schema.clone();
            whole["definitions"] = self.definitions.clone().into();
            // In this draft, nothing may stand beside a `$ref`.
            if let Some(Value::String(target)) = whole.as_object_mut().and_then(|whole| whole.remove("$ref"))
            {
                whole["allOf"] = json!([{"$ref": target}]);
            }
            let options = jsonschema::options().with_draft(Draft::Draft7).should_validate_formats(false);
            Arc::new(options.build(&whole).unwrap_or_else(|error| panic!("a schema cannot be used: {error}")))
        });
        made.clone()
    }
}

/// Returns the operations of a file; `body` finds the schema of a response's body.
fn operations_of<'a>(
    file: &'a Value,
    body: impl Fn(&'a Value) -> Option<&'a Value> + 'a,
) -> impl Iterator<Item = Operation> + 'a {
    const METHODS: &[&str] = &["get", "put", "post", "delete", "patch", "head"];
    let paths = file["paths"].as_object().into_iter().flatten();
    let methods = paths.flat_map(|(path, methods)| {
        methods.as_object().into_iter().flatten().map(move |(method, operation)| (path, method, operation))
    });
    methods.filter(|(_, method, _)| METHODS.contains(&method.as_str())).map(
        move |(path, method, operation)| {
            let answers = operation["responses"].as_object().into_iter().flatten();
            let whole = |answer: &'a Value| {
                let target = answer["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
                target.map_or(answer, |target| file.pointer(target).expect("a reference leads somewhere"))
            };
            let answers =
                answers.map(|(status, answer)| (status.clone(), body(whole(answer)).cloned())).collect();
            Operation { method: method.to_uppercase(), path: path.clone(), answers }
        },
    )
}

/// Returns true if a path matches a path template; case is ignored.
fn matches(template: &str, path: &str) -> bool {
    let path = path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path);
    let (mut expected, mut segments) = (template.split('/'), path.split('/'));
    loop {
        match (expected.next(), segments.next()) {
            (None, None) => return true,
            (Some(expected), Some(segment)) => {
                let any = expected.starts_with('{') && !segment.is_empty();
                if !any && !expected.eq_ignore_ascii_case(segment) {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;

    #[test]
    fn paths_match_without_regard_to_case() {
        let template = "/subscriptions/{s}/providers/Microsoft.Network/applicationGateways";
        for (path, expected) in [
            ("/subscriptions/x/providers/microsoft.network/applicationgateways", true),
            ("/Subscriptions/x/providers/Microsoft.Network/applicationGateways/", true),
            ("/subscriptions//providers/Microsoft.Network/applicationGateways", false),
            ("/subscriptions/x/providers/Microsoft.Network/applicationGateways/y", false),
            ("/subscriptions/x", false),
        ] {
            assert_eq!(matches(template, path), expected, "{path}");
        }
    }

    #[test]
    fn answers_that_operations_share_are_found() {
        let shared = json!({"$ref": "#/components/responses/Bad"});
        let schema = json!({"$ref": "#/components/schemas/Error"});
        let description = Description::own(&json!({
            "paths": {"/a": {"get": {"responses": {"400": shared}}}},
            "components": {
                "responses": {"Bad": {"description": "", "content": {"application/json": {"schema": schema}}}},
                "schemas": {"Error": {"type": "object", "required": ["error"]}},
            },
        }));
        let judge = |body: &Value| description.judge("GET", "/a", &answer(400, body));
        assert!(matches!(judge(&json!({"error": {}})), Verdict::Fits));
        assert!(matches!(judge(&json!({})), Verdict::Wrong(_)));
        assert!(matches!(description.judge("GET", "/a", &answer(404, &json!({}))), Verdict::Wrong(_)));
    }

    fn answer(status: u16, body: &Value) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        Answer { status, headers, body: Bytes::from(body.to_string()) }
    }

    #[test]
    fn an_answer_is_compared_with_the_schema_of_its_status() {
        let file = json!({
            "paths": {"/a/{b}": {"get": {"responses": {
                "200": {"description": "", "schema": {"$ref": "#/definitions/One"}},
                "202": {"description": ""},
                "default": {"description": "", "schema": {"$ref": "./other.json#/definitions/Two"}}}}}},
            "definitions": {"One": {"properties": {"kind": {"type": "string", "enum": ["A"]}}}},
        });
        let other = json!({"definitions": {"Two": {"required": ["error"], "properties": {"error": {}}}}});
        let description = Description::official(vec![("one", file)], &|name| {
            assert_eq!(name, "other");
            other.clone()
        });
        let wrong = |method, path, status, body| match description.judge(method, path, &answer(status, &body))
        {
            Verdict::Fits => None,
            Verdict::Wrong(why) => Some(why),
            Verdict::Unknown => Some("unknown".to_owned()),
        };
        assert_eq!(wrong("GET", "/a/x", 200, json!({"kind": "A", "more": 1})), None);
        assert!(wrong("GET", "/a/x", 200, json!({"kind": "a"})).unwrap().contains("/kind"));
        assert!(wrong("GET", "/a/x", 200, json!([])).is_some());
        assert_eq!(wrong("GET", "/a/x", 202, json!([])), None);
        assert_eq!(wrong("GET", "/a/x", 404, json!({"error": {}})), None);
        assert!(wrong("GET", "/a/x", 404, json!({})).is_some());
        assert_eq!(wrong("PUT", "/a/x", 200, json!({})).as_deref(), Some("unknown"));
    }
}
