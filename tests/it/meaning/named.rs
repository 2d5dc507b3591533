//! What hosts, exporters and interfaces are called, and where numbers of autonomous systems come from.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::*;
use crate::cli::Home;

/// Flows as `query` prints them where nothing says what they mean.
fn objects(flows: &Flows) -> Vec<Value> {
    let text = fs::read_to_string(flows.path("flows.ndjson")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

impl Flows {
    /// A table of both exporters, and of some of their interfaces.
    fn name_exporters(&self) -> Vec<String> {
        let all = objects(self);
        let exporters: BTreeSet<&str> =
            all.iter().map(|flow| flow["exporter"].as_str().unwrap()).collect();
        let exporters: Vec<String> = exporters.into_iter().map(str::to_owned).collect();
        let inputs: BTreeSet<u64> =
            all.iter().map(|flow| flow["input"].as_u64().unwrap()).collect();
        let mut table = "exporter,interface,name,description,speed\n".to_owned();
        let _ = writeln!(table, "{},,edge,\"of Basel, rack 4\",", exporters[0]);
        for (place, input) in inputs.iter().enumerate() {
            let speed = ["10M", "2.5G", "", "64000"][place % 4];
            let named = format!("\"up, {input}\",link {input},{speed}");
            let _ = writeln!(table, "{},{input},{named}", exporters[0]);
        }
        fs::write(self.path("exporters.csv"), table).unwrap();
        exporters
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.ask(arguments)).unwrap()
    }
}

#[test]
fn links_have_names_and_shares_are_those_of_python() {
    let Some(flows) = Flows::new() else { return };
    let exporters = flows.name_exporters();
    let table = flows.path("exporters.csv");
    let window = ["--since", "2007-07-26T06:00:00", "--until", "2007-07-26T18:00:00"];
    let named = [&window[..], &["--exporters-file", &table, "--scaled=no"]].concat();
    let found = [&["query", "--where", "any", "-o", "ndjson"], &window[..]].concat();
    fs::write(flows.path("window.ndjson"), flows.ask(&found)).unwrap();
    for (key, ends) in [("input", "input"), ("output", "output"), ("if", "input,output")] {
        let keys = format!("exporter,{key}");
        let top = flows.json(&[&["top", &keys, "-n", "0", "-o", "json"], &named[..]].concat());
        let name = top["key"][1].as_str().unwrap();
        let told: Value = top["top"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| {
                let of = |what: &str| entry[format!("{name}{what}")].clone();
                let place = format!("{} {}", entry["exporter"].as_str().unwrap(), entry[name]);
                let exporter = (&entry["exporterName"], &entry["exporterDescription"]);
                let said = json!([
                    entry["octets"],
                    exporter.0,
                    exporter.1,
                    of("Name"),
                    of("Description"),
                    of("Speed"),
                    of("SpeedPercent")
                ]);
                (place, said)
            })
            .collect();
        let seconds = (12 * 3600).to_string();
        let arguments = ["links", &flows.path("window.ndjson"), &table, &seconds, ends];
        let expected: Value = serde_json::from_str(&(flows.python)(&arguments)).unwrap();
        assert_eq!(told, expected, "{key}");
    }
    // Of one exporter alone it is known whose the interfaces are, and not of both.
    let of_one = format!("exporter ip {}", exporters[0]);
    let asked = ["top", "input", "-o", "csv", "--where", &of_one];
    let csv = flows.ask(&[&asked[..], &named[..]].concat());
    assert!(
        csv.lines()
            .next()
            .unwrap()
            .ends_with(",bpp,inputName,inputDescription,inputSpeed,inputSpeedPercent")
    );
    assert!(csv.contains(",\"up, "), "{csv}");
    let csv = flows.ask(&[&["top", "input", "-o", "csv"], &named[..]].concat());
    assert!(csv.lines().next().unwrap().ends_with(",bpp"), "{csv}");
    let text = flows.ask(&[&["top", "exporter,input", "-n", "1"], &named[..]].concat());
    let mut lines = text.lines();
    let head = lines.next().unwrap();
    assert!(head.contains("Router  ") && head.contains("Input If Name"), "{text}");
    assert!(head.ends_with("Link(%)"), "{text}");
}

#[test]
fn links_that_changed_have_names_and_the_shares_of_both_windows() {
    let Some(flows) = Flows::new() else { return };
    flows.name_exporters();
    let table = flows.path("exporters.csv");
    let windows = [("12:00:00", "18:00:00", "21600"), ("06:00:00", "10:00:00", "14400")];
    let spans =
        windows.map(|(since, until, _)| [since, until].map(|at| format!("2007-07-26T{at}")));
    let expected: Vec<Value> = spans
        .iter()
        .zip(windows)
        .map(|([since, until], (_, _, seconds))| {
            let found = ["query", "--where", "any", "-o", "ndjson", "--since", since];
            let found = flows.ask(&[&found[..], &["--until", until]].concat());
            fs::write(flows.path("window.ndjson"), found).unwrap();
            let links = ["links", &flows.path("window.ndjson"), &table, seconds, "input"];
            serde_json::from_str(&(flows.python)(&links)).unwrap()
        })
        .collect();
    let [window, against] = spans.each_ref().map(|span| span.join(".."));
    let asked = ["diff", "exporter,input", "-n", "0", "--scaled=no", "--exporters-file", &table];
    let asked = [&asked[..], &["--window", &window, "--against", &against]].concat();
    let diff = flows.json(&[&asked[..], &["-o", "json"]].concat());
    let rows = diff["diff"].as_array().unwrap();
    let csv = flows.ask(&[&asked[..], &["-o", "csv"]].concat());
    let head = csv.lines().next().unwrap();
    assert!(head.ends_with(",inputSpeed,inputSpeedPercent,inputSpeedPercentBefore"), "{head}");
    let mut shares = 0;
    for row in rows {
        crate::schema::check("diffEntry", row);
        let place = format!("{} {}", row["exporter"].as_str().unwrap(), row["input"]);
        let told = expected.iter().find_map(|links| links.get(&place)).unwrap();
        let of = ["exporterName", "exporterDescription", "inputName", "inputDescription"];
        let of = of.map(|name| row[name].clone());
        assert_eq!(json!(of), json!(told.as_array().unwrap()[1..5]), "{place}");
        assert_eq!(row["inputSpeed"], told[5], "{place}");
        for (links, end) in expected.iter().zip(["", "Before"]) {
            // Of a link of which nothing was sent there is a share, too.
            let nothing = (!told[5].is_null()).then_some(0.0);
            let share = links.get(&place).map_or(nothing, |link| link[6].as_f64());
            let ours = row[format!("inputSpeedPercent{end}")].as_f64();
            assert_eq!(ours, share, "{place} {end}");
            shares += usize::from(share.is_some_and(|share| share > 0.0));
        }
    }
    assert!(shares > 4, "{shares}");
    let text = flows.ask(&asked);
    let head = text.lines().nth(2).unwrap();
    for title in ["Router", "Input If Name", "Link(%)", "before(%)"] {
        assert!(head.contains(title), "{title}: {text}");
    }
    assert!(text.contains("  up, "), "{text}");
}

#[test]
fn traffic_over_time_tells_shares_of_links() {
    let Some(flows) = Flows::new() else { return };
    flows.name_exporters();
    let table = flows.path("exporters.csv");
    let links = ["links", &flows.path("flows.ndjson"), &table, "1", "input"];
    let links: Value = serde_json::from_str(&(flows.python)(&links)).unwrap();
    let asked = ["timeline", "--key", "exporter,input", "-n", "100", "--bin", "1h", "--scaled=no"];
    let asked = [&asked[..], &["--exporters-file", &table]].concat();
    let rows = flows.ask(&[&asked[..], &["-o", "ndjson"]].concat());
    let mut shares = 0;
    for row in rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        crate::schema::check("timelineBin", &row);
        let Some(exporter) = row["exporter"].as_str() else {
            assert!(row["inputName"].is_null() && row["inputSpeedPercent"].is_null(), "{row}");
            continue;
        };
        let link = &links[format!("{exporter} {}", row["input"])];
        assert_eq!((&row["inputName"], &row["inputSpeed"]), (&link[3], &link[5]), "{row}");
        let octets = row["octets"].as_f64().unwrap();
        let share = link[5].as_f64().map(|speed| octets * 8.0 / 3600.0 / speed * 100.0);
        let ours = row["inputSpeedPercent"].as_f64();
        assert_eq!(ours.is_some(), share.is_some(), "{row}");
        let off = ours.unwrap_or(0.0) - share.unwrap_or(0.0);
        assert!(off.abs() <= 0.000_06, "{row} {share:?}");
        shares += usize::from(share.is_some_and(|share| share > 0.0));
    }
    assert!(shares > 20, "{shares}");
    let chart = flows.ask(&asked);
    assert!(chart.contains("% of the link) on average, at most "), "{chart}");
    assert!(chart.contains(" (edge), ") && chart.contains(" (up, "), "{chart}");
    // Packets are no share of bits.
    let csv = flows.ask(&[&asked[..], &["--by", "packets", "-o", "csv"]].concat());
    assert!(csv.lines().next().unwrap().ends_with(",inputSpeed"), "{csv}");
}

