//! The elements of a flow as the entries of a map of texts.

use serde_json::{Map, Value};

use crate::answer::elements::push_elements;

/// Names and values of the elements in `bytes`: as in JSON, with texts as they are.
pub(super) fn entries(bytes: &[u8]) -> Vec<(String, String)> {
    if bytes.is_empty() {
        return Vec::new();
    }
    let mut text = Vec::new();
    push_elements(&mut text, bytes);
    // What was just written as an object is one.
    let object: Map<String, Value> = serde_json::from_slice(&text).unwrap_or_default();
    let plain = |value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    object.into_iter().map(|(name, value)| (name, plain(value))).collect()
}
