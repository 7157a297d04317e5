//! The results of each function, for the examples of Azure's documentation and for edge cases.

use serde_json::{Value, json};

use super::*;
use crate::template::tests::evaluate;

/// Checks the result of each expression.
fn check(cases: &[(&str, Value)]) {
    for (expression, expected) in cases {
        assert_eq!(evaluate(expression), Ok(expected.clone()), "{expression}");
    }
}

#[test]
fn texts() {
    check(&[
        ("concat('prefix-', 'a', 1, true())", json!("prefix-a1True")),
        ("concat(createArray(1), createArray('b', 2))", json!([1, "b", 2])),
        ("endsWith('abcdef', 'EF')", json!(true)),
        ("startsWith('abcdef', 'ef')", json!(false)),
        ("format('{0}, {1}. {0,4}|{0,-4}|{2:D3} {{}}', 'Hi', 'you', 7)", json!("Hi, you.   Hi|Hi  |007 {}")),
        ("format('{0:000}|{0:0.00}|{0:D3}', -5)", json!("-005|-5.00|-005")),
        (
            "format('{0:N}|{0:N0}|{0:F1}|{0:X}|{0:x6}', 1234567)",
            json!("1,234,567.00|1,234,567|1234567.0|12D687|12d687"),
        ),
        ("format('{0:N1}|{0:F0}|{0:00.0}', float('-1234.56'))", json!("-1,234.6|-1235|-1234.6")),
        ("format('{0:x}|{0,4:G}|{1:N2}', -1, 'text')", json!("ffffffffffffffff|  -1|text")),
        ("format('{0}', createObject('a', 1))", json!("{\"a\":1}")),
        ("indexOf('test', 'T')", json!(0)),
        ("lastIndexOf('test', 't')", json!(3)),
        ("indexOf('äbc', 'c')", json!(2)),
        ("indexOf('abc', 'd')", json!(-1)),
        ("indexOf(createArray('a', 'b', 'a'), 'a')", json!(0)),
        ("lastIndexOf(createArray('a', 'b', 'a'), 'a')", json!(2)),
        ("lastIndexOf(createArray('a', 1), 'A')", json!(-1)),
        ("join(createArray('one', 'two', 3), '; ')", json!("one; two; 3")),
        ("padLeft('123', 10, '0')", json!("0000000123")),
        ("padLeft(5, 3)", json!("  5")),
        ("padLeft('long', 2)", json!("long")),
        ("replace('123-123-1234', '-', '')", json!("1231231234")),
        ("split('one,two', ',')", json!(["one", "two"])),
        ("split('one;two,three', createArray(',', ';'))", json!(["one", "two", "three"])),
        ("split('', ',')", json!([""])),
        ("string(createArray('a', 1))", json!("[\"a\",1]")),
        ("string(true())", json!("True")),
        ("substring('one two three', 4, 3)", json!("two")),
        ("substring('one two three', 4)", json!("two three")),
        ("skip('one two', 4)", json!("two")),
        ("take('one two', 2)", json!("on")),
        ("take('a', 5)", json!("a")),
        ("take('a', -5)", json!("")),
        ("toLower('One')", json!("one")),
        ("toUpper('One')", json!("ONE")),
        ("trim('  a b ')", json!("a b")),
        ("uniqueString('hello', 'world')", json!("a7wkljktk6wne")),
        ("length(guid('a', 'b'))", json!(36)),
    ]);
}

