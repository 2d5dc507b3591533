//! What only admins may do: old flows go, tokens are made and revoked, loads are started.

use serde_json::{Value, json};

use super::api::with_flows;
use super::*;

const JSON: &str = "Content-Type: application/json";
const PLAIN: &str = "Content-Type: text/plain";

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

#[test]
fn an_admin_makes_and_revokes_tokens() {
    let home = Home::with_store();
    let serving = home.serves(&["--local-role", "admin"]);
    let order = |body: &Value| serving.send("POST", "/api/v1/tokens", &[JSON], &body.to_string());
    let made = order(&json!({"name": "wall", "role": "analyst", "expires": "90d"}));
    assert_eq!(made.status, 201, "{made:?}");
    let token = made.json()["token"].as_str().unwrap().to_owned();
    let me = || serving.get("/api/v1/me", &[&bearer(&token)]);
    assert_eq!(me().json()["role"], "analyst");
    // The command and the route tell the same.
    let listed = home.run(&["token", "list", "-o", "json"]).succeeds().json();
    assert_eq!(serving.get("/api/v1/tokens", &[]).json(), listed);
    assert!(!serving.get("/api/v1/tokens", &[]).body.contains(&token[12..]));
    order(&json!({"name": "wall"})).refuses(409, "there is a token \"wall\" already");
    order(&json!({"name": "local"})).refuses(409, "local is who asks from this machine");
    order(&json!({"name": "x", "expires": "soon"})).refuses(400, "is no span of time");
    assert_eq!(order(&json!({"name": "x", "role": "king"})).status, 422);
    let revoke = || serving.send("DELETE", "/api/v1/tokens/wall", &[], "");
    assert_eq!(revoke().status, 204);
    revoke().refuses(409, "there is no token \"wall\"");
    assert_eq!(me().status, 401);
    // A page of a browser must show that it is ours.
    let own = format!("Origin: http://{}", serving.at());
    serving.send("DELETE", "/api/v1/tokens/x", &[&own], "").refuses(403, "(csrf) is missing");
}

#[test]
fn an_admin_has_lists_watched_for_and_everybody_sees_what_is_hit() {
    let home = with_flows();
    let list = "# half of all\n128.0.0.0/1\n0.0.0.0/1\n";
    {
        let serving = home.serves(&[]);
        let refused = serving.send("PUT", "/api/v1/watch/halves", &[PLAIN], list);
        refused.refuses(403, "local is analyst, and this asks for admin");
        assert_eq!(serving.get("/api/v1/watch", &[]).json(), json!([]));
    }
    let serving = home.serves(&["--local-role", "admin"]);
    let put = |path: &str, list: &str| serving.send("PUT", path, &[PLAIN], list);
    let made = put("/api/v1/watch/halves", list);
    assert_eq!((made.status, &made.json()["indicators"]), (200, &json!(2)), "{made:?}");
    // The command and the route tell the same.
    let told = |arguments: &[&str]| home.run(arguments).succeeds().json();
    let listed = serving.get("/api/v1/watch", &[]).json();
    assert_eq!(listed, told(&["watch", "list", "-o", "json"]));
    let hits = serving.get("/api/v1/watch/halves", &[]).json();
    assert_eq!(hits, told(&["watch", "show", "halves", "-o", "json"]));
    assert_eq!(hits[0]["listed"], true);
    put("/api/v1/watch/none", "example.org").refuses(400, "no address in it");
    put("/api/v1/watch/a%20b", list).refuses(400, "is no name of a watch list");
    put("/api/v1/watch/x?format=pdf", list).refuses(400, "format");
    put("/api/v1/watch/x?column=ip", list).refuses(400, "no column ip");
    let remove = || serving.send("DELETE", "/api/v1/watch/halves", &[], "");
    assert_eq!(remove().status, 204);
    remove().refuses(404, "there is no watch list halves");
    serving.get("/api/v1/watch/halves", &[]).refuses(404, "there is no watch list halves");
}

