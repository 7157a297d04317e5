//! The `$filter` and the `$orderby` of tunnels. Pure.
//!
//! ```text
//! or         = and *( "or" and )
//! and        = condition *( "and" condition )
//! condition  = "not" condition / "(" or ")" / "startswith" "(" name "," text ")"
//!            / "inNetwork" "(" "clientAddress" "," text ")" / name operator value
//! operator   = "eq" / "ne" / "gt" / "ge" / "lt" / "le"
//! value      = text / number / time / "null"
//! ```

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::Timestamp;
use tidegate_shared::tunnel::{Filter, Kind, Network, Operator, OrderBy, Property, Value};

use super::properties::{name, named};
use crate::api::odata::{Token, Tokens};

/// The maximum number of conditions of a filter, and of nested parentheses and negations.
const MAX_CONDITIONS: usize = 100;
const MAX_DEPTH: usize = 32;

/// The maximum number of properties of an order.
const MAX_LEVELS: usize = 4;

const OPERATORS: [(&str, Operator); 6] = [
    ("eq", Operator::Equal),
    ("ne", Operator::NotEqual),
    ("gt", Operator::Greater),
    ("ge", Operator::GreaterOrEqual),
    ("lt", Operator::Less),
    ("le", Operator::LessOrEqual),
];

const STATES: [&str; 4] = ["open", "draining", "closing", "closed"];

/// Reads a `$filter`. An empty one admits every tunnel.
///
/// # Errors
/// The place of the first fault, and what was expected there.
pub(super) fn read(text: &str) -> Result<Filter, String> {
    let tokens = Tokens::of(text)?;
    if tokens.is_empty() {
        return Ok(Filter::EVERY);
    }
    let mut parser = Parser { tokens, conditions: 0, depth: 0 };
    let filter = parser.or()?;
    if !parser.tokens.is_empty() {
        return Err(parser.tokens.expected("'and', 'or' or the end"));
    }
    Ok(filter)
}

/// Reads an `$orderby`: names, each with `asc` or `desc`.
///
/// # Errors
/// The place of the first fault, and what was expected there.
pub(super) fn read_order(text: &str) -> Result<Vec<OrderBy>, String> {
    let mut tokens = Tokens::of(text)?;
    let mut order = Vec::new();
    while !tokens.is_empty() {
        if !order.is_empty() {
            tokens.expect_sign(&Token::Comma)?;
        }
        if order.len() == MAX_LEVELS {
            return Err(format!("At most {MAX_LEVELS} properties can be ordered by."));
        }
        let property = property(&mut tokens)?;
        let descending = tokens.take_word("desc");
        if !descending {
            tokens.take_word("asc");
        }
        order.push(OrderBy { property, descending });
    }
    Ok(order)
}

fn property(tokens: &mut Tokens) -> Result<Property, String> {
    let position = tokens.position();
    match tokens.peek() {
        Some(Token::Word(word)) => {
            let property = named(word, position)?;
            tokens.next();
            Ok(property)
        }
        _ => Err(tokens.expected("The name of a property")),
    }
}

struct Parser {
    tokens: Tokens,
    conditions: usize,
    depth: usize,
}

impl Parser {
    fn or(&mut self) -> Result<Filter, String> {
        let mut all = vec![self.and()?];
        while self.tokens.take_word("or") {
            all.push(self.and()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::Or(all) })
    }

    fn and(&mut self) -> Result<Filter, String> {
        let mut all = vec![self.condition()?];
        while self.tokens.take_word("and") {
            all.push(self.condition()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::And(all) })
    }

