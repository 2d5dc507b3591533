//! `export`: files, and what keeps one from being written.

use std::fs;
use std::process::Command;

use super::{Home, Run, files_in};

fn names(home: &Home) -> Vec<String> {
    let in_out = files_in(&home.path("out"));
    in_out.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn text_files_hold_what_query_prints() {
    let home = Home::with_store();
    let question = ["122.166.26.132", "--direction", "any", "--since", "2007-08-02T07:42:03"];
    for format in ["csv", "ndjson", "json"] {
        let file = format!("a.{format}");
        home.run(&[&["export", "--to", &file], &question[..]].concat())
            .ends(0, &format!("wrote 3 flows to {file} ("));
        let printed = home.run(&[&["query", "-o", format], &question[..]].concat()).succeeds();
        assert_eq!(fs::read_to_string(home.path(&file)).unwrap(), printed.stdout, "{format}");
    }
    let told = home.run(&["export", "9.9.9.9", "--to", "b.csv", "-o", "json"]).succeeds();
    assert_eq!(told.stderr, "");
    let told = told.json();
    assert_eq!((&told["file"], &told["format"]), (&"b.csv".into(), &"csv".into()));
    assert_eq!(told["flows"], 1);
}

#[test]
fn a_file_that_is_there_stays_unless_it_is_to_be_replaced() {
    let home = Home::with_store();
    let file = home.file("out/a.csv", b"before");
    home.run(&["export", "--to", &file])
        .ends(2, "a.csv is there already; say --force to replace it");
    assert_eq!(fs::read(&file).unwrap(), b"before");
    home.run(&["export", "--to", &file, "--force"]).ends(0, "wrote 6 flows");
    assert!(fs::read_to_string(&file).unwrap().contains("122.166.26.132"));
    assert_eq!(names(&home), ["a.csv"]);
}

#[test]
fn what_cannot_be_exported_is_said_and_leaves_nothing() {
    let home = Home::with_store();
    fs::create_dir_all(home.path("out/folder.csv")).unwrap();
    for (arguments, status, message) in [
        (&["--to", "out/a.xlsx"][..], 2, "a file that ends in .parquet, .csv, .ndjson or .json"),
        (&["--to", "-"], 2, "a file that ends in .parquet"),
        (&[], 2, "--to <FILE>"),
        (&["10.0.0", "--to", "out/a.csv"], 2, "\"10.0.0\" is no address"),
        (&["--to", "out/a.csv", "--where", "prot tcp"], 2, "--where: "),
        (&["--to", "out/a.csv", "--direction", "any"], 2, "<ADDR|CIDR>"),
        (&["--to", "out/folder.csv", "--force"], 1, "out/folder.csv: write: "),
        (&["--to", "gone/a.parquet"], 1, "gone/a.parquet: write: No such file"),
        (&["--to", "gone/a.parquet"], 1, "hint: make the folder, or name a file in another"),
        (&["--to", "out/a.csv", "--store", "nowhere"], 1, "there is no store here"),
    ] {
        home.run(&[&["export"], arguments].concat()).ends(status, message);
    }
    assert_eq!(names(&home), [""; 0]);
}

#[test]
fn a_full_disk_and_a_closed_folder_leave_no_half_file() {
    let home = Home::new();
    home.run(&["generate", "day.pcap", "--flows", "20000"]).succeeds();
    home.run(&["load", "day.pcap"]).succeeds();
    fs::create_dir(home.path("out")).unwrap();
    for file in ["out/a.parquet", "out/a.csv"] {
        // No file may become larger than 64 blocks of 512 bytes.
        let limited = Command::new("sh")
            .args(["-c", "ulimit -f 64; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_earlgrey-hbase")])
            .args(["export", "--to", file])
            .current_dir(home.path(""))
            .env("XDG_DATA_HOME", home.path("data"))
            .output();
        let run = Run::of(limited.unwrap()).ends(1, &format!("{file}: write: File too large"));
        assert!(run.stderr.contains("\nhint: make room, or name a file"), "{}", run.stderr);
        assert_eq!(names(&home), [""; 0], "{file}");
    }

    let closed = home.path("out");
    let mode = |mode| {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&closed, fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(0o500);
    let shut = closed.join("a.parquet");
    let run = home.powerless(&["export", "--to", shut.to_str().unwrap()], &closed).output();
    mode(0o700);
    let run = Run::of(run.unwrap()).ends(1, "a.parquet: write: Permission denied");
    assert!(run.stderr.contains("\nhint: check who owns the folder"), "{}", run.stderr);
    assert_eq!(names(&home), [""; 0]);
}
