//! What came of a job, as a table.

use std::fmt;

use maud::{Markup, html};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::ask::Ask;
use super::parts;

/// Results as a table: objects, whose names are those of the first.
pub(super) fn table(ask: &Ask<'_>, results: &[String]) -> Markup {
    let objects: Vec<Object> =
        results.iter().filter_map(|row| serde_json::from_str(row).ok()).collect();
    let first = objects.first();
    let names: Vec<&str> =
        first.iter().flat_map(|first| &first.0).map(|(name, _)| name.as_str()).collect();
    let table = html! {
        table class="plain" {
            thead { tr { @for name in &names { th { (name) } } } }
            tbody {
                @for Object(values) in &objects {
                    tr {
                        @for name in &names {
                            td {
                                @for (_, value) in values.iter().filter(|(key, _)| key == name) {
                                    (cell(ask, value))
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    parts::wide("Results", &table)
}

/// A JSON object, its names in their order.
struct Object(Vec<(String, serde_json::Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut values = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    values.push(entry);
                }
                Ok(Object(values))
            }
        }
        deserializer.deserialize_map(Names)
    }
}

fn cell(ask: &Ask<'_>, value: &serde_json::Value) -> Markup {
    html! {
        @match value {
            serde_json::Value::Null => "",
            serde_json::Value::String(text) => @match text.parse() {
                Ok(address) => (parts::host(ask, address)),
                Err(_) => (text),
            },
            other => (other),
        }
    }
}
