//! Tests of the rewrites of requests and responses, and of attempts by clients to misuse them.

use http::{Method, Version};
use tidegate_shared::snapshot::{
    Condition, HeaderChange, Pattern, RewriteRule, ServerVariable, Template, TextPart, ValueMatch, Variable,
};

use super::*;
use crate::runtime::rewrite::Compiler;

fn set(rules: Vec<RewriteRule>) -> std::sync::Arc<RewriteSet> {
    let set = tidegate_shared::snapshot::RewriteSet { name: "set".to_owned(), rules };
    Compiler::default().set(0, &set).unwrap()
}

fn pattern(text: &str) -> Pattern {
    Pattern { text: text.to_owned(), ignore_case: false }
}

fn when(variable: Variable, text: &str) -> Condition {
    Condition { variable, pattern: pattern(text), negate: false }
}

fn unless(variable: Variable, text: &str) -> Condition {
    Condition { negate: true, ..when(variable, text) }
}

fn request_header(name: &str) -> Variable {
    Variable::RequestHeader(name.to_owned())
}

fn response_header(name: &str) -> Variable {
    Variable::ResponseHeader(name.to_owned())
}

fn path() -> Variable {
    Variable::Server(ServerVariable::UriPath)
}

fn text(text: &str) -> TextPart {
    TextPart::Text(text.to_owned())
}

fn group(group: usize) -> TextPart {
    TextPart::Capture { condition: 0, group }
}

fn to(name: &str, pieces: Vec<TextPart>) -> HeaderChange {
    HeaderChange { name: name.to_owned(), only: None, value: Template(pieces) }
}

fn scene() -> ConnectionVars<'static> {
    ConnectionVars {
        client: "192.0.2.1:4711".parse().unwrap(),
        port: 80,
        secure: false,
        server_name: "",
        tls: None,
    }
}

fn request(target: &str, headers: &[(&str, &str)]) -> RequestHead {
    let mut head = RequestHead::new(Method::GET, target).unwrap();
    for (name, value) in headers {
        head.fields.append(*name, value.as_bytes());
    }
    head
}

fn rewriting(head: &RequestHead) -> Rewriting {
    Rewriting::of(OriginalRequest { head: head.clone(), version: Version::HTTP_11 })
}

/// Returns the rewritten request: its target and its headers as `name: value`.
fn rewritten(rules: Vec<RewriteRule>, mut head: RequestHead) -> Result<(String, Vec<String>), RewriteFault> {
    let mut rewriting = rewriting(&head);
    rewriting.apply(&set(rules), scene(), &mut head)?;
    rewriting.change_fields(&mut head.fields)?;
    Ok((head.target().to_owned(), lines(&head.fields)))
}

fn lines(fields: &Fields) -> Vec<String> {
    let text = String::from_utf8_lossy;
    fields.iter().map(|(name, value)| format!("{}: {}", text(name.as_bytes()), text(value))).collect()
}

/// Returns the rewritten headers of the response.
fn answered(rules: Vec<RewriteRule>, mut head: RequestHead, answer: &[(&str, &str)]) -> Vec<String> {
    let set = set(rules);
    let mut rewriting = rewriting(&head);
    rewriting.apply(&set, scene(), &mut head).unwrap();
    let mut fields = Fields::new();
    for (name, value) in answer {
        fields.append(*name, value.as_bytes());
    }
    rewriting.change_answer(&set, scene(), StatusCode::OK, &mut fields).unwrap();
    lines(&fields)
}

#[test]
fn all_conditions_of_a_rule_must_hold() {
    let marks = |conditions: Vec<Condition>| RewriteRule {
        conditions,
        request_headers: vec![to("x-mark", vec![text("1")])],
        ..RewriteRule::default()
    };
    let x = || request_header("x");
    let loud = Condition { pattern: Pattern { ignore_case: true, ..pattern("^YES$") }, ..when(x(), "") };
    for (conditions, expected) in [
        (vec![], true),
        (vec![when(x(), "^yes$")], true),
        (vec![when(x(), "e")], true),
        (vec![when(x(), "^YES$")], false),
        (vec![loud], true),
        (vec![unless(x(), "^yes$")], false),
        (vec![unless(x(), "no"), when(path(), "^/a$")], true),
        (vec![when(x(), "yes"), when(path(), "^/b$")], false),
        // An absent variable is empty.
        (vec![when(request_header("y"), "^$")], true),
        (vec![when(request_header("y"), ".+")], false),
        (vec![unless(request_header("y"), ".+")], true),
        (vec![when(response_header("y"), ".+")], false),
    ] {
        let what = format!("{conditions:?}");
        let (_, headers) = rewritten(vec![marks(conditions)], request("/a", &[("x", "yes")])).unwrap();
        assert_eq!(headers.contains(&"x-mark: 1".to_owned()), expected, "{what}");
    }
}