#[test]
fn a_page_and_a_route_of_what_changed_name_hosts() {
    let home = Home::with_store();
    let flows = home.run(&["query", "0.0.0.0/0", "-o", "ndjson"]).succeeds();
    let flow: Value = serde_json::from_str(flows.lines()[0]).unwrap();
    let host = flow["srcAddress"].as_str().unwrap();
    let table = home.file("hosts.csv", format!("address,name\n{host},<printer>\n").as_bytes());
    let serving = home.serves(&["--hosts", &table]);
    let asked = "key=src&window=2007-01-01..2008-01-01&against=2006-01-01..2007-01-01&count=100";
    let page = serving.get(&format!("/diff?{asked}"), &[]);
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("<span class=\"faint\">&lt;printer&gt;</span>"), "{}", page.body);
    let answer = serving.get(&format!("/api/v1/diff?{asked}&output=ndjson"), &[]);
    let rows = answer.body.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let named: Vec<Value> = rows.filter(|row| row["srcHost"] == "<printer>").collect();
    assert_eq!(named.len(), 1, "{}", answer.body);
    assert_eq!(named[0]["srcAddress"], host);
}

#[test]
fn names_of_a_table_count_more_than_those_of_options() {
    let Some(flows) = Flows::new() else { return };
    let exporters = flows.name_exporters();
    let table = flows.path("exporters.csv");
    for line in
        flows.ask(&["query", "--where", "any", "-o", "ndjson", "--exporters-file", &table]).lines()
    {
        let flow: Value = serde_json::from_str(line).unwrap();
        let is_named = flow["exporter"] == *exporters[0];
        let name = is_named.then(|| json!(format!("up, {}", flow["input"])));
        assert_eq!(flow.get("inputName"), name.as_ref());
        assert_eq!(flow.get("exporterName"), is_named.then(|| json!("edge")).as_ref());
    }
    let input = objects(&flows)[0]["input"].as_u64().unwrap();
    let count = |filter: &str| {
        let found = flows.ask(&["query", "--where", filter, "--count", "--exporters-file", &table]);
        found.trim().parse::<u64>().unwrap()
    };
    let by_number = count(&format!("exporter ip {} and in if {input}", exporters[0]));
    assert_eq!(count(&format!("inputName = \"up, {input}\"")), by_number);
    assert!(by_number > 0);
}

