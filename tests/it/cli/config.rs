//! The configuration file, the environment, flags, and which of them counts.

use super::*;

fn shown(run: &Run) -> Vec<(String, serde_json::Value, String)> {
    let settings = run.json();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    settings
        .as_array()
        .unwrap()
        .iter()
        .map(|setting| (text(&setting["name"]), setting["value"].clone(), text(&setting["origin"])))
        .collect()
}

/// The value and origin of one setting.
fn setting(run: &Run, name: &str) -> (serde_json::Value, String) {
    let (_, value, origin) = shown(run).into_iter().find(|(known, ..)| known == name).unwrap();
    (value, origin)
}

#[test]
fn flags_weigh_more_than_the_environment_and_that_more_than_the_file() {
    let home = Home::new();
    let show = ["config", "show", "-o", "json"];
    let by_default = home.run(&show).succeeds();
    let default_store = home.store().into_os_string().into_string().unwrap();
    assert_eq!(setting(&by_default, "store"), (default_store.into(), "default".to_owned()));
    assert_eq!(setting(&by_default, "output.print"), (10.into(), "default".to_owned()));

    let file = home.file(
        "config/earlgrey-hbase/earlgrey.toml",
        b"store = \"/srv/flows\"\n[output]\nprint = 5\ntz = \"+01:00\"\n",
    );
    let by_file = home.run(&show).succeeds();
    assert_eq!(setting(&by_file, "store"), ("/srv/flows".into(), format!("{file}:1")));
    assert_eq!(setting(&by_file, "output.print"), (5.into(), format!("{file}:3")));

    let mut command = home.command(&show);
    command.env("EARLGREY_STORE", "/mnt/flows").env("EARLGREY_PRINT", "7").env("EARLGREY_TZ", "");
    let by_environment = Run::of(command.output().unwrap()).succeeds();
    let expected = ("/mnt/flows".into(), "EARLGREY_STORE".to_owned());
    assert_eq!(setting(&by_environment, "store"), expected);
    assert_eq!(setting(&by_environment, "output.print"), (7.into(), "EARLGREY_PRINT".to_owned()));
    // An empty variable is none.
    assert_eq!(setting(&by_environment, "output.tz"), ("+01:00".into(), format!("{file}:4")));

    command.args(["--store", "here", "--tz", "local"]);
    let by_flag = Run::of(command.output().unwrap()).succeeds();
    assert_eq!(setting(&by_flag, "store"), ("here".into(), "--store".to_owned()));
    assert_eq!(setting(&by_flag, "output.tz"), ("local".into(), "--tz".to_owned()));
}

#[test]
fn community_ids_have_the_seed_of_the_site() {
    let home = Home::new();
    let text = b"sIP|dIP|sPort|dPort|pro|packets|bytes|sTime|duration|\n\
        128.232.110.120|66.35.250.204|34855|80|6|1|40|2009/02/12T00:00:00.000|0|\n";
    home.run(&["load", &home.file("flows.txt", text)]).succeeds();
    // As the specification's baseline has them.
    let (usual, of_one) = ("1:LQU9qZlK+B5F3KDmev6m5PMibrg=", "1:3V71V58M3Ksw/yuFALMcW0LAHvc=");
    let flow = |more: &[&str]| {
        home.run(&[&["query", "128.232.110.120", "-o", "json"], more].concat()).succeeds().json()
    };
    assert_eq!(flow(&[])[0]["communityId"], usual);
    assert_eq!(flow(&["--community-id-seed", "1"])[0]["communityId"], of_one);
    home.file("config/earlgrey-hbase/earlgrey.toml", b"[output]\ncommunity_id_seed = 1\n");
    assert_eq!(flow(&[])[0]["communityId"], of_one);
    let count = |id: &str| {
        let filter = format!("community id \"{id}\"");
        home.run(&["query", "--where", &filter, "--count"]).succeeds().stdout
    };
    assert_eq!((count(of_one), count(usual)), ("1\n".to_owned(), "0\n".to_owned()));
    home.run(&["stats", "--community-id-seed", "65536"]).ends(2, "no number from 0 to 65535");
    let Some(duckdb) = crate::needs::duckdb() else { return };
    home.run(&["export", "parquet", "out", "--community-id"]).succeeds();
    let files = home.path("out").join("*/*/*/*.parquet");
    let query = "import sys, duckdb; print(duckdb.sql(f\"SELECT community_id FROM '{sys.argv[1]}'\").fetchall()[0][0])";
    assert_eq!(duckdb(query, &[files.to_str().unwrap()]), format!("{of_one}\n"));
    // The same folder with another seed is another question.
    let other = ["export", "parquet", "out", "--community-id", "--community-id-seed", "0"];
    home.run(&other).ends(2, "seed 1");
}

