//! Dates: written with milliseconds and `Z`, because one vendor client cannot read any other form.

use serde::{Deserialize, Deserializer, Serializer, de};

use crate::Timestamp;

pub(crate) fn serialize<S: Serializer>(date: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(date)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    let moment: jiff::Timestamp = text.parse().map_err(de::Error::custom)?;
    u64::try_from(moment.as_millisecond())
        .map(Timestamp)
        .map_err(de::Error::custom)
}

/// Dates that may be missing.
pub(crate) mod option {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        date: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match date {
            Some(date) => super::serialize(date, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        #[derive(Deserialize)]
        struct Date(#[serde(with = "super")] Timestamp);
        Ok(Option::<Date>::deserialize(deserializer)?.map(|date| date.0))
    }
}
