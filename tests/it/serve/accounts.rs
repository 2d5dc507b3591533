//! Tokens and users, made and taken away beside a server that runs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use serde_json::Value;

use super::*;

impl Home {
    /// A new token of this name and role.
    pub(super) fn token(&self, name: &str, role: &str) -> String {
        let made = self.run(&["token", "add", name, "--role", role]).succeeds();
        made.stdout.trim().to_owned()
    }

    /// A user with a password that is read from standard input.
    fn user(&self, name: &str, role: &str, password: &str) {
        let mut child = self
            .command(&["user", "add", name, "--role", role])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        writeln!(child.stdin.take().unwrap(), "{password}").unwrap();
        assert!(child.wait().unwrap().success());
    }
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

/// What answers whoever asks.
const OPEN: [&str; 4] = ["/login", "/logout", "/scheme", "/assets/{version}/{name}"];

/// Every method that a route may answer.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "PATCH"];

#[test]
fn no_route_forgets_to_look_who_asks() {
    use earlgrey_hbase::service::auth::Role;
    use earlgrey_hbase::service::routes::Least;

    let home = Home::with_store();
    let tokens = Role::ALL.map(|role| (role, home.token(role.name(), role.name())));
    let revoked = home.token("gone", "admin");
    home.run(&["token", "revoke", "gone"]).ends(0, "gone is revoked");
    let serving = home.serves(&["--local-role", "none"]);
    let routes = earlgrey_hbase::service::routes();
    // Where a path asks for several roles, reading asks for the least and changing for the most.
    let mut paths: BTreeMap<&str, Vec<Role>> = BTreeMap::new();
    for (path, least) in routes.listed() {
        match least {
            Least::Role(role) => paths.entry(path).or_default().push(*role),
            Least::Anybody => assert!(OPEN.contains(&path.as_str()), "{path} is for everybody"),
        }
    }
    assert!(paths.len() >= 20, "{paths:?}");
    for (path, roles) in paths {
        let (reads, changes) = (roles.iter().min().unwrap(), roles.iter().max().unwrap());
        let parts = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
        let asked = parts.collect::<Vec<_>>().join("/");
        let mut answered = 0;
        for method in METHODS {
            let status = |fields: &[&str]| serving.send(method, &asked, fields, "").status;
            let without = status(&[]);
            if without == 405 {
                continue;
            }
            answered += 1;
            assert_eq!(without, 401, "{method} {path} without a token");
            assert_eq!(status(&[&bearer(&revoked)]), 401, "{method} {path} with a revoked token");
            let least = if method == "GET" { reads } else { changes };
            for (role, token) in &tokens {
                if role < least {
                    let weak = status(&[&bearer(token)]);
                    assert!(weak == 403 || weak == 405, "{method} {path} as {role}: {weak}");
                }
            }
        }
        assert!(answered > 0, "{path} answers no method");
    }
}

#[test]
fn a_token_lets_in_until_it_is_over_or_revoked() {
    let home = Home::with_store();
    let made = home.run(&["token", "add", "grafana"]).ends(0, "it is not shown again");
    let token = made.stdout.trim().to_owned();
    assert!(token.starts_with("egh_") && token.len() == 44, "{token}");
    let file = home.path("data/earlgrey-hbase/serve/accounts.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = fs::read_to_string(&file).unwrap();
    assert!(kept.contains("$argon2id$") && !kept.contains(&token[12..]), "{kept}");
    home.run(&["token", "add", "grafana"]).ends(1, "there is a token \"grafana\" already");
    home.run(&["token", "add", "a b"]).ends(1, "is no name");
    home.run(&["token", "add", "x", "--role", "king"]).ends(2, "write reader, analyst or admin");
    home.run(&["token", "add", "x", "--expires", "soon"]).ends(2, "is no span of time");
    home.run(&["token", "revoke", "x"]).ends(2, "there is no token \"x\"");
    let listed = home.run(&["token", "list", "-o", "json"]).succeeds().json();
    assert_eq!((&listed[0]["name"], &listed[0]["expires"]), (&"grafana".into(), &Value::Null));
    assert!(!home.run(&["token", "list"]).succeeds().stdout.contains("argon2"));

    let serving = home.serves(&["--local-role", "none"]);
    let who = |token: &str| serving.get("/api/v1/me", &[&bearer(token)]);
    let me = who(&token).json();
    assert_eq!((&me["name"], &me["via"]), (&"grafana".into(), &"token".into()));
    assert_eq!(me["csrf"], Value::Null);
    assert_eq!(serving.get("/api/v1/me", &[&format!("authorization: bearer {token}")]).status, 200);
    let refused = serving.get("/api/v1/me", &[]);
    refused.refuses(401, "this asks for a token");
    assert_eq!(refused.field("www-authenticate"), Some("Bearer realm=\"earlgrey-hbase\""));
    for wrong in [
        bearer(&token[..43]),
        bearer(&format!("{token}x")),
        bearer("egh_"),
        bearer("egh_é"),
        bearer(""),
        format!("Authorization: Basic {token}"),
        format!("Authorization: {token}"),
    ] {
        assert_eq!(serving.get("/api/v1/me", &[&wrong]).status, 401, "{wrong}");
    }
    let twice = [bearer(&token), bearer(&token)];
    assert_eq!(serving.get("/api/v1/me", &[&twice[0], &twice[1]]).status, 401);

    // Made, over and revoked while the server runs.
    let brief = home.run(&["token", "add", "brief", "--expires", "5s"]).succeeds();
    assert_eq!(who(brief.stdout.trim()).status, 200);
    until("over", || who(brief.stdout.trim()).status == 401);
    assert!(home.run(&["token", "list"]).succeeds().stdout.contains(" (over)"));
    home.run(&["token", "revoke", "grafana"]).succeeds();
    who(&token).refuses(401, "is over or revoked");
    // Where the accounts cannot be read, nobody has one.
    let admin = home.token("admin", "admin");
    assert_eq!(who(&admin).status, 200);
    fs::write(&file, "{").unwrap();
    assert_eq!(who(&admin).status, 401);
    until("told", || serving.said().contains("nobody is let in"));
}

#[test]
fn whoever_guesses_secrets_has_to_wait_and_others_have_not() {
    let home = Home::with_store();
    let token = home.token("grafana", "reader");
    let serving = home.serves(&["--local-role", "none"]);
    let who = |token: &str| serving.get("/api/v1/me", &[&bearer(token)]);
    assert_eq!(who(&token).status, 200);
    let guess = format!("{}{}", &token[..12], "x".repeat(32));
    let mut statuses: Vec<u16> = (0..60).map(|_| who(&guess).status).collect();
    statuses.dedup();
    assert_eq!(statuses[..2], [401, 429], "{statuses:?}");
    assert!(who(&guess).field("retry-after").is_some());
    // Who proved his token before is not held up.
    assert_eq!(who(&token).status, 200);
}

#[test]
fn a_user_logs_in_with_a_browser() {
    let home = Home::with_store();
    home.user("anna", "analyst", "correct horse battery");
    home.run(&["user", "add", "berta"]).ends(2, "a password has at least 10 characters");
    let listed = home.run(&["user", "list", "-o", "json"]).succeeds().json();
    assert_eq!((&listed[0]["name"], &listed[0]["password"]), (&"anna".into(), &true.into()));
    let serving = home.serves(&["--local-role", "none"]);
    let browser = "Accept: text/html,application/xhtml+xml";
    let answer = serving.get("/metrics?a=b&c=%20d", &[browser]);
    let to = answer.field("location");
    assert_eq!((answer.status, to), (303, Some("/login?next=%2Fmetrics%3Fa%3Db%26c%3D%2520d")));
    let answer = serving.get(to.unwrap(), &[browser]);
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("value=\"/metrics?a=b&amp;c=%20d\""), "{answer:?}");

    let form = "Content-Type: application/x-www-form-urlencoded";
    let log_in = |body: &str| serving.send("POST", "/login", &[form], body);
    for wrong in ["name=anna&password=wrong", "name=nobody&password=correct+horse+battery"] {
        let answer = log_in(wrong);
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(answer.body.contains("The name or the password is wrong."), "{answer:?}");
        assert_eq!(answer.field("set-cookie"), None);
    }
    let right = "name=anna&password=correct+horse+battery&next=";
    for (next, to) in [
        ("%2Fmetrics%3Fa%3Db", "/metrics?a=b"),
        ("", "/"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/%5Cevil.example", "/"),
        ("/%0D%0ASet-Cookie:%20x=y", "/"),
    ] {
        let answer = log_in(&format!("{right}{next}"));
        assert_eq!((answer.status, answer.field("location")), (303, Some(to)), "{next}");
    }
    let answer = log_in(right);
    let set = answer.field("set-cookie").unwrap().to_owned();
    let (cookie, attributes) = set.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; Max-Age=604800; HttpOnly; SameSite=Lax");
    let cookie = format!("Cookie: theme=dark; {cookie}");
    let me = serving.get("/api/v1/me", &[&cookie]).json();
    assert_eq!(
        (&me["name"], &me["role"], &me["via"]),
        (&"anna".into(), &"analyst".into(), &"session".into())
    );
    // What changes something carries the session's own token, whoever sends it.
    let csrf = me["csrf"].as_str().unwrap();
    let log_out = |body: &str| serving.send("POST", "/logout", &[&cookie, form], body);
    log_out("").refuses(403, "(csrf) is missing");
    log_out("csrf=guess").refuses(403, "(csrf) is missing");
    assert_eq!(log_out(&format!("csrf={csrf}")).status, 303);
    assert_eq!(serving.get("/api/v1/me", &[&cookie]).status, 401);

    // Whoever is changed or removed is out at once.
    let session = |body: &str| {
        let set = log_in(body).field("set-cookie").unwrap().to_owned();
        format!("Cookie: {}", set.split_once(';').unwrap().0)
    };
    let first = session(right);
    assert_eq!(serving.get("/api/v1/me", &[&first]).status, 200);
    home.user("anna", "admin", "another long password");
    assert_eq!(serving.get("/api/v1/me", &[&first]).status, 401);
    let second = session("name=anna&password=another+long+password");
    assert_eq!(serving.get("/api/v1/me", &[&second]).json()["role"], "admin");
    home.run(&["user", "remove", "anna"]).ends(0, "anna is removed");
    assert_eq!(serving.get("/api/v1/me", &[&second]).status, 401);
    // A token does for a login, too, and as long as it holds.
    let token = home.token("wall", "reader");
    let third = session(&format!("password={token}"));
    assert_eq!(serving.get("/api/v1/me", &[&third]).json()["name"], "wall");
    home.run(&["token", "revoke", "wall"]).succeeds();
    assert_eq!(serving.get("/api/v1/me", &[&third]).status, 401);
}