#[test]
fn hosts_have_names_in_filters_keys_and_answers() {
    let Some(flows) = Flows::new() else { return };
    let all = objects(&flows);
    let of = |end: &str, place: usize| all[place][end].as_str().unwrap().to_owned();
    let (printer, server) = (of("srcAddress", 0), of("dstAddress", 0));
    let table = flows.path("hosts.csv");
    fs::write(&table, format!("address,name\n{printer},printer\n{server},\"web, old\"\n")).unwrap();
    let sent: Vec<&Value> = all.iter().filter(|flow| flow["srcAddress"] == *printer).collect();
    let ask = |arguments: &[&str]| flows.ask(&[arguments, &["--hosts", &table]].concat());
    for filter in ["src host \"printer\"", "src ip \"Printer\"", "src hostname printer"] {
        let count = ask(&["query", "--where", filter, "--count"]);
        assert_eq!(count.trim(), sent.len().to_string(), "{filter}");
    }
    let found = ask(&["query", "--where", "src host \"printer\"", "-o", "ndjson"]);
    for line in found.lines() {
        let flow: Value = serde_json::from_str(line).unwrap();
        let dst = if flow["dstAddress"] == *server { Some(json!("web, old")) } else { None };
        let dst = if flow["dstAddress"] == *printer { Some(json!("printer")) } else { dst };
        assert_eq!((&flow["srcHost"], flow.get("dstHost")), (&json!("printer"), dst.as_ref()));
    }
    let octets: u64 = sent.iter().map(|flow| flow["bytes"].as_u64().unwrap()).sum();
    let top = ask(&["top", "src", "--where", "src host \"printer\"", "-o", "csv", "--scaled=no"]);
    let rows: Vec<&str> = top.lines().collect();
    assert!(rows[0].starts_with("srcAddress,octets,") && rows[0].ends_with(",bpp,srcHost"));
    assert!(rows[1].starts_with(&format!("{printer},{octets},")), "{top}");
    assert!(rows[1].ends_with(",printer"), "{top}");
    let text = ask(&["top", "src", "--where", "src host \"printer\""]);
    let ends: Vec<&str> = text.lines().map(|line| &line[line.len() - 9..]).collect();
    assert_eq!(ends, [" Src Host", "  printer"], "{text}");
    let line = ask(&["query", "--where", "src host \"printer\"", "--limit", "1"]);
    let ends: Vec<&str> =
        line.lines().filter_map(|line| Some(line.split_once("  Src Host")?.1)).collect();
    assert_eq!(ends, [" -> Dst Host"], "{line}");
    assert!(line.lines().nth(1).unwrap().contains("  printer -> "), "{line}");
    let by_name = ask(&["top", "srchostname", "-n", "0", "-o", "ndjson", "--scaled=no"]);
    let entry = by_name.lines().find(|line| line.contains("\"srcHost\":\"printer\"")).unwrap();
    let entry: Value = serde_json::from_str(entry).unwrap();
    assert_eq!((&entry["octets"], &entry["flows"]), (&json!(octets), &json!(sent.len())));
}

