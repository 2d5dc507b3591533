//! What a browser sends for another site, and what is sent by whoever means no good.

use super::*;

#[test]
fn a_request_must_name_this_server() {
    let home = Home::with_store();
    let serving = home.serves(&["--host", "flows.example.org"]);
    let port = serving.at().port();
    for host in [
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        "LOCALHOST".to_owned(),
        "localhost.".to_owned(),
        "127.0.0.2:1".to_owned(),
        "[::1]:80".to_owned(),
        format!("Flows.Example.org:{port}"),
        "flows.example.org".to_owned(),
    ] {
        let answer = serving.get("/metrics", &[&format!("Host: {host}")]);
        assert_eq!(answer.status, 200, "{host}: {answer:?}");
    }
    // A name of somebody else's that was made to lead here.
    for host in [
        format!("evil.example:{port}"),
        "evil.example".to_owned(),
        "localhost.evil.example".to_owned(),
        "127.0.0.1.evil.example".to_owned(),
        "flows.example.org.evil.example".to_owned(),
        "93.184.216.34".to_owned(),
        format!("[2001:db8::1]:{port}"),
    ] {
        let answer = serving.get("/metrics", &[&format!("Host: {host}")]);
        answer.refuses(403, "is no name of this server; where it is one, start it with --host ");
    }
    for request in [
        "GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(),
        "GET /metrics HTTP/1.0\r\n\r\n".to_owned(),
        "GET /metrics HTTP/1.1\r\nConnection: close\r\nHost: \r\n\r\n".to_owned(),
        "GET /metrics HTTP/1.1\r\nConnection: close\r\nHost: user@localhost\r\n\r\n".to_owned(),
        "GET /metrics HTTP/1.1\r\nConnection: close\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"
            .to_owned(),
        format!(
            "GET http://evil.example/metrics HTTP/1.1\r\nConnection: close\r\n\
             Host: localhost:{port}\r\n\r\n"
        ),
    ] {
        let answer = serving.raw(request.as_bytes());
        assert_eq!(answer.status, 400, "{request}: {answer:?}");
    }
    // Who looks after the machine knows it by whatever name.
    assert_eq!(serving.get("/healthz", &["Host: 10.9.8.7:1"]).status, 200);
}

#[test]
fn what_a_browser_sends_for_another_site_is_refused() {
    let home = Home::with_store();
    let serving = home.serves(&[]);
    let port = serving.at().port();
    let own = format!("Origin: http://127.0.0.1:{port}");
    for fields in [
        &[][..],
        &[own.as_str()],
        &["Sec-Fetch-Site: same-origin"],
        &["Sec-Fetch-Site: none"],
        // A link that somebody followed.
        &[
            "Sec-Fetch-Site: cross-site",
            "Sec-Fetch-Mode: navigate",
            "Sec-Fetch-Dest: document",
            "Sec-Fetch-User: ?1",
        ],
    ] {
        assert_eq!(serving.get("/metrics", fields).status, 200, "{fields:?}");
    }
    for fields in [
        &["Origin: https://evil.example"][..],
        &["Origin: null"],
        &["Origin: http://localhost"],
        &["Origin: http://127.0.0.1:1"],
        &[&format!("Origin: http://127.0.0.1:{port}.evil.example")],
        &[&format!("Origin: file://127.0.0.1:{port}")],
        &["Sec-Fetch-Site: cross-site"],
        // Another port of this machine is another's page, too.
        &["Sec-Fetch-Site: same-site"],
        &["Sec-Fetch-Site: something-new"],
        &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"],
        &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"],
        &[own.as_str(), "Sec-Fetch-Site: cross-site"],
    ] {
        serving.get("/metrics", fields).refuses(403, "sent by a page of another site");
    }
    assert_eq!(serving.get("/metrics", &[&own, "Origin: null"]).status, 400);
    // A form of another site, which a browser sends without asking anybody.
    let form = "Content-Type: application/x-www-form-urlencoded";
    let foreign = [form, "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"];
    let body = "name=anna&password=0123456789";
    serving.send("POST", "/login", &foreign, body).refuses(403, "another site");
    let text = ["Content-Type: text/plain", "Origin: https://evil.example"];
    serving.send("POST", "/login", &text, body).refuses(403, "another site");
    // Nobody else's script may read an answer, nor show it in a frame.
    let answer = serving.get("/metrics", &[]);
    assert_eq!(answer.field("access-control-allow-origin"), None);
    let policy = answer.field("content-security-policy").unwrap();
    assert_eq!(
        policy,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    );
    assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.field("cache-control"), Some("no-store"));
}

