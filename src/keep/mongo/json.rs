//! JSON objects as documents, and back. Numbers beyond 63 bits are decimals there.

use std::fmt;

use mongodb::bson::{Bson, Decimal128, Document};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// What is in the database is not what was written, or cannot be there.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotKept(String);

impl NotKept {
    pub(crate) fn because(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// The document of an object.
pub(crate) fn read(json: &str) -> Result<Document, NotKept> {
    match serde_json::from_str(json) {
        Ok(Read(Bson::Document(document))) => Ok(document),
        Ok(_) => Err(NotKept("it is no JSON object".to_owned())),
        Err(error) => Err(NotKept::because(error)),
    }
}

/// The object of a document, whose dates are numbers of milliseconds.
pub(crate) fn written(document: &Document) -> Result<String, NotKept> {
    serde_json::to_string(&WrittenFields(document)).map_err(NotKept::because)
}

/// A value that is read from JSON, the fields of objects in their order.
struct Read(Bson);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ReadVisitor).map(Self)
    }
}

struct ReadVisitor;

impl<'de> Visitor<'de> for ReadVisitor {
    type Value = Bson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Bson, E> {
        Ok(Bson::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Bson, E> {
        Ok(Bson::Boolean(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Bson, E> {
        Ok(Bson::Int64(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Bson, E> {
        match i64::try_from(value) {
            Ok(value) => Ok(Bson::Int64(value)),
            Err(_) => {
                value.to_string().parse::<Decimal128>().map(Bson::Decimal128).map_err(E::custom)
            }
        }
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Bson, E> {
        Ok(Bson::Double(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Bson, E> {
        Ok(Bson::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Bson, A::Error> {
        let mut values = Vec::new();
        while let Some(Read(value)) = from.next_element()? {
            values.push(value);
        }
        Ok(Bson::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Bson, A::Error> {
        let mut document = Document::new();
        while let Some((name, Read(value))) = from.next_entry::<String, Read>()? {
            document.insert(name, value);
        }
        Ok(Bson::Document(document))
    }
}

/// A value that is written as JSON.
struct Written<'a>(&'a Bson);

struct WrittenFields<'a>(&'a Document);

impl Serialize for WrittenFields<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = to.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            fields.serialize_entry(name, &Written(value))?;
        }
        fields.end()
    }
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Bson::Null => to.serialize_unit(),
            Bson::Boolean(value) => to.serialize_bool(*value),
            Bson::Int32(value) => to.serialize_i32(*value),
            Bson::Int64(value) => to.serialize_i64(*value),
            Bson::Double(value) => to.serialize_f64(*value),
            Bson::String(value) => to.serialize_str(value),
            Bson::DateTime(value) => to.serialize_i64(value.timestamp_millis()),
            Bson::Array(values) => to.collect_seq(values.iter().map(Written)),
            Bson::Document(document) => WrittenFields(document).serialize(to),
            // Others wrote what is neither.
            other => match other.to_string().trim_matches('"').parse() {
                Ok(number) => to.serialize_u64(number),
                Err(_) => to.serialize_str(&other.to_string()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_a_document_and_comes_back_in_its_order() {
        let text = "{\"z\":1,\"a\":18446744073709551615,\"list\":[null,true,-1.5,{\"x\":\"ü\"}]}";
        let document = read(text).unwrap();
        assert_eq!(document.keys().collect::<Vec<_>>(), ["z", "a", "list"]);
        assert!(matches!(document.get("a"), Some(Bson::Decimal128(_))), "{document}");
        assert_eq!(written(&document).unwrap(), text);
        for no_object in ["", "1", "[]", "{", "{\"a\":1}x"] {
            assert!(read(no_object).is_err(), "{no_object}");
        }
    }
}
