//! Times as text in JSON, for serde.

use super::UnixMillis;

/// Times as RFC 3339, for serde.
pub(crate) mod text {
    use jiff::tz::TimeZone;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::UnixMillis;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(crate) fn serialize<S: Serializer>(time: &UnixMillis, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(time)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<UnixMillis, D::Error> {
        let text = String::deserialize(from)?;
        UnixMillis::parse(&text, &TimeZone::UTC, UnixMillis::EPOCH).map_err(Error::custom)
    }
}

/// As [`text`], or null.
pub(crate) mod text_or_null {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{UnixMillis, text};

    #[derive(Serialize, Deserialize)]
    struct Text(#[serde(with = "text")] UnixMillis);

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(crate) fn serialize<S: Serializer>(
        time: &Option<UnixMillis>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(Text).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<UnixMillis>, D::Error> {
        Ok(Option::<Text>::deserialize(from)?.map(|Text(time)| time))
    }
}
