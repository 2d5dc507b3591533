//! `stats`, `timeline` and plots.

use super::*;

#[test]
fn statistics_tell_sums_groups_and_size() {
    let home = Home::with_store();
    let stats = home.run(&["stats", "-o", "json"]).succeeds().json();
    assert_eq!((&stats["flows"], &stats["octets"]), (&6.into(), &6235.into()));
    // One and a packet for each hundred octets, over 40.25 seconds.
    assert_eq!(stats["packets"], 11 + 3 + 1 + 1 + 51 + 1);
    assert_eq!(stats["first"], "2007-08-02T07:42:00.000Z");
    assert_eq!(stats["last"], "2007-08-02T07:42:40.250Z");
    let rate = stats["rates"]["bitsPerSecond"].as_f64().unwrap();
    assert!((rate - 6235.0 * 8.0 / 40.25).abs() < 1e-6, "{rate}");
    for (groups, name) in [
        ("families", "IPv4"),
        ("protocols", "TCP"),
        ("exporters", "192.0.2.1"),
        ("days", "2007-08-02"),
    ] {
        assert_eq!(
            (&stats[groups][0]["name"], &stats[groups][0]["flows"]),
            (&name.into(), &6.into())
        );
    }
    // Runs in both orders, and identities.
    let files = fs::read_dir(home.store()).unwrap().map(Result::unwrap);
    let parquet = files.filter(|file| file.file_name().to_str().unwrap().ends_with(".parquet"));
    let bytes: u64 = parquet.map(|file| file.metadata().unwrap().len()).sum();
    assert_eq!(stats["store"]["bytes"], bytes);
    assert_eq!(stats["store"]["bytesPerFlow"], bytes as f64 / 6.0);
    assert_eq!(stats["store"]["runs"][0]["flows"], 6);

    let text = home.run(&["stats"]).succeeds().stdout;
    for line in [
        "flows      6\n",
        "octets     6,235\n",
        "runs       1, of 6 flows",
        "TCP           6  100.0       68",
    ] {
        assert!(text.contains(line), "{line:?} in {text}");
    }
    let part =
        home.run(&["stats", "-o", "json", "--since", "2007-08-02T07:42:35"]).succeeds().json();
    assert_eq!((&part["flows"], &part["store"]["flows"]), (&1.into(), &6.into()));
    let nothing = home.run(&["stats", "--until", "2007-08-02"]).succeeds().stdout;
    assert!(nothing.starts_with("flows      0\n") && !nothing.contains("rates"), "{nothing}");
    let nothing = home.run(&["stats", "--until", "2007-08-02", "-o", "json"]).succeeds().json();
    assert_eq!(
        (&nothing["first"], &nothing["rates"]),
        (&serde_json::Value::Null, &serde_json::Value::Null)
    );
}

#[test]
fn a_timeline_is_of_everybody_or_of_an_address() {
    let home = Home::with_store();
    for (arguments, expected) in [
        (
            &["--bin", "20s"][..],
            &[
                "time,octets",
                "2007-08-02 07:42:00.000,1034",
                "2007-08-02 07:42:20.000,5200",
                "2007-08-02 07:42:40.000,1",
            ][..],
        ),
        (
            &["122.166.26.132", "--bin", "30s"],
            &["time,sent,received", "2007-08-02 07:42:00.000,1230,4"],
        ),
        (
            &["10.0.0.0/8", "--bin", "1m"],
            &["time,sent,received", "2007-08-02 07:42:00.000,5004,6231"],
        ),
        (
            &["10.0.0.0/8", "--bin", "1m", "--direction", "dst", "--by", "flows"],
            &["time,received", "2007-08-02 07:42:00.000,5"],
        ),
        (
            &["--by", "flows", "--bin", "1d", "--tz", "+02:00", "--since", "2007-08-02T09:42:10"],
            &["time,flows", "2007-08-02 00:00:00.000+02:00,4"],
        ),
        (&["1.2.3.4"], &["time,sent,received"]),
    ] {
        let all = [&["timeline", "-o", "csv"], arguments].concat();
        assert_eq!(home.run(&all).succeeds().lines(), expected, "{arguments:?}");
    }
    let chart = home.run(&["timeline", "--bin", "10s"]).succeeds();
    assert_eq!(
        chart.lines()[0],
        "Traffic over time, 2007-08-02 07:42:00 – 2007-08-02 07:42:50 (UTC), 10 s a column"
    );
    assert!(chart.stdout.contains("6.2 kB in all"), "{}", chart.stdout);
    assert_eq!(chart.stderr, "");
    let json = home.run(&["timeline", "-o", "json"]).succeeds().json();
    assert_eq!((&json["binMs"], json["bins"].as_array().unwrap().len()), (&1000.into(), 41));
    assert_eq!(
        home.run(&["timeline", "1.2.3.4"]).succeeds().stdout,
        "Traffic over time, 1.2.3.4: no flows\n"
    );
}