#[test]
fn numbers_of_autonomous_systems_come_from_where_it_is_said() {
    let Some(flows) = Flows::new() else { return };
    let exported = ["query", "--where", "any", "-o", "ndjson", "--as", "exported"];
    fs::write(flows.path("exported.ndjson"), flows.ask(&exported)).unwrap();
    for (key, ends) in [("srcas", "src"), ("dstas", "dst"), ("as", "src,dst")] {
        for from in ["exported", "database", "either", ""] {
            let said: &[&str] = if from.is_empty() { &[] } else { &["--as", from] };
            let asked = ["top", key, "-n", "0", "-o", "json", "--scaled=no"];
            let top = flows.json(&[&asked[..], said].concat());
            let name = top["key"][0].as_str().unwrap();
            let entries = top["top"].as_array().unwrap();
            let sums: Value = entries
                .iter()
                .map(|entry| {
                    let of = json!([entry["octets"], entry["packets"], entry["flows"]]);
                    (entry[name].to_string(), of)
                })
                .collect();
            let from = if from.is_empty() { "either" } else { from };
            let arguments = ["asns", &flows.path(""), &flows.path("exported.ndjson"), from, ends];
            let expected: Value = serde_json::from_str(&(flows.python)(&arguments)).unwrap();
            assert_eq!(sums, expected, "{key} {from}");
            for number in ["64500", "1", "0"] {
                let filter = format!("{} as {number}", ends.split(',').next().unwrap());
                let asked = ["query", "--where", &filter, "--count", "--as", from];
                let count: u64 = flows.ask(&asked).trim().parse().unwrap();
                if ends != "src,dst" {
                    let of = expected.get(number).map_or(0, |sums| sums[2].as_u64().unwrap());
                    assert_eq!(count, of, "{filter} {from}");
                    let negated = format!("not ({filter})");
                    let asked = ["query", "--where", &negated, "--count", "--as", from];
                    assert_eq!(flows.ask(&asked).trim(), (20_000 - of).to_string(), "{negated}");
                }
            }
        }
    }
    let printed = flows.ask(&["query", "--where", "src as 64500", "-o", "ndjson"]);
    assert!(!printed.is_empty());
    assert!(printed.lines().all(|line| line.contains("\"srcAs\":64500,")), "{printed}");
}

