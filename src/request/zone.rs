//! Time zones, by the names that they were asked for.

use jiff::tz::TimeZone;

/// No place has clocks further from UTC than 14 hours; java.time stops here, too.
const MAX_OFFSET_HOURS: i32 = 18;

/// A time zone, by the name it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

impl Zone {
    /// Coordinated Universal Time.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }

    /// Reads `UTC`, `local`, an offset such as `+02:00`, or a name such as `Europe/Zurich`.
    ///
    /// # Errors
    ///
    /// What would be right, for text that names no zone.
    pub fn parse(text: &str) -> Result<Self, String> {
        let zone = match text {
            "UTC" | "utc" | "Z" => TimeZone::UTC,
            "local" => TimeZone::system(),
            _ => {
                jiff::fmt::temporal::DateTimeParser::new().parse_time_zone(text).map_err(|_| {
                    format!("{text:?} is no time zone; write UTC, local, +02:00 or Europe/Zurich")
                })?
            }
        };
        if zone
            .to_fixed_offset()
            .is_ok_and(|offset| offset.seconds().abs() > MAX_OFFSET_HOURS * 3600)
        {
            return Err(format!(
                "{text} is further from UTC than any time zone; write -{MAX_OFFSET_HOURS}:00 to \
                 +{MAX_OFFSET_HOURS}:00"
            ));
        }
        Ok(Self { name: text.to_owned(), zone })
    }

    /// Its name, as it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is UTC.
    pub fn is_utc(&self) -> bool {
        self.zone == TimeZone::UTC
    }

    /// The zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_zones_are_read_in_every_form() {
        for text in ["UTC", "local", "+02:00", "-0530", "+18:00", "-18:00"] {
            assert_eq!(Zone::parse(text).unwrap().name(), text);
        }
        assert!(Zone::parse("Mars/Olympus").unwrap_err().contains("write UTC"));
        for text in ["+25:00", "-18:01", "+2500"] {
            assert!(Zone::parse(text).unwrap_err().contains("write -18:00 to +18:00"), "{text}");
        }
    }
}
