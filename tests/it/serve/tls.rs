//! Encrypted connections, with certificates that openssl makes and curl checks.

use std::net::TcpStream;
use std::path::Path;
use std::time::Instant;

use super::*;
use crate::needs;

/// Makes a certificate for `localhost` with this subject.
pub(super) fn certificate(folder: &Path, subject: &str) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-days", "2", "-subj", subject])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// What curl gets, which trusts this certificate only, and what it says.
fn curl(home: &Home, serving: &Serving, arguments: &[&str]) -> (String, String) {
    let url = format!("https://localhost:{}/api/v1/me", serving.at().port());
    let output = Command::new("curl")
        .args(["-sSv", "--ipv4", "--max-time", "60", "--cacert", "cert.pem"])
        .args(["-w", "\n%{http_code}"])
        .args(arguments)
        .arg(url)
        .current_dir(home.path("."))
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(output.stdout), text(output.stderr))
}

#[test]
fn others_ask_with_a_token_over_tls() {
    if !needs::tools(&["curl"]) || needs::tool("openssl", &["version"]).is_none() {
        return;
    }
    let home = Home::with_store();
    certificate(&home.path("."), "/CN=first");
    let token = home.token("grafana", "reader");
    let bearer = format!("Authorization: Bearer {token}");
    let tls = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let serving = home.serves(&[&["--listen", "0.0.0.0:0"], &tls[..]].concat());
    assert!(serving.said().contains("https://0.0.0.0:"), "{}", serving.said());
    // Where others can ask, nobody is let in for being on this machine.
    let (body, _) = curl(&home, &serving, &[]);
    assert!(body.ends_with("\n401"), "{body}");
    let (body, said) = curl(&home, &serving, &["-H", &bearer]);
    assert!(body.contains("\"grafana\"") && body.ends_with("\n200"), "{body}{said}");
    assert!(said.contains("CN=first") && said.contains("TLSv1.3"), "{said}");
    let (_, said) = curl(&home, &serving, &["-H", &bearer, "--tls-max", "1.1"]);
    assert!(!said.contains("HTTP/1.1 200"), "{said}");
    // Without encryption there is no answer.
    let mut plain = TcpStream::connect(("127.0.0.1", serving.at().port())).unwrap();
    write!(plain, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    // Whoever says nothing keeps nobody from agreeing on how to encrypt.
    let silent: Vec<TcpStream> =
        (0..50).map(|_| TcpStream::connect(("127.0.0.1", serving.at().port())).unwrap()).collect();
    let began = Instant::now();
    let (body, _) = curl(&home, &serving, &["-H", &bearer]);
    assert!(body.ends_with("\n200") && began.elapsed().as_secs() < 9, "{body}");
    drop(silent);

    // A certificate that is renewed is used from then on, and one that is damaged is not.
    thread::sleep(Duration::from_millis(2100));
    std::fs::write(home.path("cert.pem"), "").unwrap();
    let insecure = ["-H", bearer.as_str(), "-k"];
    until("told", || {
        let (_, said) = curl(&home, &serving, &insecure);
        assert!(said.contains("CN=first"), "{said}");
        serving.said().contains("the certificate stays as it was")
    });
    certificate(&home.path("."), "/CN=second");
    until("renewed", || curl(&home, &serving, &insecure).1.contains("CN=second"));
    assert_eq!(serving.ends("-TERM").0, Some(0));
}

#[test]
fn a_session_over_tls_is_for_tls_alone() {
    if !needs::tools(&["curl"]) || needs::tool("openssl", &["version"]).is_none() {
        return;
    }
    let home = Home::with_store();
    certificate(&home.path("."), "/CN=first");
    let token = home.token("wall", "reader");
    let serving = home.serves(&["--tls-cert", "cert.pem", "--tls-key", "key.pem"]);
    let output = Command::new("curl")
        .args(["-sS", "-i", "--cacert", "cert.pem", "-d", &format!("password={token}")])
        .arg(format!("https://localhost:{}/login", serving.at().port()))
        .current_dir(home.path("."))
        .output()
        .unwrap();
    let answer = Answer::parse(&output.stdout);
    assert!(answer.field("set-cookie").unwrap().ends_with("; HttpOnly; SameSite=Lax; Secure"));
}