#[test]
fn request_headers_are_set_replaced_and_deleted() {
    let from_x = || TextPart::Variable(request_header("x"));
    for (change, expected) in [
        (to("new", vec![text("a"), from_x(), text("b")]), &["x: 1", "x: 2", "new: a1, 2b"][..]),
        (to("x", vec![text("3")]), &["x: 3"]),
        (to("x", vec![]), &[]),
        // The value is empty, so the header is removed: a client's header with this name must not pass for the
        // gateway's.
        (to("x", vec![TextPart::Variable(request_header("none"))]), &[]),
        (to("x", vec![text("  ")]), &[]),
        (to("none", vec![]), &["x: 1", "x: 2"]),
    ] {
        let what = format!("{change:?}");
        let rule = RewriteRule { request_headers: vec![change], ..RewriteRule::default() };
        let (_, headers) = rewritten(vec![rule], request("/", &[("x", "1"), ("x", "2")])).unwrap();
        assert_eq!(headers, expected, "{what}");
    }
}

#[test]
fn rules_see_what_those_before_have_done_to_headers() {
    let copy = |from: &str, to_name: &str| RewriteRule {
        request_headers: vec![to(to_name, vec![TextPart::Variable(request_header(from)), text("!")])],
        ..RewriteRule::default()
    };
    let (_, headers) = rewritten(vec![copy("a", "b"), copy("b", "c")], request("/", &[("a", "1")])).unwrap();
    assert_eq!(headers, ["a: 1", "b: 1!", "c: 1!!"]);
}

#[test]
fn after_a_reroute_rules_see_the_new_path_and_query_and_what_was_asked_for() {
    let variable = |variable| TextPart::Variable(Variable::Server(variable));
    let seen = vec![
        variable(ServerVariable::UriPath),
        text(" "),
        variable(ServerVariable::QueryString),
        text(" "),
        variable(ServerVariable::RequestQuery),
        text(" "),
        variable(ServerVariable::RequestUri),
    ];
    let moves = RewriteRule {
        conditions: vec![when(path(), "^/old/(.*)$")],
        path: Some(Template(vec![text("/new/"), group(1)])),
        query: Some(Template(vec![text("b")])),
        reroute: true,
        ..RewriteRule::default()
    };
    let marks = RewriteRule {
        request_headers: vec![to("x-seen", seen.clone())],
        response_headers: vec![to("x-seen", seen)],
        ..RewriteRule::default()
    };
    let set = set(vec![moves, marks]);
    let mut head = request("/old/x?a", &[]);
    let mut rewriting = rewriting(&head);
    for (reroutes, expected) in [(true, "/old/x a a /old/x?a"), (false, "/new/x b b /old/x?a")] {
        assert_eq!(rewriting.apply(&set, scene(), &mut head), Ok(reroutes));
        rewriting.change_fields(&mut head.fields).unwrap();
        assert_eq!(head.target(), "/new/x?b");
        assert_eq!(head.fields.get("x-seen"), Some(expected.as_bytes()));
    }
    let mut fields = Fields::new();
    rewriting.change_answer(&set, scene(), StatusCode::OK, &mut fields).unwrap();
    assert_eq!(lines(&fields), ["x-seen: /new/x b b /old/x?a"]);
}