#[test]
fn csv_has_columns_and_nfdumps_cells_show_countries() {
    let Some(flows) = Flows::new() else { return };
    let question = ["query", "--where", "any"];
    let csv = flows.ask(&[&question[..], &["-o", "csv"]].concat());
    fs::write(flows.path("flows.csv"), &csv).unwrap();
    let plain = Command::new(env!("CARGO_BIN_EXE_earlgrey-hbase"))
        .args([&question[..], &["-o", "csv", "--store", &flows.path("store")]].concat())
        .output()
        .unwrap();
    let plain = String::from_utf8(plain.stdout).unwrap();
    for (with, without) in csv.lines().zip(plain.lines()) {
        assert!(with.starts_with(&format!("{without},")), "{with}");
    }
    for attribute in ["country", "city", "asname", "name", "role", "site", "tenant"] {
        for end in ["src", "dst"] {
            let arguments = ["columns", &flows.path("flows.csv"), attribute, end];
            let counted: Value = serde_json::from_str(&(flows.python)(&arguments)).unwrap();
            let expected = flows.expected(attribute, end);
            let expected = expected.as_object().unwrap().iter();
            let expected: Value =
                expected.map(|(label, sums)| (label.clone(), sums[2].clone())).collect();
            assert_eq!(counted, expected, "{attribute} {end}");
        }
    }
    let cells = flows.ask(&[&question[..], &["-o", "fmt:%sa|%sc|%dc|%sasn"]].concat());
    let head = cells.lines().next().unwrap();
    assert!(head.ends_with(" SC DC  Src AS organisation"), "{head}");
    let countries = flows.expected("country", "src");
    let swiss = cells.lines().skip(1).filter(|line| line.split('|').nth(1) == Some("CH")).count();
    assert_eq!(json!(swiss), countries["CH"][2]);
    let unknown = cells.lines().skip(1).filter(|line| line.split('|').nth(1) == Some("..")).count();
    assert_eq!(json!(unknown), countries[""][2]);
}

#[test]
fn a_wrong_line_of_hosts_and_exporters_is_told_with_its_place() {
    let home = Home::with_store();
    let table = home.path("table.csv");
    for (option, key, text, told) in [
        (
            "--hosts",
            "src",
            "address,name\n10.0.0.1,a\n10.0.0,b\n",
            ":3: column address: \"10.0.0\"",
        ),
        ("--hosts", "src", "address,name\n10.0.0.1,\n", ":2: column name: 10.0.0.1 has none"),
        (
            "--hosts",
            "src",
            "address,name\n::1,a\n::1,b\n",
            ":3: column address: ::1 is there twice",
        ),
        (
            "--exporters-file",
            "if",
            "exporter,name\nedge,a\n",
            ":2: column exporter: \"edge\" is no",
        ),
        (
            "--exporters-file",
            "if",
            "exporter,interface,name\n10.0.0.1,eth0,a\n",
            ":2: column interface: \"eth0\" is no number",
        ),
        (
            "--exporters-file",
            "if",
            "exporter,interface,speed\n10.0.0.1,1,10G\n10.0.0.1,2,fast\n",
            ":3: column speed: \"fast\" is no speed",
        ),
        (
            "--exporters-file",
            "if",
            "exporter,interface,speed\n10.0.0.1,,10G\n",
            ":2: column speed: it is of an interface",
        ),
        (
            "--exporters-file",
            "if",
            "exporter,interface\n10.0.0.1,1\n10.0.0.1,1\n",
            ":3: column interface: 10.0.0.1 has 1 twice",
        ),
    ] {
        fs::write(&table, text).unwrap();
        home.run(&["top", key, option, table.to_str().unwrap()]).ends(2, told);
    }
}

#[test]
fn a_broken_table_is_the_servers_fault_and_its_place_is_not_told() {
    let home = Home::new();
    let (capture, table) = (home.path("flows.pcap"), home.path("networks.csv"));
    home.run(&["generate", "--flows", "500", capture.to_str().unwrap()]).succeeds();
    home.run(&["load", capture.to_str().unwrap()]).succeeds();
    fs::write(&table, "prefix,name\n0.0.0.0/0,all\n").unwrap();
    let serving = home.serves(&["--networks", table.to_str().unwrap()]);
    let of_meaning = [
        "/api/v1/top?key=network",
        "/api/v1/flows?where=network%20all",
        "/api/v1/flows?where=any&limit=1",
        "/explore?key=network",
        "/host/10.0.0.1",
    ];
    for path in of_meaning {
        assert_eq!(serving.get(path, &[]).status, 200, "{path}");
    }
    fs::write(&table, "prefix,name\nnowhere,all\n").unwrap();
    for path in of_meaning {
        let answer = serving.get(path, &[]);
        assert_eq!(answer.status, 500, "{path}: {}", answer.body);
        for told in ["networks.csv", "nowhere"] {
            assert!(!answer.body.contains(told), "{path}: {}", answer.body);
        }
    }
    let said = serving.said();
    assert!(said.contains("networks.csv:2: column prefix: \"nowhere\" is no prefix"), "{said}");
    let of_flows = serving.get("/api/v1/top?key=proto", &[]);
    assert_eq!(of_flows.status, 200, "{}", of_flows.body);
}

