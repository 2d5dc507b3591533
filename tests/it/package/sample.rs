//! The sample of a configuration says what there is, and what it is by default.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::cli::Home;

/// What holds, by name, and where it comes from.
fn shown(home: &Home, arguments: &[&str]) -> BTreeMap<String, (Value, String)> {
    let run = home.run(&[&["config", "show", "-o", "json"], arguments].concat()).succeeds();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let named = |setting: &Value| {
        (text(&setting["name"]), (setting["value"].clone(), text(&setting["origin"])))
    };
    run.json().as_array().unwrap().iter().map(named).collect()
}

#[test]
fn the_sample_of_a_configuration_has_every_setting_with_its_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/package.d/earlgrey.toml");
    let home = Home::new();
    let defaults = shown(&home, &[]);
    // As it comes, it says where flows are, and lets in nobody for being on this machine.
    let as_it_comes = shown(&home, &["--config", path.to_str().unwrap()]);
    let differs = |name: &&String| as_it_comes[*name].0 != defaults[*name].0;
    let differ: Vec<&String> = defaults.keys().filter(differs).collect();
    assert_eq!(differ, ["collect.spool", "serve.folder", "serve.local_role", "store"]);
    // With every line that shows a setting.
    let sample = std::fs::read_to_string(&path).unwrap();
    let shows = |line: &str| line.starts_with('#') && !line.starts_with("# ") && line != "#";
    let all: Vec<&str> =
        sample.lines().map(|line| if shows(line) { &line[1..] } else { line }).collect();
    let file = home.file("all.toml", all.join("\n").as_bytes());
    let all = shown(&home, &["--config", &file]);
    let none = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    for (name, (default, _)) in &defaults {
        let (value, origin) = &all[name];
        assert!(origin.starts_with(&file), "{name} is not in the sample");
        // Threads are as many as this machine has cores.
        if !differ.contains(&name) && name != "limits.threads" && !none(default) {
            assert_eq!(value, default, "{name}");
        }
    }
}
