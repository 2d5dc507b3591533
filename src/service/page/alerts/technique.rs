//! Techniques of MITRE ATT&CK, by number.

use maud::{Markup, html};

/// What ATT&CK calls a technique, of those that detections have.
const fn name(number: &str) -> Option<&'static str> {
    Some(match number.as_bytes() {
        b"T1021" => "Remote Services",
        b"T1046" => "Network Service Discovery",
        b"T1048" => "Exfiltration Over Alternative Protocol",
        b"T1071" => "Application Layer Protocol",
        b"T1489" => "Service Stop",
        b"T1498" => "Network Denial of Service",
        _ => return None,
    })
}

/// A technique, which leads to what ATT&CK says of it.
pub(super) fn technique(number: &str) -> Markup {
    let is_number = number.strip_prefix('T').is_some_and(|digits| {
        !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
    });
    html! {
        @if is_number {
            a rel="noreferrer" href={"https://attack.mitre.org/techniques/" (number) "/"} { (number) }
        } @else { (number) }
        @if let Some(name) = name(number) { " " (name) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Kind;

    #[test]
    fn the_technique_of_every_kind_has_a_name() {
        for kind in Kind::ALL {
            assert!(name(kind.attack()).is_some(), "{kind}");
        }
        let odd = technique("T1071/../<b>").into_string();
        assert_eq!(odd, "T1071/../&lt;b&gt;");
    }
}
