//! Times in documents: texts of RFC 3339 in UTC.

use jiff::Timestamp;
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::Serializer;

use crate::flow::UnixMillis;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it is called by what serde generates")]
pub(super) fn serialize<S: Serializer>(time: &UnixMillis, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(time)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<UnixMillis, D::Error> {
    read(&String::deserialize(from)?).map_err(de::Error::custom)
}

fn read(text: &str) -> Result<UnixMillis, String> {
    let time: Timestamp = text.parse().map_err(|_| format!("{text:?} is no time"))?;
    u64::try_from(time.as_millisecond())
        .map(UnixMillis)
        .map_err(|_| format!("{text:?} is before 1970"))
}

/// Times that may be missing.
pub(super) mod maybe {
    use super::{Deserialize, Deserializer, Serializer, UnixMillis, de, read};

    #[expect(clippy::ref_option, reason = "it is called by what serde generates")]
    pub(in crate::alert) fn serialize<S: Serializer>(
        time: &Option<UnixMillis>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => to.collect_str(time),
            None => to.serialize_none(),
        }
    }

    pub(in crate::alert) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<UnixMillis>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.as_deref().map(read).transpose().map_err(de::Error::custom)
    }
}