#[test]
fn arrays_and_objects() {
    check(&[
        ("array('a')", json!(["a"])),
        ("array(createArray(1))", json!([1])),
        ("contains('OneTwo', 'Two')", json!(true)),
        ("contains('OneTwo', 'two')", json!(false)),
        ("contains(createObject('One', 1), 'one')", json!(true)),
        ("contains(createArray('a', 1), 1)", json!(true)),
        ("createArray()", json!([])),
        ("createObject('a', 1, 'b', createArray(true()))", json!({"a": 1, "b": [true]})),
        ("empty('')", json!(true)),
        ("empty(createObject())", json!(true)),
        ("empty(null())", json!(true)),
        ("empty(createArray(1))", json!(false)),
        ("first('One')", json!("O")),
        ("first(createArray())", json!(null)),
        ("last(createArray(1, 2))", json!(2)),
        ("flatten(createArray(createArray(1, 2), createArray(3)))", json!([1, 2, 3])),
        ("indexFromEnd(createArray('a', 'b', 'c'), 2)", json!("b")),
        ("intersection(createArray(1, 2, 3, 3), createArray(2, 3, 4))", json!([2, 3])),
        ("intersection(json('{\"a\":1,\"b\":2}'), json('{\"a\":1,\"b\":3}'))", json!({"a": 1})),
        ("items(json('{\"b\":2,\"a\":1}'))", json!([{"key": "a", "value": 1}, {"key": "b", "value": 2}])),
        ("length('äb')", json!(2)),
        ("length(createObject('a', 1))", json!(1)),
        ("objectKeys(json('{\"b\":2,\"a\":1}'))", json!(["a", "b"])),
        ("range(5, 3)", json!([5, 6, 7])),
        (
            "shallowMerge(createArray(json('{\"a\":{\"x\":1}}'), json('{\"a\":{\"y\":1}}')))",
            json!({"a": {"y": 1}}),
        ),
        ("skip(createArray(1, 2, 3), 2)", json!([3])),
        ("take(createArray(1, 2, 3), 2)", json!([1, 2])),
        ("tryGet(json('{\"a\":[{\"b\":7}]}'), 'A', 0, 'b')", json!(7)),
        ("tryGet(json('{\"a\":1}'), 'x', 'y')", json!(null)),
        ("tryGet(null(), 'x')", json!(null)),
        ("tryGet(createArray(1), 1)", json!(null)),
        ("tryGet(createArray(1), -1)", json!(null)),
        ("tryIndexFromEnd(createArray(1, 2), 3)", json!(null)),
        ("union(createArray(1, 2), createArray(2, 3))", json!([1, 2, 3])),
        (
            "union(json('{\"a\":{\"x\":1},\"b\":1}'), json('{\"a\":{\"y\":2},\"b\":2}'))",
            json!({"a": {"x": 1, "y": 2}, "b": 2}),
        ),
    ]);
}

#[test]
fn numbers_and_logic() {
    check(&[
        ("add(5, 3)", json!(8)),
        ("sub(5, 8)", json!(-3)),
        ("mul(5, 3)", json!(15)),
        ("div(8, 3)", json!(2)),
        ("mod(7, 3)", json!(1)),
        ("int('4')", json!(4)),
        ("int(float('4.9'))", json!(4)),
        ("float(3)", json!(3.0)),
        ("max(0, 3, 2)", json!(3)),
        ("min(createArray(4, 2))", json!(2)),
        ("bool('TRUE')", json!(true)),
        ("bool(0)", json!(false)),
        ("coalesce(null(), 'a', 'b')", json!("a")),
        ("equals('a', 'A')", json!(false)),
        ("equals(1, float('1'))", json!(true)),
        ("equals(createArray(1), createArray(1))", json!(true)),
        ("greater('b', 'a')", json!(true)),
        ("greaterOrEquals(1, 1)", json!(true)),
        ("less(2, 1)", json!(false)),
        ("lessOrEquals(1, 2)", json!(true)),
        ("and(true(), not(false()), true())", json!(true)),
        ("or(false(), true())", json!(true)),
        ("if(true(), 'yes', fail('no'))", json!("yes")),
        ("dateTimeToEpoch('2023-05-02T15:16:13Z')", json!(1_683_040_573)),
        ("dateTimeFromEpoch(1683040573)", json!("2023-05-02T15:16:13Z")),
    ]);
}

