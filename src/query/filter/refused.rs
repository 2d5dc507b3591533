//! Words of nfdump's language that ask for what a store cannot know.

/// Why `keyword`, in small letters, cannot be asked for, and what to write instead.
pub(super) fn refused(keyword: &str) -> Option<(&'static str, &'static str)> {
    Some(match keyword {
        "ident" => (
            "a store has no ident: that is a label of nfdump's files",
            "write router ip ADDRESS, or observation domain id N",
        ),
        "count" | "cnt" => (
            "the flows of a store are not numbered",
            "leave it out, and take the first ones with --limit N",
        ),
        "id" | "sysid" => (
            "exporters have no numbers here: those are nfdump's own",
            "write router ip ADDRESS, or observation domain id N",
        ),
        "payload" | "content" | "ja3" | "ja4" | "dns" | "ssl" | "tls" => {
            ("what packets carry is no part of a flow's export", "filter by addresses and ports")
        }
        "tun" | "tunnel" | "inner" => (
            "of two packets in each other, the outer one is the flow",
            "write src ip and so on for the outer one; element 0/8, 0/12, 0/27 and 0/28 for the \
             addresses of the inner one",
        ),
        "client" | "server" | "latency" => (
            "latencies of clients and servers are nProbe's, and not known by a number of IANA's",
            "write element ENTERPRISE/NUMBER = N if an exporter sends them",
        ),
        "pblock" => (
            "port blocks of a NAT are asked for by their elements",
            "write element portRangeStart <= N and element portRangeEnd >= N",
        ),
        "acl" | "pf" => (
            "rules of firewalls are not kept in a form that can be compared",
            "write element ENTERPRISE/NUMBER = N if it is a number",
        ),
        "nbar" | "application" => {
            ("applications are asked for by their element", "write element applicationId = N")
        }
        "received" => {
            ("when a flow was received is not kept", "write first seen > TIME, or last seen > TIME")
        }
        _ => return None,
    })
}