    fn condition(&mut self) -> Result<Filter, String> {
        if self.tokens.take_word("not") {
            return self.nested(|parser| Ok(Filter::Not(Box::new(parser.condition()?))));
        }
        if self.tokens.take_sign(&Token::Open) {
            return self.nested(|parser| {
                let inner = parser.or()?;
                parser.tokens.expect_sign(&Token::Close)?;
                Ok(inner)
            });
        }
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            return Err(format!("A filter has at most {MAX_CONDITIONS} conditions."));
        }
        if self.tokens.take_word("startswith") {
            return self.starts_with();
        }
        if self.tokens.take_word("inNetwork") {
            return self.in_network();
        }
        let property = property(&mut self.tokens)?;
        let operator = OPERATORS.iter().find(|(word, _)| self.tokens.take_word(word));
        let Some((_, operator)) = operator else {
            return Err(self.tokens.expected("One of eq, ne, gt, ge, lt and le"));
        };
        Ok(Filter::Compare(property, *operator, self.value(property)?))
    }

    /// Reads a condition within another one, as deep as the stack surely allows.
    fn nested(&mut self, read: impl FnOnce(&mut Parser) -> Result<Filter, String>) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("Parentheses and 'not' are nested at most {MAX_DEPTH} deep."));
        }
        let filter = read(self);
        self.depth -= 1;
        filter
    }

    fn starts_with(&mut self) -> Result<Filter, String> {
        self.tokens.expect_sign(&Token::Open)?;
        let position = self.tokens.position();
        let property = property(&mut self.tokens)?;
        if property.kind() != Kind::Text {
            return Err(format!(
                "startswith at position {position} needs a text; '{}' is none.",
                name(property)
            ));
        }
        self.tokens.expect_sign(&Token::Comma)?;
        let start = self.tokens.expect_text("A text in single quotes")?;
        self.tokens.expect_sign(&Token::Close)?;
        Ok(Filter::StartsWith(property, start))
    }

    fn in_network(&mut self) -> Result<Filter, String> {
        const WANTED: &str = "A network in single quotes, such as '10.0.0.0/8',";
        self.tokens.expect_sign(&Token::Open)?;
        if !self.tokens.take_word(name(Property::ClientAddress)) {
            return Err(self.tokens.expected("'clientAddress'"));
        }
        self.tokens.expect_sign(&Token::Comma)?;
        let position = self.tokens.position();
        let text = self.tokens.expect_text(WANTED)?;
        let network = network(&text).ok_or_else(|| {
            format!("{WANTED} was expected at position {position}, not '{}'.", short(&text))
        })?;
        self.tokens.expect_sign(&Token::Close)?;
        Ok(Filter::InNetwork(network))
    }

    /// Reads a value of the kind that the property has, or `null`.
    fn value(&mut self, property: Property) -> Result<Value<'static>, String> {
        if self.tokens.take_word("null") {
            return Ok(Value::Null);
        }
        let wanted = match property.kind() {
            Kind::Text if property == Property::State => "One of 'open', 'draining', 'closing' and 'closed'",
            Kind::Text => "A text in single quotes or null",
            Kind::Integer => "A whole number",
            Kind::Time => "A time in RFC 3339, such as 2030-01-02T03:04:05Z,",
            Kind::Address => "An IP address in single quotes",
        };
        let error = self.tokens.expected(wanted);
        let value = match (property.kind(), self.tokens.next()) {
            (Kind::Text, Some(Token::Text(text))) => {
                let is_state = STATES.iter().any(|state| state.eq_ignore_ascii_case(&text));
                (is_state || property != Property::State).then_some(Value::Text(Cow::Owned(text)))
            }
            (Kind::Integer, Some(Token::Word(word))) => word.parse().ok().map(Value::Integer),
            (Kind::Time, Some(Token::Word(text) | Token::Text(text))) => {
                text.parse::<Timestamp>().ok().map(|time| Value::Time(time.as_millisecond()))
            }
            (Kind::Address, Some(Token::Text(text))) => {
                text.parse::<IpAddr>().ok().map(|address| Value::Address(address.to_canonical()))
            }
            _ => None,
        };
        value.ok_or(error)
    }
}

