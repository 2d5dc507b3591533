//! Who logs in with a browser on the machine of the server, where everybody is known already.

use super::*;

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

/// What a form carries of its page's own.
fn csrf_of(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"csrf\" value=\"").expect("a form has it");
    rest.split_once('"').unwrap().0.to_owned()
}

#[test]
fn whoever_is_on_this_machine_logs_in_by_the_form_of_the_page() {
    let home = Home::with_store();
    let token = home.token("boss", "admin");
    let serving = home.serves(&[]);
    let own = format!("Origin: http://{}", serving.at());
    let browser = ["Accept: text/html", own.as_str(), "Sec-Fetch-Site: same-origin"];
    // A page leads there, and back.
    let page = serving.get("/jobs?tz=UTC", &browser).body;
    assert!(page.contains("href=\"/login?next=/jobs%3Ftz%3DUTC\""), "{page}");
    let form = serving.get("/login?next=/jobs%3Ftz%3DUTC", &browser);
    let csrf = csrf_of(&form.body);
    let log_in =
        |body: &str| serving.send("POST", "/login", &[&browser[..], &[FORM]].concat(), body);
    assert_eq!(log_in(&format!("password={token}")).status, 403, "the form is of no page");
    let wrong = log_in(&format!("csrf={csrf}&password=wrong"));
    assert_eq!(wrong.status, 401, "{wrong:?}");
    assert_eq!(csrf_of(&wrong.body), csrf, "it can be tried again");
    let answer = log_in(&format!("csrf={csrf}&next=/jobs%3Ftz%3DUTC&password={token}"));
    assert_eq!((answer.status, answer.field("location")), (303, Some("/jobs?tz=UTC")));
    let cookie = answer.field("set-cookie").unwrap().split_once(';').unwrap().0.to_owned();
    let cookie = format!("Cookie: {cookie}");
    let me = serving.get("/api/v1/me", &[&cookie]).json();
    assert_eq!((&me["name"], &me["role"]), (&"boss".into(), &"admin".into()));
    let page = serving.get("/jobs", &[&cookie]).body;
    assert!(page.contains("Log out") && page.contains("<option>Load</option>"), "{page}");
    // Who is logged in may log in as somebody else, and leaves what he had.
    let other = home.token("wall", "reader");
    let csrf = csrf_of(&serving.get("/login", &[&cookie]).body);
    let again = serving.send(
        "POST",
        "/login",
        &[&own, &cookie, FORM],
        &format!("csrf={csrf}&password={other}"),
    );
    assert_eq!(again.status, 303, "{again:?}");
    assert_eq!(serving.get("/api/v1/me", &[&cookie]).json()["name"], "local");
}

#[test]
fn forms_are_shown_to_those_who_may_send_them() {
    let home = Home::with_store();
    let page = |role: &str, path: &str| {
        let serving = home.serves(&["--local-role", role]);
        serving.get(path, &["Accept: text/html"]).body
    };
    let views = "/views?address=/explore";
    assert!(!page("reader", "/jobs").contains("A new job"));
    assert!(!page("reader", views).contains("Keep this view"));
    let of_analyst = page("analyst", "/jobs");
    assert!(of_analyst.contains("A new job") && !of_analyst.contains("<option>Load</option>"));
    assert!(page("analyst", views).contains("Keep this view"));
    assert!(page("admin", "/jobs").contains("<option>Load</option>"));
}

#[test]
fn a_form_that_means_something_else_is_refused() {
    let home = Home::with_store();
    let serving = home.serves(&[]);
    let order = |parameters: &str| {
        let body = format!("name=x&kind=FlowQuery&parameters={parameters}");
        serving.send("POST", "/jobs/new", &[FORM], &body)
    };
    order("where%3Dany%0Asince+-7d").refuses(400, "there is no parameter \"since -7d\"");
    order("where%3Dany%0Alimit%3D1%0Alimit%3D2").refuses(400, "limit is given more than once");
    let made = order("where%3Dany%0Abidir%0A");
    assert_eq!(made.status, 303, "{made:?}");
    let job = made.field("location").unwrap().replace("/jobs/", "/api/v1/jobs/");
    assert_eq!(serving.get(&job, &[]).json()["parameters"]["bidir"], "yes");
}
