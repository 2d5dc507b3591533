//! A broker that wants to know who asks, over encrypted connections.

use super::*;

#[test]
fn who_asks_is_told_by_the_url_or_the_environment_and_never_shown() {
    let Some(url) = needs::kafka("EARLGREY_KAFKA_SECURE") else { return };
    let Some(ca) = needs::kafka("EARLGREY_KAFKA_CA") else { return };
    let at = url.trim_start_matches("kafkas://");
    let topic = "flows";
    let home = Home::new();
    let day = day(&home);
    // Kafka's own tool makes the topic.
    let properties = format!(
        "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\nssl.truststore.type=PEM\n\
         ssl.truststore.location={ca}\nsasl.jaas.config=org.apache.kafka.common.security.scram.\
         ScramLoginModule required username=\"flows\" password=\"changeme\";\n"
    );
    let properties = home.file("client.properties", properties.as_bytes());
    let broker =
        Broker { at: at.to_owned(), topic: topic.to_owned(), runtime: Runtime::new().unwrap() };
    broker.tool(
        "org.apache.kafka.tools.TopicCommand",
        &["--command-config", &properties, "--create", "--if-not-exists", "--topic", topic],
    );

    let plain = format!("kafkas://{at}/{topic}");
    let with_password = format!("kafkas://flows:changeme@{at}/{topic}");
    let run = |command: &mut Command| {
        let run = crate::cli::Run::of(command.output().unwrap());
        let text = format!("{}{}", run.stdout, run.stderr);
        assert!(!text.contains("changeme"), "{text}");
        run
    };
    let load = |url: &str| home.command(&["load", &day, "--to", url, "--ca", &ca, "-vvv"]);
    run(&mut load(&with_password)).ends(0, "8 messages acknowledged");
    for mechanism in ["plain", "scram-sha-256", "SCRAM-SHA-512"] {
        let mut by_environment = load(&plain);
        by_environment.env("EARLGREY_KAFKA_USER", "flows");
        by_environment.env("EARLGREY_KAFKA_PASSWORD", "changeme");
        by_environment.env("EARLGREY_KAFKA_MECHANISM", mechanism);
        run(&mut by_environment).ends(0, "8 messages acknowledged");
    }
    let config = format!("[kafka]\nuser = \"flows\"\npassword = \"changeme\"\nca = \"{ca}\"\n");
    let config = home.file("earlgrey.toml", config.as_bytes());
    run(&mut home.command(&["load", "--from", &plain, "--config", &config, "-vv"]))
        .ends(0, "8 new");
    run(&mut home.command(&["loads", "-o", "json"])).succeeds();
    let shown = run(&mut home.command(&["config", "show", "--config", &config])).succeeds();
    assert!(shown.stdout.contains("(not shown)"), "{}", shown.stdout);

    // Who is not known, who asks as nobody, and whom nobody vouches for.
    let wrong = with_password.replace("changeme@", "changed@");
    run(&mut load(&wrong)).ends(1, "uthentication failed");
    assert_ne!(run(&mut load(&plain)).status, Some(0));
    run(&mut home.command(&["load", &day, "--to", &with_password]))
        .ends(1, "invalid peer certificate");
    let none = home.file("none.pem", b"no certificate");
    run(&mut home.command(&["load", &day, "--to", &with_password, "--ca", &none]))
        .ends(1, "there is no certificate in it");
    let unencrypted = with_password.replace("kafkas://", "kafka://");
    assert_ne!(run(&mut load(&unencrypted)).status, Some(0));
}
