//! The elements of a flow as the entries of a map of texts.

use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::Value;

use crate::answer::elements::push_elements;

/// Names and values of the elements in `bytes`, in their order: as in JSON, with texts as they are.
pub(super) fn entries(bytes: &[u8]) -> Vec<(String, String)> {
    if bytes.is_empty() {
        return Vec::new();
    }
    let mut text = Vec::new();
    push_elements(&mut text, bytes);
    // What was just written as an object is one.
    serde_json::Deserializer::from_slice(&text).deserialize_map(Entries).unwrap_or_default()
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<(String, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("elements by their names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((name, value)) = members.next_entry::<String, Value>()? {
            let plain = match value {
                Value::String(text) => text,
                other => other.to_string(),
            };
            entries.push((name, plain));
        }
        Ok(entries)
    }
}
