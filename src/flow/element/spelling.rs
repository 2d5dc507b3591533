//! Elements as people write them.

use super::{ElementId, REVERSE_ENTERPRISE, element_named};

/// An element by its enterprise and number, with a slash between them.
pub(crate) fn element_by_number(text: &str) -> Option<ElementId> {
    let (enterprise, number) = text.split_once('/')?;
    Some(ElementId { number: digits(number)?, enterprise: digits(enterprise)? })
}

fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// An element of IANA's by its number, or one by its name, also with `reverse` before it, and by those
/// that JSON has for elements without a name.
pub(crate) fn element_by_name(text: &str) -> Option<ElementId> {
    if let Some(number) = digits(text) {
        return Some(ElementId::iana(number).canonical());
    }
    if let Some(id) = element_named(text) {
        return Some(id);
    }
    let lower = text.to_ascii_lowercase();
    if let Some(id) = lower.strip_prefix("reverse").and_then(element_named)
        && id.enterprise == 0
    {
        return Some(ElementId { enterprise: REVERSE_ENTERPRISE, ..id });
    }
    if let Some(number) = lower.strip_prefix("element").and_then(digits) {
        return Some(ElementId::iana(number));
    }
    let (enterprise, number) = lower.strip_prefix("enterprise")?.split_once("element")?;
    Some(ElementId { number: digits(number)?, enterprise: digits(enterprise)? })
}