#[test]
fn encodings_and_networks() {
    check(&[
        ("base64('one, two')", json!("b25lLCB0d28=")),
        ("base64ToString('b25lLCB0d28=')", json!("one, two")),
        ("base64ToJson(base64('{\"a\":1}')).a", json!(1)),
        ("dataUri('Hello')", json!("data:text/plain;charset=utf8;base64,SGVsbG8=")),
        ("dataUriToString(dataUri('Hello'))", json!("Hello")),
        ("json('[1]')", json!([1])),
        ("json('{a: [1, 2,], /* c */ \"b\": null}')", json!({"a": [1, 2], "b": null})),
        ("uri('http://contoso.org/firstpath', 'myscript.sh')", json!("http://contoso.org/myscript.sh")),
        (
            "uri('http://contoso.org/firstpath/', 'myscript.sh')",
            json!("http://contoso.org/firstpath/myscript.sh"),
        ),
        ("uri('http://contoso.org/firstpath/azuredeploy.json', '/x')", json!("http://contoso.org/x")),
        ("uri('http://contoso.org', 'x')", json!("http://contoso.org/x")),
        ("uri('http://contoso.org/a/', '/x')", json!("http://contoso.org/a/x")),
        (
            "uri('https://h/a/b/main.json?sig=/x', '../nested/y.json?z=1')",
            json!("https://h/a/nested/y.json?z=1"),
        ),
        ("uri('https://h/a/b.json', 'http://other/c')", json!("http://other/c")),
        ("uri('https://h/a/b.json', '?q')", json!("https://h/a/b.json?q")),
        ("uri('https://h', '../../..')", json!("https://h/")),
        (
            "parseUri('https://me@h:8080/a/b?c=d#e')",
            json!({"scheme": "https", "host": "h", "port": 8080, "path": "/a/b", "query": "?c=d"}),
        ),
        ("parseUri('https://[::1]')", json!({"scheme": "https", "host": "[::1]", "path": "", "query": ""})),
        ("buildUri(parseUri('https://h:8080/a/b?c=d'))", json!("https://h:8080/a/b?c=d")),
        ("buildUri(createObject('scheme', 'https', 'host', 'h', 'path', 'x'))", json!("https://h/x")),
        ("toLogicalZone('s', 'eastus', 'eastus-az2')", json!("2")),
        ("toLogicalZones('s', 'eastus', createArray('eastus-az1', 'westus-az1'))", json!(["1", ""])),
        ("toPhysicalZone('s', 'eastus', '3')", json!("eastus-az3")),
        ("toPhysicalZones('s', 'eastus', createArray('1', '9'))", json!(["eastus-az1", ""])),
        ("pickZones('Microsoft.Network', 'publicIPAddresses', 'eastus')", json!([])),
        ("uriComponent('http://a.b/ä x')", json!("http%3A%2F%2Fa.b%2F%C3%A4%20x")),
        ("uriComponentToString('http%3A%2F%2Fa.b%2F%C3%A4%20x%')", json!("http://a.b/ä x%")),
        ("cidrSubnet('10.144.0.0/20', 24, 2)", json!("10.144.2.0/24")),
        ("cidrSubnet('fd00::/48', 64, 1)", json!("fd00:0:0:1::/64")),
        ("cidrHost('10.144.3.0/24', 0)", json!("10.144.3.1")),
        ("cidrHost('0.0.0.0/0', 4294967293)", json!("255.255.255.254")),
        ("parseCidr('10.144.0.5/20').lastUsable", json!("10.144.15.254")),
        ("parseCidr('10.144.0.5/20').netmask", json!("255.255.240.0")),
        ("parseCidr('::/0').lastUsable", json!("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")),
    ]);
}

#[test]
fn lambdas() {
    check(&[
        ("map(createArray(1, 2), lambda('x', add(lambdaVariables('x'), 1)))", json!([2, 3])),
        (
            "map(createArray('a', 'b'), lambda('x', 'i', concat(lambdaVariables('x'), lambdaVariables('i'))))",
            json!(["a0", "b1"]),
        ),
        ("filter(range(0, 5), lambda('x', greater(lambdaVariables('x'), 2)))", json!([3, 4])),
        (
            "reduce(range(1, 4), 0, lambda('a', 'b', add(lambdaVariables('a'), lambdaVariables('b'))))",
            json!(10),
        ),
        (
            "sort(createArray(3, 1, 2), lambda('a', 'b', less(lambdaVariables('a'), lambdaVariables('b'))))",
            json!([1, 2, 3]),
        ),
        // An inconsistent order.
        ("length(sort(range(0, 100), lambda('a', 'b', true())))", json!(100)),
        (
            "toObject(createArray('a', 'b'), lambda('x', lambdaVariables('x')), lambda('x', 1))",
            json!({"a": 1, "b": 1}),
        ),
        (
            "groupBy(createArray('a', 'ab', 'b'), lambda('x', first(lambdaVariables('x'))))",
            json!({"a": ["a", "ab"], "b": ["b"]}),
        ),
        ("mapValues(json('{\"a\":1}'), lambda('x', string(lambdaVariables('x'))))", json!({"a": "1"})),
        (
            "map(createArray(1), lambda('x', map(createArray(2), lambda('y', add(lambdaVariables('x'), lambdaVariables('y'))))))",
            json!([[3]]),
        ),
    ]);
}