#[test]
fn captures_go_into_headers_path_and_query() {
    let rule = RewriteRule {
        conditions: vec![when(path(), "^/(.+)/(.+)$")],
        request_headers: vec![to("x", vec![group(2), text("-"), group(0), text("-"), group(7)])],
        path: Some(Template(vec![text("buy.aspx")])),
        query: Some(Template(vec![text("category="), group(1), text("&product="), group(2)])),
        ..RewriteRule::default()
    };
    let (target, headers) = rewritten(vec![rule], request("/fashion/shirts?a=b", &[])).unwrap();
    assert_eq!(target, "/buy.aspx?category=fashion&product=shirts");
    assert_eq!(headers, ["x: shirts-/fashion/shirts-"]);
}

#[test]
fn path_and_query_change_each_by_itself() {
    let template = |text: &str| Some(Template(vec![TextPart::Text(text.to_owned())]));
    for (path, query, target, expected) in [
        (template("/b"), None, "/a?q", "/b?q"),
        (None, template("r"), "/a?q", "/a?r"),
        (None, template("r"), "/a", "/a?r"),
        (None, template(""), "/a?q", "/a"),
        (template(""), template(""), "/a?q", "/"),
        (template("/b?c"), None, "/a?q", "/b%3Fc?q"),
        (template("//b/../c"), None, "/a", "//b/../c"),
        (None, template("r"), "*", "*"),
    ] {
        let what = format!("{path:?} {query:?}");
        let rule = RewriteRule { path, query, ..RewriteRule::default() };
        assert_eq!(rewritten(vec![rule], request(target, &[])).unwrap().0, expected, "{what}");
    }
}

#[test]
fn a_client_cannot_smuggle_through_a_capture() {
    let rule = || RewriteRule {
        conditions: vec![when(request_header("x"), "(?s)^(.*)$")],
        request_headers: vec![to("y", vec![group(1)])],
        path: Some(Template(vec![text("/"), group(1)])),
        query: Some(Template(vec![group(1)])),
        ..RewriteRule::default()
    };
    for (sent, target) in [
        ("a b HTTP/1.1", "/a%20b%20HTTP/1.1?a%20b%20HTTP/1.1"),
        ("a?b#c", "/a%3Fb%23c?a?b%23c"),
        ("http://evil.test/", "/http://evil.test/?http://evil.test/"),
        ("tab\there", "/tab%09here?tab%09here"),
        ("ä", "/%C3%A4?%C3%A4"),
    ] {
        let (rewritten, headers) = rewritten(vec![rule()], request("/", &[("x", sent)])).unwrap();
        assert_eq!(rewritten, target);
        assert_eq!(headers, [format!("x: {sent}"), format!("y: {sent}")]);
    }
    // The user name in `Authorization` is the only text of a client that may contain control characters: `a\r\nb: c`.
    let user = vec![TextPart::Variable(Variable::Server(ServerVariable::ClientUser))];
    let rule = RewriteRule {
        request_headers: vec![to("y", user.clone())],
        path: Some(Template(user)),
        ..RewriteRule::default()
    };
    let sent = [("authorization", "Basic YQ0KYjogYw=="), ("y", "forged")];
    let (target, headers) = rewritten(vec![rule], request("/", &sent)).unwrap();
    assert_eq!((target.as_str(), headers.len()), ("/a%0D%0Ab", 1), "{headers:?}");
}

#[test]
fn a_rewritten_host_is_one_and_never_gone() {
    let rule = || RewriteRule {
        request_headers: vec![to("host", vec![TextPart::Variable(request_header("x"))])],
        ..RewriteRule::default()
    };
    for (sent, expected) in [
        ("b.test:81", Ok("host: b.test:81")),
        ("", Ok("host: a.test")),
        ("b.test/c", Err(RewriteFault::Host)),
        ("b test", Err(RewriteFault::Host)),
    ] {
        let found = rewritten(vec![rule()], request("/", &[("host", "a.test"), ("x", sent)]));
        assert_eq!(found.map(|(_, headers)| headers[0].clone()), expected.map(str::to_owned), "{sent}");
    }
}

