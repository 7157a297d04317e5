//! Error pages: mapping, limits and violations.

use bytes::Bytes;

use super::*;
use crate::arm::page::{MAX_ALL, MAX_PAGE, MAX_PAGES, Page, PageError};

const A: &str = "https://a.test/a.html";
const B: &str = "http://a.test/b.htm?sv=1";

fn page(text: &'static str) -> Page {
    Page { content_type: "text/html".to_owned(), body: Bytes::from_static(text.as_bytes()) }
}

fn one(status: &str, url: &str) -> Value {
    json!({ "statusCode": status, "customErrorPageUrl": url })
}

/// Compiles a gateway with pages of its own and of its first listener.
fn compile_with(
    of_gateway: &Value,
    of_listener: &Value,
    known: &[(&str, Result<Page, PageError>)],
) -> Result<Content, Vec<(&'static str, String)>> {
    let mut body = whole();
    body["properties"]["customErrorConfigurations"] = of_gateway.clone();
    properties(&mut body, "httpListeners", 0)["customErrorConfigurations"] = of_listener.clone();
    let (document, violations) = Document::read(path(), &sent(body), None, NEW);
    assert!(violations.is_empty(), "{violations}");
    let mut external_refs = ExternalRefs::default();
    known.iter().for_each(|(url, outcome)| external_refs.pages.insert(*url, outcome.clone()));
    compile(&document, &external_refs, &PatternCache::default())
        .map_err(|found| found.0.into_iter().map(|violation| (violation.code, violation.target)).collect())
}

#[test]
fn each_page_is_carried_once_and_found_by_status() {
    let of_gateway = json!([one("HttpStatus502", A), one("httpstatus404", B), one("HttpStatus503", A)]);
    let of_listener = json!([one("HttpStatus502", B)]);
    let known = [(A, Ok(page("a"))), (B, Ok(page("b"))), ("https://a.test/unused.html", Ok(page("c")))];
    let content = compile_with(&of_gateway, &of_listener, &known).unwrap();
    let bodies: Vec<&[u8]> = content.local_replies.pages.iter().map(|page| &page.body[..]).collect();
    assert_eq!(bodies, [b"a", b"b"]);
    assert_eq!(content.local_replies.of_gateway, [(404, 1), (502, 0), (503, 0)].into());
    let pages_of = |name: &str| {
        let listener = content.listeners.iter().find(|listener| listener.name == name).unwrap();
        listener.error_pages.clone()
    };
    assert_eq!(pages_of("ws"), [(502, 1)].into());
    assert_eq!(pages_of("wss"), [].into());
}

#[test]
fn a_page_that_nobody_asked_for_is_not_examined() {
    let content = compile_with(&json!([one("HttpStatus502", A)]), &json!([]), &[]).unwrap();
    assert_eq!(content.local_replies, LocalReplies::default());
}

#[test]
fn what_is_wrong_with_pages() {
    let gateway = |rest: &str| format!("properties.customErrorConfigurations{rest}");
    let listener =
        |rest: &str| format!("properties.httpListeners[0].properties.customErrorConfigurations{rest}");
    let (status, url) = ("[0].statusCode", "[0].customErrorPageUrl");
    let ok = || (A, Ok(page("a")));
    for (wrong, known, code, place) in [
        (json!([{ "customErrorPageUrl": A }]), ok(), code::ERROR_PAGE_STATUS, status),
        (
            json!([one("HttpStatus502", A), one("HttpStatus502", A)]),
            ok(),
            code::ERROR_PAGE_STATUS,
            "[1].statusCode",
        ),
        (json!([{ "statusCode": "HttpStatus502" }]), ok(), code::ERROR_PAGE_URL, url),
        (json!([one("HttpStatus502", "")]), ok(), code::ERROR_PAGE_URL, url),
        (json!([one("HttpStatus502", "a.html")]), ok(), code::ERROR_PAGE_URL, url),
        (json!([one("HttpStatus502", "https://a.test/a")]), ok(), code::ERROR_PAGE_URL, url),
        (
            json!([one("HttpStatus502", A)]),
            (A, Err(PageError::Status(404))),
            code::ERROR_PAGE_UNAVAILABLE,
            url,
        ),
    ] {
        let known = [known];
        let found = compile_with(&wrong, &json!([]), &known).unwrap_err();
        assert_eq!(found, [(code, gateway(place))], "{wrong}");
        let found = compile_with(&json!([]), &wrong, &known).unwrap_err();
        assert_eq!(found, [(code, listener(place))], "{wrong}");
    }
}

/// A gateway with this many listeners, each with a page of its own for one error.
fn with_pages(count: usize) -> Value {
    let mut body = whole();
    let template = body["properties"]["httpListeners"][0].clone();
    let listener = |i: usize| {
        let mut listener = template.clone();
        listener["name"] = json!(format!("listener{i}"));
        listener["properties"]["hostNames"] = json!([format!("{i}.test")]);
        listener["properties"]["customErrorConfigurations"] = json!([one("HttpStatus502", &numbered(i))]);
        listener
    };
    body["properties"]["httpListeners"] = (0..count).map(listener).collect();
    body["properties"]["requestRoutingRules"] = json!([]);
    body
}

fn numbered(i: usize) -> String {
    format!("https://a.test/{i}.html")
}

#[test]
fn pages_are_bounded_in_number() {
    let mut external_refs = ExternalRefs::default();
    (0..=MAX_PAGES).for_each(|i| external_refs.pages.insert(numbered(i), Ok(page("x"))));
    let read = |body: &Value| Document::read(path(), &sent(body.clone()), None, NEW).0;
    let mut body = with_pages(MAX_PAGES);
    assert_eq!(
        compile(&read(&body), &external_refs, &PatternCache::default()).unwrap().local_replies.pages.len(),
        MAX_PAGES
    );
    body["properties"]["customErrorConfigurations"] = json!([one("HttpStatus404", &numbered(MAX_PAGES))]);
    assert_eq!(
        compile(&read(&body), &external_refs, &PatternCache::default()).unwrap_err().0[0].code,
        code::limit::ERROR_PAGES
    );
}

#[test]
fn all_pages_together_are_bounded_however_they_came() {
    let body = Bytes::from(vec![b'x'; MAX_PAGE - 1]);
    let large = Page { content_type: "text/html".to_owned(), body };
    let most = MAX_ALL / large.body.len();
    let mut external_refs = ExternalRefs::default();
    (0..=most).for_each(|i| external_refs.pages.insert(numbered(i), Ok(large.clone())));
    let compiled = |count: usize| {
        compile(
            &Document::read(path(), &sent(with_pages(count)), None, NEW).0,
            &external_refs,
            &PatternCache::default(),
        )
    };
    assert_eq!(compiled(most).unwrap().local_replies.pages.len(), most);
    let violations = compiled(most + 1).unwrap_err().0;
    assert_eq!((violations.len(), violations[0].code), (1, code::ERROR_PAGE_UNAVAILABLE));
    let last = format!("properties.httpListeners[{most}].properties.customErrorConfigurations[0]");
    assert_eq!(violations[0].target, format!("{last}.customErrorPageUrl"));
}
