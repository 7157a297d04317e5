//! The texts of rewrite rules: variables, regular expressions, and values with variables in braces. Pure.

use regex::RegexBuilder;

use crate::arm::rewrite_names::SERVER_VARIABLES;

/// The most bytes that a compiled expression may take. The largest of sensible ones take a hundredth.
const EXPRESSION_SIZE: usize = 256 * 1024;

/// What is wrong with the name of a variable, if anything.
pub(super) fn complaint_of_variable(name: &str) -> Option<String> {
    match Variable::parse(name) {
        Some(variable) if variable.exists() => None,
        Some(_) => Some(format!("There is no server variable '{name}'.")),
        None => Some(format!(
            "'{name}' is no variable: it must be http_req_ or http_resp_ with the name of a header, or var_ with that \
             of a server variable."
        )),
    }
}

/// What is wrong with a regular expression, if anything.
pub(super) fn complaint_of_pattern(pattern: &str) -> Option<String> {
    if pattern.is_empty() {
        return Some("A pattern is required.".to_owned());
    }
    match RegexBuilder::new(pattern).size_limit(EXPRESSION_SIZE).build() {
        Ok(_) => None,
        Err(regex::Error::CompiledTooBig(_)) => Some("The expression is too large.".to_owned()),
        Err(_) => Some(
            "The expression cannot be read. The syntax is that of RE2: without look-around and back-references."
                .to_owned(),
        ),
    }
}

/// What is wrong with a value, if anything: `{…}` that begins like a variable must be one, perhaps followed by the
/// number of a group of the condition on it. Other braces are text.
pub(super) fn complaint_of_template(text: &str) -> Option<String> {
    if text.contains(char::is_control) {
        return Some("Control characters are not allowed.".to_owned());
    }
    let braced = text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
    braced
        .filter_map(Variable::parse)
        .find(|variable| !variable.exists() && !variable.is_group())
        .map(|variable| format!("There is no variable '{}'.", variable.text))
}

/// Something that looks like a variable.
struct Variable<'a> {
    /// The whole of it.
    text: &'a str,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Header(&'a str),
    Server(&'a str),
}

impl Variable<'_> {
    fn parse(text: &str) -> Option<Variable<'_>> {
        let header = text.strip_prefix("http_req_").or_else(|| text.strip_prefix("http_resp_"));
        let kind = header.map(Kind::Header).or_else(|| text.strip_prefix("var_").map(Kind::Server))?;
        Some(Variable { text, kind })
    }

    fn exists(&self) -> bool {
        match self.kind {
            Kind::Header(name) => is_header(name),
            Kind::Server(name) => {
                SERVER_VARIABLES.contains(&name)
                    || name.strip_prefix("cookie_").is_some_and(|name| !name.is_empty())
            }
        }
    }

    /// Whether it names a group: a variable, `_`, and a number.
    fn is_group(&self) -> bool {
        self.text.rsplit_once('_').is_some_and(|(variable, number)| {
            !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit())
                && Variable::parse(variable).is_some_and(|variable| variable.exists())
        })
    }
}

fn is_header(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables() {
        for good in ["http_req_Accept", "http_resp_X-A_b", "var_uri_path", "var_cookie_session", "var_host"] {
            assert_eq!(complaint_of_variable(good), None, "{good}");
        }
        for bad in
            ["", "uri_path", "http_req_", "http_req_a b", "var_", "var_uri", "var_cookie_", "var_uri_path_1"]
        {
            assert!(complaint_of_variable(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn patterns() {
        for good in ["a", "^/(.*)/x$", r"\bfoo\d{2,3}", "(?i)é"] {
            assert_eq!(complaint_of_pattern(good), None, "{good}");
        }
        for bad in ["", "(", "a{2,1}", "(?=a)", r"(a)\1", r"\w{5000}", &"(".repeat(10_000)] {
            assert!(complaint_of_pattern(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn values() {
        for good in [
            "",
            "text",
            "{",
            "}{",
            "{x}",
            "a {http_req_X} b",
            "{var_uri_path_1}/{http_resp_Y_2}",
            "{var_host}:{var_server_port}",
        ] {
            assert_eq!(complaint_of_template(good), None, "{good}");
        }
        for bad in ["a\r\nb", "{var_uri}", "{http_req_}", "x{var_}", "{var_uri_1}", "{var_host}{var_none}"] {
            assert!(complaint_of_template(bad).is_some(), "{bad}");
        }
    }
}