#[test]
fn lists_are_added_and_removed_on_pages_by_those_who_may() {
    const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
    const HTML: &str = "Accept: text/html";
    let home = with_flows();
    let body = "name=halves&file=/tmp/halves.txt&list=128.0.0.0/1%0A0.0.0.0/1%0A";
    {
        let serving = home.serves(&[]);
        let refused = serving.send("POST", "/watch", &[FORM], body);
        refused.refuses(403, "local is analyst, and this asks for admin");
        let page = serving.get("/watch", &[HTML]).body;
        assert!(page.contains("Nothing is watched for") && !page.contains("Add a list"));
    }
    let serving = home.serves(&["--local-role", "admin"]);
    assert!(serving.get("/watch", &[HTML]).body.contains("Add a list"));
    let added = serving.send("POST", "/watch", &[FORM], body);
    assert_eq!((added.status, added.field("location")), (303, Some("/watch/halves")));
    let listed = serving.get("/api/v1/watch", &[]).json();
    assert_eq!((&listed[0]["file"], &listed[0]["indicators"]), (&json!("halves.txt"), &json!(2)));
    let page = serving.get("/watch/halves", &[HTML]).body;
    let hits = serving.get("/api/v1/watch/halves", &[]).json();
    for hit in hits.as_array().unwrap() {
        let indicator = hit["indicator"].as_str().unwrap();
        assert!(
            page.contains(&format!("/explore?address={indicator}\">{indicator}</a>")),
            "{page}"
        );
        let other = hit["others"][0]["address"].as_str().unwrap();
        assert!(page.contains(&format!("/host/{other}\">{other}</a>")), "{page}");
    }
    assert!(serving.get("/watch", &[HTML]).body.contains("/watch/halves\">halves</a>"));
    let wrong = serving.send("POST", "/watch", &[FORM, HTML], "name=x&list=example.org");
    assert!(wrong.status == 400 && wrong.body.contains("no address in it"), "{wrong:?}");
    let removed = serving.send("POST", "/watch/halves/remove", &[FORM], "");
    assert_eq!((removed.status, removed.field("location")), (303, Some("/watch")));
    assert_eq!(serving.get("/watch/halves", &[HTML]).status, 404);
    serving.send("POST", "/watch/halves/remove", &[FORM], "").refuses(404, "no watch list halves");
}

#[test]
fn a_body_may_be_as_long_as_is_said_on_every_route() {
    let home = with_flows();
    let serving = home.serves(&["--local-role", "admin", "--max-body", "6MB"]);
    // Frameworks have a limit of their own of 2 MiB.
    let list: String = (0..200_000_u32)
        .map(|host| std::net::Ipv4Addr::from(host << 8).to_string() + "\n")
        .collect();
    assert!(list.len() > 2 << 20, "{}", list.len());
    let added = serving.send("PUT", "/api/v1/watch/long", &[PLAIN], &list);
    assert_eq!((added.status, &added.json()["indicators"]), (200, &json!(200_000)));
    let pad = " ".repeat(3 << 20);
    let order = format!("{{\"name\": \"x\", \"type\": \"FlowQuery\"{pad}");
    let told = serving.send("POST", "/Jobs", &[JSON], &order);
    assert!(told.status == 400 && told.body.contains("EOF while parsing"), "{told:?}");
    serving.send("POST", "/Jobs", &[JSON], &(order + &pad)).refuses(413, "6000000 bytes");
}

#[test]
fn an_admin_deletes_old_flows() {
    let home = with_flows();
    let all = home.run(&["query", "--where", "any", "-o", "json"]).succeeds().json();
    let mut times: Vec<&str> =
        all.as_array().unwrap().iter().map(|flow| flow["time"].as_str().unwrap()).collect();
    times.sort_unstable();
    let before = times[times.len() / 2];
    let going = times.iter().filter(|&&time| time < before).count();
    let body = |dry_run: bool| json!({"before": before, "dryRun": dry_run}).to_string();
    {
        let serving = home.serves(&[]);
        let refused = serving.send("POST", "/api/v1/expire", &[JSON], &body(false));
        refused.refuses(403, "local is analyst, and this asks for admin");
    }
    let serving = home.serves(&["--local-role", "admin"]);
    let expire = |body: &str| serving.send("POST", "/api/v1/expire", &[JSON], body);
    let would = expire(&body(true));
    assert_eq!(would.json()["flows"], going, "{would:?}");
    let count = || home.run(&["query", "--where", "any", "--count"]).succeeds().stdout;
    assert_eq!(count().trim(), times.len().to_string());
    let done = expire(&body(false)).json();
    assert_eq!((&done["flows"], &done["dryRun"]), (&json!(going), &json!(false)));
    assert_eq!(count().trim(), (times.len() - going).to_string());
    expire("{\"before\":\"soon\"}").refuses(400, "is no time");
    assert_eq!(expire("{}").status, 422);
}