#[test]
fn what_has_no_value_says_why() {
    let cases = [
        ("div(1, 0)", "64-bit"),
        ("div(-9223372036854775808, -1)", "64-bit"),
        ("mod(-9223372036854775808, -1)", "64-bit"),
        ("mul(9223372036854775807, 2)", "64-bit"),
        ("add('1', 2)", "an integer is expected, not a string"),
        ("substring('abc', 2, 9223372036854775807)", "after the text"),
        ("substring('abc', 4)", "outside"),
        ("range(9223372036854775807, 5)", "from 0 to 10000"),
        ("range(0, 10001)", "from 0 to 10000"),
        ("createObject('a')", "in pairs"),
        ("first(1)", "a string or an array is expected"),
        ("json('{')", "not JSON"),
        ("base64ToString('/w==')", "not text"),
        ("fail('because')", "because"),
        ("format('{1}', 'a')", "refers to no argument"),
        ("format('{0', 'a')", "not matched"),
        ("format('}', 'a')", "not matched"),
        ("format('{0:C}', 1)", "'C' is not supported"),
        ("format('{0:D2}', float('1.5'))", "'D2' is not supported"),
        ("format('{0:N100}', 1)", "'N100' is not supported"),
        ("format('{0:0.0.0}', 1)", "'0.0.0' is not supported"),
        ("union(createArray(), createObject())", "all arrays or all objects"),
        ("cidrSubnet('10.0.0.0/24', 23, 0)", "does not fit"),
        ("cidrSubnet('10.0.0.0/24', 25, 2)", "exceeds the number of such networks"),
        ("cidrHost('10.0.0.0/30', 2)", "exceeds the number of addresses"),
        ("parseCidr('10.0.0.0/33')", "not a network"),
        ("parseUri('h/a')", "not an absolute URI"),
        ("parseUri('https://h:99999')", "the port is not a number"),
        ("buildUri(createObject('host', 'h'))", "needs a scheme and a host"),
        ("dateTimeAdd('2020-01-01', 'P1')", "the duration is not one of ISO 8601"),
        ("dateTimeToEpoch('yesterday')", "'yesterday' is not a time of ISO 8601"),
        ("if('true', 1, 2)", "must be true or false"),
        ("map(1, lambda('x', 1))", "expects an array"),
        ("map(createArray(1), 2)", "A lambda is expected"),
        ("map(createArray(1), lambda(1, 2))", "A lambda is expected"),
        ("lambda('x', 1)", "only be an argument"),
        ("lambdaVariables('x')", "no lambda variable"),
        ("padLeft('a', 100000000, 'b')", "too long"),
        ("padLeft('a', 5, 'bb')", "one character"),
        ("replace('a', '', 'b')", "text to replace is empty"),
        ("tryGet(createArray(1), 'a')", "an integer is expected"),
        ("bool('yes')", "neither true nor false"),
        ("less('a', 1)", "cannot be compared"),
    ];
    for (expression, expected) in cases {
        let Err(EvalError::Wrong(_, why)) = evaluate(expression) else { panic!("{expression} has a value") };
        assert!(why.contains(expected), "{expression}: {why}");
    }
}

#[test]
fn every_name_is_found_and_arguments_are_counted() {
    for function in all() {
        let lower = function.name.to_ascii_lowercase();
        assert_eq!(named(&lower).unwrap().name, function.name);
        assert!(crate::template::special::arity_of(&lower).is_none(), "{lower}");
    }
    let cases = [
        ("not()", "takes 1 arguments, not 0"),
        ("and(true())", "takes at least 2 arguments, not 1"),
        ("substring('a')", "takes 2 to 3 arguments, not 1"),
        ("parameters()", "takes 1 arguments, not 0"),
        ("nothing()", "'nothing' does not exist"),
        ("my.nothing()", "'my.nothing' does not exist"),
        ("listKeys()", "takes 1 to 3 arguments, not 0"),
        ("listKeys('a', 'b')", "only allowed in the properties of resources and in outputs"),
    ];
    for (expression, expected) in cases {
        let Err(EvalError::Wrong(code, why)) = evaluate(expression) else {
            panic!("{expression} has a value")
        };
        assert_eq!(code, crate::violation::code::template::FUNCTION, "{expression}");
        assert!(why.contains(expected), "{expression}: {why}");
    }
}

/// No function may panic, whatever its arguments are.
#[test]
fn odd_arguments_are_answered() {
    let odd = [
        json!(null),
        json!(true),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e300),
        json!(-1),
        json!(""),
        json!("ß/İ:{0,-9999999999}%e"),
        json!("10.0.0.0/0"),
        json!("::/127"),
        json!([]),
        json!(["", 1, null]),
        json!({}),
        json!({"": null, "a": [1]}),
    ];
    for function in all() {
        for a in &odd {
            for b in &odd {
                for c in &odd {
                    let values = [a.clone(), b.clone(), c.clone()];
                    for count in 1..=3 {
                        if function.check(count).is_ok() {
                            let _ = (function.call)(&values[..count]);
                        }
                    }
                }
            }
        }
    }
}