#[test]
fn what_is_put_together_is_bounded() {
    let whole = [TextPart::Variable(path())];
    let grown = |count: usize| RewriteRule {
        request_headers: vec![to("x", whole.iter().cycle().take(count).cloned().collect())],
        ..RewriteRule::default()
    };
    let long = format!("/{}", "a".repeat(9_999));
    assert!(rewritten(vec![grown(6)], request(&long, &[])).is_ok());
    assert_eq!(rewritten(vec![grown(7)], request(&long, &[])), Err(RewriteFault::TooLarge));
    assert_eq!(rewritten(vec![grown(4), grown(3)], request(&long, &[])), Err(RewriteFault::TooLarge));
    // Each space of the header becomes three characters of the path.
    let grown = Template(vec![TextPart::Variable(request_header("x"))]);
    let rule = RewriteRule { path: Some(grown), ..RewriteRule::default() };
    let spaces = format!("a{}a", " ".repeat(30_000));
    assert_eq!(rewritten(vec![rule], request("/", &[("x", &spaces)])), Err(RewriteFault::TooLarge));
}

#[test]
fn response_headers_are_rewritten() {
    let location = RewriteRule {
        conditions: vec![when(response_header("location"), r"(https?)://.*azurewebsites\.net(.*)$")],
        response_headers: vec![
            to("location", vec![group(1), text("://contoso.com"), group(2)]),
            to("server", vec![]),
        ],
        ..RewriteRule::default()
    };
    let answer = [("location", "https://app.azurewebsites.net/path2"), ("server", "iis")];
    assert_eq!(
        answered(vec![location.clone()], request("/", &[]), &answer),
        ["location: https://contoso.com/path2"]
    );
    let answer = [("location", "https://elsewhere.test/"), ("server", "iis")];
    assert_eq!(
        answered(vec![location], request("/", &[]), &answer),
        ["location: https://elsewhere.test/", "server: iis"]
    );
}

#[test]
fn the_rules_of_the_answer_see_the_request_as_it_was_at_their_turn() {
    let rule = |name: &str| RewriteRule {
        conditions: vec![when(request_header("x"), "^(1|2)$")],
        request_headers: vec![to("x", vec![text("2")])],
        response_headers: vec![to(name, vec![group(1)])],
        ..RewriteRule::default()
    };
    let answer = answered(vec![rule("first"), rule("second")], request("/", &[("x", "1")]), &[]);
    assert_eq!(answer, ["first: 1", "second: 2"]);
}

#[test]
fn one_of_several_cookies_is_changed() {
    let only = |text: &str, negate: bool| Some(ValueMatch { pattern: pattern(text), negate });
    let change = |only, value: Vec<TextPart>| HeaderChange { only, ..to("set-cookie", value) };
    let cookies = [("set-cookie", "a=1"), ("set-cookie", "b=2; Path=/"), ("set-cookie", "c=3")];
    let aged = vec![text("b="), TextPart::Matched(Some(1)), text("; Max-Age=3600")];
    let secured = |name: &str| change(only(name, false), vec![TextPart::Matched(None), text("; Secure")]);
    for (changes, expected) in [
        (vec![change(only("^b=([^;]*)", false), aged)], &["a=1", "b=2; Max-Age=3600", "c=3"][..]),
        (vec![change(only("^b=", false), vec![])], &["a=1", "c=3"]),
        (vec![change(only("^b=", true), vec![])], &["b=2; Path=/"]),
        (vec![change(only("^d=", false), vec![text("d=4")])], &["a=1", "b=2; Path=/", "c=3"]),
        (vec![secured("^a="), secured("^c=")], &["a=1; Secure", "b=2; Path=/", "c=3; Secure"]),
        // Without a pattern, one value replaces all.
        (vec![change(None, vec![text("d=4")])], &["d=4"]),
        (vec![change(None, vec![])], &[]),
    ] {
        let what = format!("{changes:?}");
        let rule = RewriteRule { response_headers: changes, ..RewriteRule::default() };
        let expected: Vec<_> = expected.iter().map(|value| format!("set-cookie: {value}")).collect();
        assert_eq!(answered(vec![rule], request("/", &[]), &cookies), expected, "{what}");
    }
    // A condition holds if it holds for one of the values.
    let rule = RewriteRule {
        conditions: vec![when(response_header("set-cookie"), "^b=([^;]*)")],
        response_headers: vec![to("x", vec![group(1)])],
        ..RewriteRule::default()
    };
    assert!(answered(vec![rule], request("/", &[]), &cookies).contains(&"x: 2".to_owned()));
}