#[test]
fn a_timeline_is_told_by_keys() {
    let home = Home::with_store();
    let timeline = |arguments: &[&str]| {
        home.run(&[&["timeline", "--bin", "20s", "-o", "csv"], arguments].concat()).succeeds()
    };
    // Most octets are to 10.0.0.3.
    let told = timeline(&["--key", "dst", "-n", "1"]);
    let lines = told.lines();
    assert_eq!(lines[0], "time,dstAddress,octets");
    assert_eq!(lines.len(), 1 + 3 * 2);
    let sums = |lines: &[&str]| -> u64 {
        lines.iter().map(|line| line.rsplit(',').next().unwrap().parse::<u64>().unwrap()).sum()
    };
    assert_eq!(sums(&lines[1..]), 6235);
    assert!(lines[1].starts_with("2007-08-02 07:42:00.000,") && lines[2].contains(".000,,"));
    let json = home.run(&["timeline", "--key", "proto", "-o", "json"]).succeeds().json();
    assert_eq!(json["bins"][0]["protocol"], "TCP");
    assert_eq!(json["bins"][1]["protocol"], serde_json::Value::Null);
    let chart = home.run(&["timeline", "--key", "dst", "-n", "2"]).succeeds().stdout;
    assert!(chart.contains("6.2 kB in all") && chart.contains("\nothers: "), "{chart}");
    // Each has a line of its own: 5,000 octets in 20 s and then 1, and the rest of 1,034 and 200.
    let chart =
        home.run(&["timeline", "--bin", "20s", "--key", "dst", "-n", "1"]).succeeds().stdout;
    for line in
        ["       2 kbit/s ┤        ████████▁▁▁▁▁▁▁▁\n", "    413.6 bit/s ┤████████▂▂▂▂▂▂▂▂\n"]
    {
        assert!(chart.contains(line), "{line}{chart}");
    }
    for (arguments, message) in [
        (&["--key", "scr"][..], "did you mean src?"),
        (&["-n", "3"], "--key"),
        (&["--key", "src", "-n", "0"], "from 1 to 100"),
    ] {
        home.run(&[&["timeline"], arguments].concat()).ends(2, message);
    }
}

#[test]
fn a_timeline_that_cannot_be_is_wrong_usage() {
    let home = Home::with_store();
    for (arguments, message) in [
        (&["--bin", "0s"][..], "write 30s, 5m, 1h or 1d"),
        (&["--bin", "soon"], "\"soon\" is no span of time"),
        (&["--direction", "src"], "<ADDR|CIDR>"),
        (&["--plot", "day.gif"], ".svg or .png"),
        (&["--plot", "day"], ".svg or .png"),
        (&["--by", "bytes"], "octets"),
        (&["10.0.0"], "is no address"),
    ] {
        home.run(&[&["timeline"], arguments].concat()).ends(2, message);
    }
    // A flow two days before the others.
    let mut early = exports(6, &[("10.0.0.7", "10.0.0.8", 4000, 0)]);
    early[8..12].copy_from_slice(&(BEGIN_SECS + 60 - 2 * 86_400).to_be_bytes());
    let early = capture(&[early]);
    home.run(&["load", &home.file("early.pcap", &early)]).succeeds();
    let error =
        home.run(&["timeline", "--bin", "1s"]).ends(2, "more than 100,000; choose longer ones");
    assert!(error.stderr.contains("--bin 1 s: "), "{}", error.stderr);
    home.run(&["timeline", "--bin", "2s"]).succeeds();
}

