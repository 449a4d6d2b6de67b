//! JSON read strictly, and its canonical form.
//!
//! A signature is over the canonical form of what was read. So nothing may be read in two ways:
//! a key that stands twice in an object, a number that some readers round, are refused here,
//! before anything is verified.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The largest whole number that every JSON reader keeps exact (RFC 8259 §6): 2^53 - 1.
pub(super) const MAX_NUMBER: u64 = (1 << 53) - 1;
/// How deep values may lie in one another. Metadata of the specification need nine.
const MAX_DEPTH: u32 = 32;
/// How many values one file may hold: a small file of brackets else becomes a large tree. The
/// targets of 65,534 gateways, the most a mesh has, are under 700,000.
const MAX_VALUES: u32 = 1 << 20;

/// Reads one JSON value: UTF-8, whole numbers of at most 53 bits, no key twice, nothing after it.
pub(super) fn read(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let left = Cell::new(MAX_VALUES);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: MAX_DEPTH, left: &left }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// The canonical form of `value` (OLPC canonical JSON, as securesystemslib writes it): keys in the
/// order of their code points, no spaces, and `"` and `\` the only characters that are escaped.
pub(super) fn canonical(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (n, item) in items.iter().enumerate() {
                separate(n, out);
                write(item, out);
            }
            out.push(b']');
        }
        Value::Object(members) => {
            // Sorted here: the order of `Map` depends on features that a dependency may turn on.
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(key, _)| key.as_str());
            out.push(b'{');
            for (n, (key, member)) in members.into_iter().enumerate() {
                separate(n, out);
                write_text(key, out);
                out.push(b':');
                write(member, out);
            }
            out.push(b'}');
        }
    }
}

fn separate(n: usize, out: &mut Vec<u8>) {
    if n > 0 {
        out.push(b',');
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// Reads one value at most `depth` deep, counting `left` down.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: u32,
    left: &'a Cell<u32>,
}

impl Strict<'_> {
    /// The reader of what lies in this value.
    fn inside<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        let left = self.left.get().checked_sub(1);
        self.left.set(left.ok_or_else(|| D::Error::custom("too many values"))?);
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without fractions")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        if value > MAX_NUMBER {
            return Err(E::custom(format_args!("{value} is not below 2^53")));
        }
        Ok(Value::from(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() > MAX_NUMBER {
            return Err(E::custom(format_args!("{value} is not above -2^53")));
        }
        Ok(Value::from(value))
    }

    // Canonical JSON has no fractions. What is a float here may also be a whole number too large
    // for 64 bits, or one written with an exponent, or `-0`.
    fn visit_f64<E: Error>(self, _: f64) -> Result<Value, E> {
        Err(E::custom("a number that is not a plain whole number below 2^53"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut read = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            read.push(item);
        }
        Ok(Value::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut read = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            if read.contains_key(&key) {
                return Err(A::Error::custom(format_args!("key {key:?} stands twice")));
            }
            read.insert(key, members.next_value_seed(inside)?);
        }
        Ok(Value::Object(read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical_text(json: &str) -> String {
        String::from_utf8(canonical(&read(json.as_bytes()).unwrap())).unwrap()
    }

    /// The examples of securesystemslib's `encode_canonical`, and its rules.
    #[test]
    fn canonical_form() {
        assert_eq!(canonical_text(r#" "" "#), r#""""#);
        assert_eq!(canonical_text("[1, 2, 3]"), "[1,2,3]");
        assert_eq!(canonical_text("[ ]"), "[]");
        assert_eq!(canonical_text(r#"{"y": 2 ,"x": 3}"#), r#"{"x":3,"y":2}"#);
        assert_eq!(
            canonical_text(r#"{"A": {"b": null, "a": true}}"#),
            r#"{"A":{"a":true,"b":null}}"#
        );
        // Escapes vanish except for the two; a newline is written as it is.
        assert_eq!(canonical_text(r#""\u00e9\n\/\"\\""#), "\"é\n/\\\"\\\\\"");
        // In the order of code points, which UTF-16 does not have.
        assert_eq!(
            canonical_text(r#"{"\ud83d\ude00":1,"\uffff":2,"a":3,"B":4}"#),
            "{\"B\":4,\"a\":3,\"\u{ffff}\":2,\"😀\":1}"
        );
    }

    #[test]
    fn refuses_what_can_be_read_in_two_ways() {
        for bad in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":{"b":1,"\u0062":2}}"#,
            "1.0",
            "1e3",
            "-0",
            "9007199254740992",
            "-9007199254740992",
            "99999999999999999999999999",
            r#""\ud800""#,
            "1 2",
            "{} {}",
            "\u{feff}{}",
            "",
            "[1,]",
            "// {}",
            "NaN",
        ] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(read(b"\"\xff\"").is_err(), "not UTF-8");
        assert_eq!(canonical_text("9007199254740991"), "9007199254740991");
        assert_eq!(canonical_text("-9007199254740991"), "-9007199254740991");
    }

    #[test]
    fn refuses_what_is_too_deep_or_too_much() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(nested(32).as_bytes()).is_ok());
        assert!(read(nested(33).as_bytes()).unwrap_err().to_string().contains("too deeply"));
        let many = format!("[{}1]", "1,".repeat(1 << 20));
        assert!(read(many.as_bytes()).unwrap_err().to_string().contains("too many"));
    }
}