#[test]
fn whose_role_was_taken_away_starts_no_load() {
    let home = with_flows();
    std::fs::create_dir(home.path("captures")).unwrap();
    std::fs::copy(home.path("flows.pcap"), home.path("captures/a.pcap")).unwrap();
    let folder = home.path("captures").to_str().unwrap().to_owned();
    let loads = ["--load-folder", &*folder, "--local-role"];
    let order = json!({"type": "Load", "parameters": {"path": "a.pcap"}, "start": false});
    let id = {
        let serving = home.serves(&[&loads[..], &["admin"]].concat());
        let made = serving.send("POST", "/api/v1/jobs", &[JSON], &order.to_string());
        made.json()["id"].as_str().unwrap().to_owned()
    };
    let serving = home.serves(&[&loads[..], &["analyst"]].concat());
    for (method, path) in
        [("POST", format!("/api/v1/jobs/{id}/start")), ("POST", format!("/jobs/{id}/start"))]
    {
        serving.send(method, &path, &[], "").refuses(403, "only an admin may load");
    }
    let put = serving.send("PUT", &format!("/Jobs/{id}?action=start"), &[], "");
    assert_eq!(put.status, 403, "{put:?}");
    assert_eq!(serving.get(&format!("/api/v1/jobs/{id}"), &[]).json()["status"], "Created");
    assert_eq!(serving.send("DELETE", &format!("/api/v1/jobs/{id}"), &[], "").status, 204);
}

#[test]
fn what_a_token_makes_is_not_of_the_user_of_that_name() {
    let home = with_flows();
    let token = home.token("anna", "analyst");
    home.run(&["user", "add", "anna", "--role", "analyst", "--no-password"]).succeeds();
    let serving = home.serves(&["--proxy", "127.0.0.7"]);
    let order = json!({"type": "Stats", "start": false}).to_string();
    let made = serving.send("POST", "/api/v1/jobs", &[JSON, &bearer(&token)], &order);
    assert_eq!(made.json()["owner"], "token:anna", "{made:?}");
    let place = made.field("location").unwrap();
    let by_proxy = |name: &str| {
        let url = format!("http://{}{place}", serving.at());
        let user = format!("Remote-User: {name}");
        let curl = ["-sS", "-i", "--interface", "127.0.0.7", "-X", "DELETE", "-H", &user, &url];
        Answer::parse(&Command::new("curl").args(curl).output().unwrap().stdout)
    };
    by_proxy("anna").refuses(403, "only its owner and an admin");
    for name in ["local", "token:anna"] {
        by_proxy(name).refuses(403, "no user may be called");
    }
    assert_eq!(serving.send("DELETE", place, &[&bearer(&token)], "").status, 204);
}

#[test]
fn what_is_in_the_folder_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let home = with_flows();
    let folder = home.path("data/earlgrey-hbase/serve");
    std::fs::create_dir_all(&folder).unwrap();
    home.token("x", "reader");
    let serving = home.serves(&[]);
    let order = json!({"type": "Stats"}).to_string();
    let made = serving.send("POST", "/api/v1/jobs", &[JSON], &order);
    assert_eq!(made.status, 201, "{made:?}");
    let form = "Content-Type: application/x-www-form-urlencoded";
    assert_eq!(serving.send("POST", "/views/save", &[form], "name=a&address=/").status, 303);
    until("results", || {
        serving.get(made.field("location").unwrap(), &[]).json()["status"] == "End"
    });
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        if metadata.is_file() {
            files += 1;
            assert_eq!(metadata.permissions().mode() & 0o077, 0, "{:?}", entry.file_name());
        }
    }
    assert!(files >= 5, "{files}");
}