fn network(text: &str) -> Option<Network> {
    let (address, prefix) = text.split_once('/')?;
    let prefix = prefix.bytes().all(|byte| byte.is_ascii_digit()).then(|| prefix.parse().ok()).flatten()?;
    Network::new(address.parse().ok()?, prefix)
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests {
    use super::*;

    fn compare(property: Property, operator: Operator, value: Value<'static>) -> Filter {
        Filter::Compare(property, operator, value)
    }

    #[test]
    fn filters_mean_what_odata_says() {
        use Operator::{Equal, Greater, GreaterOrEqual, LessOrEqual, NotEqual};
        let pool = |text| compare(Property::Pool, Equal, Value::text(text));
        let idle = compare(Property::IdleFor, Greater, Value::Integer(60));
        let cases = [
            ("", Filter::EVERY),
            ("pool eq 'it''s'", pool("it's")),
            ("POOL EQ 'b'", pool("b")),
            (
                "pool eq 'a' or pool eq 'b' and idleForInSec gt 60",
                Filter::Or(vec![pool("a"), Filter::And(vec![pool("b"), idle.clone()])]),
            ),
            (
                "(pool eq 'a' or pool eq 'b') and idleForInSec gt 60",
                Filter::And(vec![Filter::Or(vec![pool("a"), pool("b")]), idle.clone()]),
            ),
            (
                "not idleForInSec gt 60 and pool eq 'a'",
                Filter::And(vec![Filter::Not(Box::new(idle)), pool("a")]),
            ),
            ("startswith(path,'/room/')", Filter::StartsWith(Property::Path, "/room/".into())),
            (
                "not(inNetwork(clientAddress,'10.0.0.0/8'))",
                Filter::Not(Box::new(Filter::InNetwork(Network::new([10, 0, 0, 0].into(), 8).unwrap()))),
            ),
            (
                "clientAddress ne '::ffff:10.0.0.1'",
                compare(Property::ClientAddress, NotEqual, Value::Address([10, 0, 0, 1].into())),
            ),
            (
                "openedAt ge 1970-01-01T00:00:01Z",
                compare(Property::OpenedAt, GreaterOrEqual, Value::Time(1000)),
            ),
            (
                "openedAt le '1970-01-01T01:00:01+01:00'",
                compare(Property::OpenedAt, LessOrEqual, Value::Time(1000)),
            ),
            ("subprotocol eq null", compare(Property::Subprotocol, Equal, Value::Null)),
            ("state eq 'Draining'", compare(Property::State, Equal, Value::text("Draining"))),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn an_error_says_where_what_was_expected() {
        let cases = [
            (
                "pool",
                "One of eq, ne, gt, ge, lt and le was expected at position 5, but the expression ends there.",
            ),
            ("pool = 'a'", "One of eq, ne, gt, ge, lt and le was expected at position 6, not '='."),
            ("pol eq 'a'", "'pol' at position 1 is no property of a tunnel; 'pool' is one."),
            ("pool eq a", "A text in single quotes or null was expected at position 9, not 'a'."),
            ("pool eq 'a' pool", "'and', 'or' or the end was expected at position 13, not 'pool'."),
            ("(pool eq 'a'", "')' was expected at position 13, but the expression ends there."),
            (
                "pool eq 'a' and",
                "The name of a property was expected at position 16, but the expression ends there.",
            ),
            ("pool eq 'a", "The text at position 9 has no closing quote."),
            ("idleForInSec gt 'x'", "A whole number was expected at position 17, not the text 'x'."),
            ("idleForInSec gt 1.5", "A whole number was expected at position 17, not '1.5'."),
            (
                "openedAt gt 5",
                "A time in RFC 3339, such as 2030-01-02T03:04:05Z, was expected at position 13, not '5'.",
            ),
            (
                "clientAddress eq '10.0.0'",
                "An IP address in single quotes was expected at position 18, not the text '10.0.0'.",
            ),
            (
                "state eq 'gone'",
                "One of 'open', 'draining', 'closing' and 'closed' was expected at position 10, not the text 'gone'.",
            ),
            ("startswith(openedAt,'1')", "startswith at position 12 needs a text; 'openedAt' is none."),
            ("startswith(path '1')", "',' was expected at position 17, not the text '1'."),
            ("inNetwork(host,'10.0.0.0/8')", "'clientAddress' was expected at position 11, not 'host'."),
            (
                "inNetwork(clientAddress,'10.0.0.0/33')",
                "A network in single quotes, such as '10.0.0.0/8', was expected at position 25, not '10.0.0.0/33'.",
            ),
            (")", "The name of a property was expected at position 1, not ')'."),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), Err(expected.to_owned()), "{text}");
        }
        assert!(
            read("xyz eq 'a'")
                .unwrap_err()
                .ends_with("bytesFromBackend, messagesFromClient, messagesFromBackend.")
        );
        assert!(read(&"(".repeat(10_000)).unwrap_err().contains("at most 32 deep"));
        let many = ["pool eq 'a'"; 101].join(" or ");
        assert_eq!(read(&many).unwrap_err(), "A filter has at most 100 conditions.");
    }

    #[test]
    fn an_order_is_a_list_of_properties() {
        let by = |property, descending| OrderBy { property, descending };
        assert_eq!(read_order(""), Ok(vec![]));
        assert_eq!(
            read_order("idleForInSec desc, Host,path asc"),
            Ok(vec![by(Property::IdleFor, true), by(Property::Host, false), by(Property::Path, false)])
        );
        for (text, expected) in [
            ("host up", "',' was expected at position 6, not 'up'."),
            ("host,", "The name of a property was expected at position 6, but the expression ends there."),
            ("hots", "'hots' at position 1 is no property of a tunnel; 'host' is one."),
            ("host,host,host,host,host", "At most 4 properties can be ordered by."),
        ] {
            assert_eq!(read_order(text), Err(expected.to_owned()), "{text}");
        }
    }
}
