//! What a browser sends for another site is none of ours.
//!
//! A page of another site can have a browser on this machine, or of somebody who has logged in,
//! send requests here. Three things tell them apart: `Host` names whom the browser believes to talk
//! to, so a name that was made to lead here (DNS rebinding) shows; `Origin` and `Sec-Fetch-Site`
//! name for whom it asks. Programs send neither of the last two.

use std::net::{IpAddr, SocketAddr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Method, Uri, header};

use crate::flow::canonical;
use crate::service::problem::Problem;

/// Checks for whom a request is; `local` is our address that it came to, encrypted or not, `hosts`
/// our names.
///
/// # Errors
///
/// [`Problem`] if it is for another site.
pub(super) fn check(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    (local, encrypted): (SocketAddr, bool),
    hosts: &[String],
) -> Result<(), Problem> {
    let host = named(uri, headers)?;
    if !is_ours(&host, local.ip(), hosts) {
        let name = host.host();
        return Err(Problem::forbidden(format!(
            "{name:?} is no name of this server; where it is one, start it with --host {name}"
        )));
    }
    let from_elsewhere = |what: &str| {
        Problem::forbidden(format!("this was sent by a page of another site ({what})"))
    };
    match one(headers, &header::ORIGIN)? {
        Some(origin) if !is_same(origin, &host, encrypted) => return Err(from_elsewhere(origin)),
        _ => {}
    }
    let fetch = |name: &'static str| one(headers, &HeaderName::from_static(name));
    match fetch("sec-fetch-site")? {
        None | Some("same-origin" | "none") => Ok(()),
        // Somebody followed a link, and the page that has it learns nothing of the answer.
        Some(_)
            if method.is_safe()
                && fetch("sec-fetch-mode")? == Some("navigate")
                && fetch("sec-fetch-dest")? == Some("document")
                && fetch("sec-fetch-user")? == Some("?1") =>
        {
            Ok(())
        }
        Some(site) => Err(from_elsewhere(site)),
    }
}

/// Whom the client believes to talk to.
fn named(uri: &Uri, headers: &HeaderMap) -> Result<Authority, Problem> {
    let wrong = || Problem::bad_request("a request names its host once, in the field Host");
    let host = one(headers, &header::HOST)?.ok_or_else(wrong)?;
    let host: Authority = host.parse().map_err(|_| wrong())?;
    // What a proxy would be told must not differ.
    if host.as_str().contains('@') || uri.authority().is_some_and(|named| *named != host) {
        return Err(wrong());
    }
    Ok(host)
}

/// The value of a field that must not come twice.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map(|value| value.to_str());
    match (first, values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(value)), None) => Ok(Some(value)),
        _ => Err(Problem::bad_request(format!("the field {name} comes twice, or is no text"))),
    }
}

fn is_ours(host: &Authority, local: IpAddr, hosts: &[String]) -> bool {
    let name = host.host().trim_end_matches('.');
    let address = name.trim_start_matches('[').trim_end_matches(']').parse().map(canonical);
    match address {
        // A name can be made to lead anywhere, an address cannot.
        Ok(address) => {
            address == canonical(local)
                || address.is_loopback() && canonical(local).is_loopback()
                || hosts.iter().any(|host| host.parse().map(canonical) == Ok(address))
        }
        Err(_) => {
            name.eq_ignore_ascii_case("localhost")
                || hosts.iter().any(|host| name.eq_ignore_ascii_case(host))
        }
    }
}

/// Whether an origin is the host that the request is sent to. What is not encrypted here may be so
/// before a proxy.
fn is_same(origin: &str, host: &Authority, encrypted: bool) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let usual = match scheme {
        "http" if !encrypted => 80,
        "https" => 443,
        _ => return false,
    };
    let Ok(origin) = authority.parse::<Authority>() else { return false };
    let port = |authority: &Authority| authority.port_u16().unwrap_or(usual);
    origin.host().eq_ignore_ascii_case(host.host()) && port(&origin) == port(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_ours_by_its_scheme_too() {
        let host = "flows.example.org".parse().unwrap();
        for (origin, plain, encrypted) in [
            ("http://flows.example.org", true, false),
            ("https://flows.example.org", true, true),
            ("https://flows.example.org:443", true, true),
            ("http://flows.example.org:443", false, false),
            ("file://flows.example.org", false, false),
        ] {
            assert_eq!(is_same(origin, &host, false), plain, "{origin}");
            assert_eq!(is_same(origin, &host, true), encrypted, "{origin}, encrypted");
        }
    }
}