/// What DuckDB counts in the files is what Python makes of the flows.
#[test]
fn exports_have_columns_of_what_ends_mean_where_they_are_asked_for() {
    const SCRIPT: &str = "\
import duckdb, json, sys
columns = [row[0] for row in duckdb.sql(f\"DESCRIBE FROM '{sys.argv[1]}'\").fetchall()]
name = sys.argv[2]
counted = f\"SELECT coalesce(\\\"{name}\\\", ''), count(*) FROM '{sys.argv[1]}' GROUP BY 1\"
print(json.dumps([columns, dict(duckdb.sql(counted).fetchall()) if name else {}]))
";
    let (Some(flows), Some(duckdb)) = (Flows::new(), crate::needs::duckdb()) else { return };
    for (schema, attribute, column) in [
        ("earlgrey", "country", "src_country"),
        ("earlgrey", "asname", "src_as_name"),
        ("earlgrey", "name", "src_network"),
        ("ecs", "country", "source.geo.country_iso_code"),
        ("ecs", "asname", "source.as.organization.name"),
        ("ecs", "tenant", "earlgrey_src_tenant"),
    ] {
        let folder = flows.path(&format!("{schema}-files"));
        flows.ask(&["export", "parquet", &folder, "--schema", schema, "--meaning", "--force"]);
        let found = duckdb(SCRIPT, &[&format!("{folder}/**/*.parquet"), column]);
        let found: Value = serde_json::from_str(&found).unwrap();
        let expected = flows.expected(attribute, "src");
        let expected = expected.as_object().unwrap().iter();
        let expected: Value =
            expected.map(|(label, sums)| (label.clone(), sums[2].clone())).collect();
        assert_eq!(found[1], expected, "{schema} {column}");
    }
    let folder = flows.path("plain-files");
    flows.ask(&["export", "parquet", &folder]);
    let found = duckdb(SCRIPT, &[&format!("{folder}/**/*.parquet"), ""]);
    assert!(!found.contains("country"), "{found}");
    for (file, attribute, column) in [
        ("a.parquet", "country", "src_country"),
        ("a.parquet", "tenant", "src_tenant"),
        ("a.csv", "asname", "srcAsName"),
        ("a.ndjson", "name", "srcNetwork"),
        ("a.json", "country", "srcCountry"),
    ] {
        let file = flows.path(file);
        flows.ask(&["export", "--to", &file, "--meaning", "--force"]);
        let found = duckdb(SCRIPT, &[&file, column]);
        let found: Value = serde_json::from_str(&found).unwrap();
        let expected = flows.expected(attribute, "src");
        let expected = expected.as_object().unwrap().iter();
        let expected: Value =
            expected.map(|(label, sums)| (label.clone(), sums[2].clone())).collect();
        assert_eq!(found[1], expected, "{file} {column}");
        flows.ask(&["export", "--to", &file, "--force"]);
        let found = duckdb(SCRIPT, &[&file, ""]).to_lowercase();
        assert!(!found.contains("country") && !found.contains("tenant"), "{file}: {found}");
    }
    let both = ["export", "--to", "x.csv", "--meaning", "--anonymise", "key"];
    let refused = flows.command(&both).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
}

#[test]
fn numbers_that_databases_should_have_are_asked_for_in_vain_without_any() {
    let home = Home::with_store();
    for from in ["database", "either"] {
        for asked in [
            &["top", "srcas"][..],
            &["query", "--where", "any", "-o", "json"],
            &["query", "--where", "any", "-o", "fmt:%sas"],
            &["query", "--where", "src as 64500", "--count"],
        ] {
            let refused = [asked, &["--as", from]].concat();
            home.run(&refused).ends(2, "nothing says which as addresses are of");
        }
    }
    home.run(&["query", "--where", "any", "-o", "json", "--as", "exported"]).succeeds();
    home.run(&["query", "--where", "any", "-o", "json"]).succeeds();
}