#[test]
fn a_form_of_a_browser_without_the_token_of_its_page_is_refused() {
    let home = Home::with_store();
    let serving = home.serves(&[]);
    let own = format!("Origin: http://{}", serving.at());
    let form = "Content-Type: application/x-www-form-urlencoded";
    serving.send("POST", "/logout", &[&own, form], "x=1").refuses(403, "(csrf) is missing");
    let csrf = serving.get("/api/v1/me", &[]).json()["csrf"].as_str().unwrap().to_owned();
    let logout = |fields: &[&str], body: &str| serving.send("POST", "/logout", fields, body).status;
    assert_eq!(logout(&[&own, form], &format!("csrf={csrf}")), 303);
    assert_eq!(logout(&[&own, &format!("X-CSRF-Token: {csrf}")], ""), 303);
    assert_eq!(logout(&[&own, "X-CSRF-Token: x"], ""), 403);
    // A script sends neither.
    assert_eq!(logout(&[], ""), 303);
}

#[test]
fn nobody_but_a_proxy_that_is_named_says_who_asks() {
    let home = Home::with_store();
    let serving = home.serves(&[]);
    for field in ["Remote-User: admin", "remote-user: admin", "REMOTE-USER:"] {
        serving.get("/metrics", &[field]).refuses(403, "Remote-User is not believed of 127.0.0.1");
    }
    // It came from elsewhere, by a proxy that nobody named.
    for field in ["X-Forwarded-For: 10.0.0.1", "Forwarded: for=10.0.0.1", "Via: 1.1 nginx"] {
        serving.get("/metrics", &[field]).refuses(403, "this came through a proxy");
    }
}

#[test]
fn a_proxy_that_is_named_says_who_asks() {
    let home = Home::with_store();
    home.run(&["user", "add", "anna", "--role", "admin", "--no-password"]).ends(0, "anna is admin");
    let serving = home.serves(&["--proxy", "127.0.0.7"]);
    let from_proxy = |fields: &[&str]| serving.from("127.0.0.7", "/api/v1/me", fields);
    let who = from_proxy(&["Remote-User: anna", "X-Forwarded-For: 10.0.0.1"]).json();
    assert_eq!(
        (&who["name"], &who["role"], &who["via"]),
        (&"anna".into(), &"admin".into(), &"proxy".into())
    );
    let who = from_proxy(&["Remote-User: berta", "Authorization: Basic YTpi"]).json();
    assert_eq!((&who["name"], &who["role"]), (&"berta".into(), &"reader".into()));
    from_proxy(&["Remote-User:"]).refuses(400, "is to name one user");
    from_proxy(&["Remote-User: anna", "Remote-User: berta"]).refuses(400, "is to name one user");
    from_proxy(&["Remote-User: anna, berta"]).refuses(400, "is to name one user");
    // It is on this machine, but speaks for others.
    from_proxy(&[]).refuses(401, "this asks for a token");
    let stranger = serving.from("127.0.0.8", "/api/v1/me", &["Remote-User: anna"]);
    stranger.refuses(403, "not believed of 127.0.0.8");
    assert_eq!(serving.from("127.0.0.8", "/api/v1/me", &[]).json()["name"], "local");
}

#[test]
fn what_is_too_long_or_no_request_at_all_is_refused() {
    let home = Home::with_store();
    let serving = home.serves(&["--max-body", "1kB"]);
    let form = "Content-Type: application/x-www-form-urlencoded";
    let long = "x".repeat(2000);
    serving.send("POST", "/logout", &[form], &long).refuses(413, "may have 1000 bytes");
    let chunked = format!(
        "POST /logout HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n\r\n7d0\r\n{long}\r\n0\r\n\r\n"
    );
    serving.raw(chunked.as_bytes()).refuses(413, "may have 1000 bytes");
    let declared = "POST /logout HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                    Content-Length: 99999999999\r\n\r\n";
    serving.raw(declared.as_bytes()).refuses(413, "may have 1000 bytes");
    let status = |request: &str| serving.raw(request.as_bytes()).status;
    let many = (0..200).map(|field| format!("X-{field}: 1\r\n")).collect::<Vec<_>>().concat();
    assert_eq!(status(&format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\n{many}\r\n")), 431);
    let wide = "y".repeat(200_000);
    let wide = format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Wide: {wide}\r\n\r\n");
    let answer = serving.bytes(wide.as_bytes());
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431 "), "{answer:?}");
    assert_eq!(status("GET /metrics HTTP/1.1\r\nHost: localhost\r\nX y: 1\r\n\r\n"), 400);
    assert_eq!(status("nonsense\r\n\r\n"), 400);
    let twice = "POST /logout HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\
                 Content-Length: 2\r\n\r\nxx";
    assert_eq!(status(twice), 400);
    for path in
        ["/%2e%2e/metrics", "/../metrics", "//metrics", "/metrics/../metrics", "/metrics%00"]
    {
        assert_eq!(serving.get(path, &[]).status, 404, "{path}");
    }
    assert_eq!(serving.get("/metrics", &[]).status, 200);
}