#[test]
fn plots_are_written_beside_the_answer() {
    let home = Home::with_store();
    for (arguments, bars) in [
        (&["active-flow"][..], 4),
        (&["active-flow", "-print", "2", "--by", "packets"], 2),
        (&["active-flow", "--since", "2008-01-01"], 0),
        (&["timeline", "--bin", "10s"], 5),
        (&["timeline", "122.166.26.132", "--bin", "10s"], 4),
        (&["timeline", "--until", "2007-01-01"], 0),
    ] {
        let answer = home.run(arguments).succeeds();
        let svg = home.path("plot.SVG");
        let drawn = home.run(&[arguments, &["--plot", svg.to_str().unwrap()]].concat()).succeeds();
        let text = fs::read_to_string(&svg).unwrap();
        assert_eq!(text.matches("class=\"bar\"").count(), bars, "{arguments:?}");
        assert_eq!(text.contains("There are no flows"), bars == 0, "{arguments:?}");
        // Bins may be others where a picture has more room.
        if arguments[0] == "active-flow" {
            assert_eq!(drawn.stdout, answer.stdout);
        }
        let png = home.path("plot.png");
        home.run(&[arguments, &["--plot", png.to_str().unwrap()]].concat()).succeeds();
        let bytes = fs::read(&png).unwrap();
        assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x04\xb0"), "1200 wide");
    }
    let left = fs::read_dir(home.path(""))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap());
    assert!(left.into_iter().all(|name| !name.contains("tmp")));
    let folder = home.path("folder.png");
    fs::create_dir(&folder).unwrap();
    for file in ["none/plot.png", "folder.png"] {
        let file = home.path(file);
        home.run(&["timeline", "--plot", file.to_str().unwrap()]).ends(1, file.to_str().unwrap());
    }
}

#[test]
fn a_timeline_and_statistics_scale_up_what_was_sampled() {
    let home = Home::new();
    let mut sampled = exports(0, &FLOWS);
    sampled[22..24].copy_from_slice(&100u16.to_be_bytes());
    home.run(&["load", &home.file("day.pcap", &capture(&[sampled]))]).succeeds();
    let timeline = ["timeline", "--bin", "1d", "-o", "csv"];
    let stats = ["stats", "-o", "json"];
    let scaled = home.run(&timeline).ends(0, "--scaled=no leaves them");
    assert_eq!(scaled.lines()[1], "2007-08-02 00:00:00.000,623500");
    assert_eq!(home.run(&stats).ends(0, "--scaled=no").json()["octets"], 623_500);
    // Which keys there are takes a look of its own, and each flow counts once all the same.
    home.run(&["timeline", "--key", "dst", "-o", "csv"]).ends(0, "(6 flows by 100)");
    home.run(&["report", "--month", "2007-08", "--by", "if"]).ends(0, "(6 flows by 100)");
    // A filter compares what was exported: the largest flow is one of 5,000 octets.
    let large = ["stats", "--where", "bytes > 5k", "--explain"];
    let none = home.run(&large).ends(0, "as they were exported, before they are multiplied");
    assert!(none.stdout.starts_with("flows      0\n"), "{}", none.stdout);
    let exported = home.run(&[&timeline[..], &["--scaled=no"]].concat()).succeeds();
    assert_eq!((exported.lines()[1], &*exported.stderr), ("2007-08-02 00:00:00.000,6235", ""));
    assert_eq!(
        home.run(&[&stats[..], &["--scaled=no"]].concat()).succeeds().json()["octets"],
        6235
    );
}
