//! Parts of the URLs of servers: who asks, and whom.

use std::borrow::Cow;

/// A URL as it may be shown: without who asks.
pub(crate) fn shown(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else { return url.into() };
    let authority = rest.find(['/', '?', '#']).map_or(rest, |end| &rest[..end]);
    // A password may hold a slash that nobody wrote as %2F.
    match authority.rfind('@').or_else(|| rest.rfind('@')) {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]).into(),
        None => url.into(),
    }
}

/// `USER:PASSWORD`, where `%40` stands for an at sign and so on.
pub(crate) fn user(text: &str) -> Result<(String, String), String> {
    let (user, password) = text.split_once(':').ok_or("a user without a password")?;
    let decoded = |part| unescaped(part).ok_or("a % without the two digits of a byte behind it");
    Ok((decoded(user)?, decoded(password)?))
}

fn unescaped(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

/// `host`, of a server that is called `what`, with the port that it means.
pub(crate) fn node(what: &str, host: &str, default_port: u16) -> Result<String, String> {
    let after_brackets = host.rsplit_once(']').map_or(host, |(_, rest)| rest);
    let (name, port) = match after_brackets.rsplit_once(':') {
        Some((_, port)) => (&host[..host.len() - port.len() - 1], Some(port)),
        None => (host, None),
    };
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || ".-_:[]".contains(letter);
    if name.is_empty() || !name.chars().all(is_letter) {
        return Err(format!("{what} has no name, or one that is none"));
    }
    if name.contains(':') && !name.starts_with('[') {
        return Err(format!("{host}: an IPv6 address goes in brackets: [::1]:{default_port}"));
    }
    let port = match port {
        Some(port) => port
            .parse()
            .ok()
            .filter(|&port| port > 0)
            .ok_or_else(|| format!("{port:?} is no port; ports are numbers from 1 to 65535"))?,
        None => default_port,
    };
    Ok(format!("{name}:{port}"))
}