#[test]
fn the_settings_are_those_that_commands_work_with() {
    let home = Home::with_store();
    home.file("config/earlgrey-hbase/earlgrey.toml", b"[output]\nprint = 1\nformat = \"ndjson\"\n");
    let one = home.run(&["active-flow"]).succeeds();
    assert_eq!(one.lines(), [r#"{"first":"10.0.0.2","second":"10.0.0.3","octets":5000}"#]);
    let two = Run::of(home.command(&["active-flow"]).env("EARLGREY_PRINT", "2").output().unwrap());
    assert_eq!(two.succeeds().lines().len(), 2);
    let three = home.run(&["active-flow", "-print", "3", "-o", "line"]).succeeds();
    assert_eq!(three.lines().len(), 3);
    assert!(home.run(&["query", "9.9.9.9"]).succeeds().stdout.starts_with('{'));

    // Pairs have a line of their own where the format is one of flows only.
    home.file("config/earlgrey-hbase/earlgrey.toml", b"output.format = \"extended\"\n");
    assert!(home.run(&["active-flow"]).succeeds().stdout.starts_with("(10.0.0.2,"));

    let elsewhere = home.file("other.toml", b"store = \"empty\"\n");
    fs::remove_file(home.path("config/earlgrey-hbase/earlgrey.toml")).unwrap();
    assert!(home.run(&["config", "show"]).succeeds().stderr.contains("is read if it is there"));
    let shown = home.run(&["config", "show", "--config", &elsewhere]).succeeds();
    assert_eq!(shown.stderr, "");
    assert!(home.run(&["config", "--help"]).succeeds().stdout.contains("EARLGREY_CONFIG names"));
    for command in [home.command(&["loads", "--config", &elsewhere]), {
        let mut command = home.command(&["loads"]);
        command.env("EARLGREY_CONFIG", &elsewhere);
        command
    }] {
        let mut command = command;
        Run::of(command.output().unwrap()).ends(1, "empty: there is no store here");
    }
}

#[test]
fn a_configuration_that_cannot_be_meant_is_refused_with_its_place() {
    let home = Home::new();
    for (text, message) in [
        (
            "[limits]\nbatch_flow = 5\n",
            ":2: unknown key \"limits.batch_flow\"; did you mean \"limits.batch_flows\"?",
        ),
        ("colour = true\n", ":1: unknown key \"colour\"\n"),
        ("[output]\nprint = \"many\"\n", ":2: output.print: \"many\" is no whole number"),
        ("[limits]\nmemory = \"0\"\n", ":2: limits.memory: \"0\" is no number of bytes"),
        ("[output]\nformat = \"xml\"\n", ":2: output.format: \"xml\" is no format; write line,"),
        ("[output\n", ":1: "),
        ("[exporter.\"10.0.0.1\"]\n", ":1: unknown key \"exporter\"; did you mean \"exporters\"?"),
        ("exporters = 5\n", ":1: exporters: wants tables; write [exporters.\"10.0.0.1\"]"),
        ("[exporters.gw]\nsampling = 5\n", ":1: exporters.\"gw\": \"gw\" is no address"),
        ("[exporters]\n\"10.0.0.1\" = 5\n", ":2: exporters.\"10.0.0.1\": wants a table"),
        (
            "[exporters.\"10.0.0.1\"]\n\noverride = true\n",
            ":1: exporters.\"10.0.0.1\": says no sampling",
        ),
        (
            "[exporters.\"10.0.0.1\"]\nsampling = 0\n",
            ":2: exporters.\"10.0.0.1\".sampling: 0 is no number of 1 to",
        ),
        (
            "[exporters.\"10.0.0.1\"]\nsampling = 4294967296\n",
            ":2: exporters.\"10.0.0.1\".sampling: 4294967296 is no",
        ),
        (
            "[exporters.\"10.0.0.1\"]\nsampling = \"5\"\n",
            ":2: exporters.\"10.0.0.1\".sampling: wants a number",
        ),
        (
            "[exporters.\"10.0.0.1\"]\nsampling = 5\noverride = 1\n",
            ":3: exporters.\"10.0.0.1\".override: wants true or false",
        ),
        (
            "[exporters.\"10.0.0.1\"]\nrate = 5\n",
            ":2: unknown key \"exporters.\\\"10.0.0.1\\\".rate\"; there are sampling and override",
        ),
        (
            "[exporters.\"10.0.0.1\"]\nsampling = 5\n[exporters.\"::ffff:10.0.0.1\"]\nsampling = 5\n",
            "10.0.0.1 has a table already",
        ),
    ] {
        let file = home.file("config/earlgrey-hbase/earlgrey.toml", text.as_bytes());
        let run = home.run(&["config", "show"]).ends(2, message);
        assert!(run.stderr.starts_with(&format!("earlgrey-hbase: {file}:")), "{}", run.stderr);
    }
    home.run(&["loads", "--config", "gone.toml"]).ends(1, "configuration gone.toml: No such file");
    let run = home.command(&["man"]).output().unwrap();
    assert!(run.status.success(), "the manual needs no configuration");
    fs::remove_file(home.path("config/earlgrey-hbase/earlgrey.toml")).unwrap();
    let output = home.command(&["config", "show"]).env("EARLGREY_THREADS", "two").output();
    Run::of(output.unwrap())
        .ends(2, "earlgrey-hbase: EARLGREY_THREADS: \"two\" is no whole number");
}

#[test]
fn the_settings_are_shown_in_columns_with_where_they_come_from() {
    let home = Home::new();
    let file = home.file("config/earlgrey-hbase/earlgrey.toml", b"load.paths = ['/a', 'b']\n");
    let run = home.run(&["config", "show"]).succeeds();
    let line = run.lines().into_iter().find(|line| line.starts_with("load.paths ")).unwrap();
    let from_file = home.path("config/earlgrey-hbase/b");
    let (value, origin) = (format!("/a, {}  ", from_file.display()), format!("  {file}:1"));
    assert!(line.contains(&value) && line.ends_with(&origin), "{line}");
    assert_eq!(run.stderr, "");
}

#[test]
fn what_is_said_of_exporters_is_shown_with_its_place() {
    let home = Home::new();
    let text = b"[exporters.'10.0.0.1']\nsampling = 1_000\n[exporters.'2001:DB8::1']\noverride = true\nsampling = 5\n";
    let file = home.file("config/earlgrey-hbase/earlgrey.toml", text);
    let run = home.run(&["config", "show", "-o", "json"]).succeeds();
    let of = |name: &str| setting(&run, name);
    assert_eq!(of("exporters.\"10.0.0.1\".sampling"), (1000.into(), format!("{file}:2")));
    assert_eq!(of("exporters.\"2001:db8::1\".override"), (true.into(), format!("{file}:4")));
    assert_eq!(of("exporters.\"2001:db8::1\".sampling"), (5.into(), format!("{file}:5")));
}
