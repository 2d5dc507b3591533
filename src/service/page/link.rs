//! Addresses of pages: plain parameters, each of which means what the option of that name means on
//! the command line.

use std::fmt::Write as _;

use crate::request::Parameters;

/// What goes along from page to page.
const CARRIED: [&str; 3] = ["since", "until", "tz"];

/// Those of `params` that go along from page to page.
pub(super) fn carried(params: &Parameters) -> Parameters {
    let of = |name: &str| Some((name.to_owned(), params.get(name)?.clone()));
    CARRIED.into_iter().filter_map(of).collect()
}

/// The address of `path` with `params`, changed: an empty value leaves a parameter out.
pub(super) fn link<'a>(
    path: &str,
    params: &Parameters,
    changes: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut params = params.clone();
    for (name, value) in changes {
        params.insert(name.to_owned(), value.to_owned());
    }
    let mut text = path.to_owned();
    let mut before = '?';
    for (name, value) in params.iter().filter(|(_, value)| !value.is_empty()) {
        text.push(before);
        push_encoded(&mut text, name);
        text.push('=');
        push_encoded(&mut text, value);
        before = '&';
    }
    text
}

/// Appends `text` as a part of an address.
pub(super) fn push_encoded(to: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            // What people write in addresses and times stays readable.
            b'A'..=b'Z'
            | b'a'..=b'z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'~'
            | b':'
            | b','
            | b'/' => to.push(byte.into()),
            // Writing to a string cannot fail.
            _ => drop(write!(to, "%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_the_parameters_that_are_there() {
        let params = Parameters::from([
            ("since".to_owned(), "-1d".to_owned()),
            ("where".to_owned(), "port 53 & tcp+\"é\"".to_owned()),
            ("n".to_owned(), String::new()),
        ]);
        assert_eq!(
            link("/explore", &params, [("key", "src/24,dstport"), ("since", "")]),
            "/explore?key=src/24,dstport&where=port%2053%20%26%20tcp%2B%22%C3%A9%22"
        );
        assert_eq!(link("/", &carried(&params), []), "/?since=-1d");
        assert_eq!(link("/", &Parameters::new(), []), "/");
    }
}
