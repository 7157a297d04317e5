//! Random malformed bodies: each is read and judged without a panic.

use super::*;
use crate::arm::samples::shown;

/// Pseudo-random numbers, the same in every run (xorshift).
struct Noise(u64);

impl Noise {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }

    fn junk(&mut self) -> Value {
        let choices = [
            json!(null),
            json!(true),
            json!(-1),
            json!(0),
            json!(1e308),
            json!(u64::MAX),
            json!(""),
            json!("\u{0}\u{fffd}é"),
            json!("/"),
            json!("/subscriptions//resourceGroups//providers/Microsoft.Network/applicationGateways//a/b"),
            json!(format!("{ID}/frontendPorts/p80")),
            json!("443"),
            json!("*.*.*"),
            json!("-----BEGIN CERTIFICATE-----"),
            json!([]),
            json!([null, [], {}]),
            json!({}),
            json!({ "id": null, "ID": 7, "Id": [] }),
            json!({ "name": "x", "Name": "y", "properties": { "properties": {} } }),
            whole(),
        ];
        choices[self.below(choices.len())].clone()
    }

    /// Changes a random place below `value`.
    fn spoil(&mut self, value: &mut Value) {
        let stop = self.below(6) == 0;
        match value {
            Value::Object(object) if !stop && !object.is_empty() => {
                let key = object.keys().nth(self.below(object.len())).unwrap().clone();
                match self.below(12) {
                    0 => drop(object.remove(&key)),
                    1 => drop(object.insert(key.to_uppercase(), self.junk())),
                    _ => self.spoil(&mut object[&key]),
                }
            }
            Value::Array(list) if !stop && !list.is_empty() => {
                let at = self.below(list.len());
                match self.below(8) {
                    0 => drop(list.remove(at)),
                    1 => list.push(list[at].clone()),
                    2 => list.push(self.junk()),
                    _ => self.spoil(&mut list[at]),
                }
            }
            _ => *value = self.junk(),
        }
    }
}

#[test]
fn spoilt_bodies_are_judged_and_good_ones_read_the_same_again() {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..600 {
        let mut body = defined();
        for _ in 0..=noise.below(3) {
            noise.spoil(&mut body);
        }
        let (document, violations) = Document::read(path(), &sent(body.clone()), None, NEW);
        let compiled = compile(&document, &ExternalRefs::default(), &PatternCache::default());
        if !violations.is_empty() || compiled.is_err() {
            bad += 1;
            continue;
        }
        good += 1;
        let (again, violations) = Document::read(path(), &sent(shown(&document)), Some(&document), NEW);
        assert!(violations.is_empty(), "{violations}: {body}");
        assert_eq!(again, document, "{body}");
    }
    assert!(good > 60 && bad > 60, "{good} good and {bad} bad bodies tell something");
}

#[test]
fn spoilt_children_are_judged() {
    let mut noise = Noise(42);
    let document = read(defined());
    for _ in 0..600 {
        let at = noise.below(document.children.len());
        let child = &document.children[at];
        let mut body = json!({ "name": child.name, "properties": child.properties });
        noise.spoil(&mut body);
        let (next, mut violations) = document.with_child(child.collection, &child.name, &sent(body), NEW);
        let target = next.target_of(child.collection, &child.name).unwrap();
        if let Err(found) = compile(&next, &ExternalRefs::default(), &PatternCache::default()) {
            violations.absorb(found.seen_from(&target));
        }
    }
}
