//! JSON Schemas as files.

use schemars::Schema;
use serde_json::Value;

/// The text of a schema file. Descriptions are doc comments, whose lines end where the source
/// code's do: here a paragraph is one line, as editors want to show it.
#[must_use]
pub fn schema_text(schema: Schema) -> String {
    let mut value = Value::from(schema);
    join_lines(&mut value);
    format!("{value:#}\n")
}

fn join_lines(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                match value {
                    Value::String(text) if key == "description" => {
                        let paragraphs = text.split("\n\n").map(|part| part.replace('\n', " "));
                        *text = paragraphs.collect::<Vec<_>>().join("\n\n");
                    }
                    _ => join_lines(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(join_lines),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_is_one_line() {
        let schema = schemars::json_schema!({
            "description": "one\ntwo\n\nthree",
            "properties": { "description": { "description": "a\nb", "const": "c\nd" } },
        });
        let value: Value = serde_json::from_str(&schema_text(schema)).unwrap();
        assert_eq!(value["description"], "one two\n\nthree");
        let property = &value["properties"]["description"];
        assert_eq!((&property["description"], &property["const"]), (&"a b".into(), &"c\nd".into()));
    }
}
