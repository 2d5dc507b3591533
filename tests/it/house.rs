//! Data flows one way, and so do imports: a stage uses what stands to its left.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The stages in the order of the data; those of one line do not know each other.
const STAGES: [&[&str]; 10] = [
    &["flow"],
    &["capture"],
    &["netflow"],
    &["normalise", "row"],
    &["store"],
    &["load", "query"],
    &["collect", "aggregate"],
    &["answer"],
    &["generate"],
    &["cli"],
];

#[test]
fn each_stage_uses_only_stages_to_its_left() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let vocabulary = vocabulary(&fs::read_to_string(source.join("lib.rs")).unwrap());
    let mut wrong = Vec::new();
    for file in rust_files(&source) {
        let inside = file.strip_prefix(&source).unwrap();
        let Some(stage) = stage_of(inside) else { continue };
        for path in crate_paths(&library_code(&fs::read_to_string(&file).unwrap())) {
            let used = vocabulary.get(&path[0]).unwrap_or(&path[0]);
            if !may_use(&stage, used) {
                wrong.push(format!("src/{}: crate::{}", inside.display(), path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "these import from the right:\n{}", wrong.join("\n"));
}

#[test]
fn every_folder_is_a_stage() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(source).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let name = name.trim_end_matches(".rs");
        assert!(["lib", "main"].contains(&name) || rank(name).is_some(), "src/{name}");
    }
}

#[test]
fn paths_are_found_in_every_form() {
    let code = "use crate::flow::{Family, record::{A, B}};\nfn f(x: crate::row::Order) {}\n\
                use crate::{load, store::Scan};\nuse crate::FlowBatch;";
    let found: Vec<String> = crate_paths(code).iter().map(|path| path.join("::")).collect();
    assert_eq!(
        found,
        [
            "flow::Family",
            "flow::record::A",
            "flow::record::B",
            "row::Order",
            "load",
            "store::Scan",
            "FlowBatch"
        ]
    );
    for (stage, used, allowed) in [
        ("store", "row", true),
        ("row", "store", false),
        ("load", "query", false),
        ("capture", "flow", true),
        ("flow", "netflow", false),
        ("capture", "row", false),
        ("cli", "generate", true),
        ("cli", "nowhere", false),
    ] {
        assert_eq!(may_use(stage, used), allowed, "{stage} → {used}");
    }
}

fn rank(stage: &str) -> Option<usize> {
    STAGES.iter().position(|rank| rank.contains(&stage))
}

fn may_use(stage: &str, used: &str) -> bool {
    let to_the_left = rank(used).zip(rank(stage)).is_some_and(|(used, stage)| used < stage);
    stage == used || to_the_left
}

/// `capture` of `capture/pcap.rs`; none of `lib.rs` and `main.rs`, which see all.
fn stage_of(inside: &Path) -> Option<String> {
    let mut parts = inside.components();
    let first = parts.next()?.as_os_str().to_str()?.to_owned();
    parts.next().map(|_| first)
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && path.file_name().is_none_or(|name| name != "tests.rs")
        {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The code without comments, and without the tests at its end, which may use any stage.
fn library_code(code: &str) -> String {
    let code = code.split("#[cfg(test)]\nmod ").next().unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Which stage each name comes from that `lib.rs` gives out at the top of the crate.
fn vocabulary(lib: &str) -> BTreeMap<String, String> {
    lib.lines()
        .filter_map(|line| line.strip_prefix("pub use "))
        .flat_map(use_tree)
        .filter_map(|path| Some((path.last()?.clone(), path.first()?.clone())))
        .collect()
}

/// Every path that begins with `crate::`, without that, and with groups spread out.
fn crate_paths(code: &str) -> Vec<Vec<String>> {
    code.split("crate::").skip(1).flat_map(use_tree).collect()
}

/// The paths of the use tree that `text` begins with.
fn use_tree(text: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    read_tree(text, &mut Vec::new(), &mut paths);
    paths
}

/// Reads one tree and returns what follows it.
fn read_tree<'a>(text: &'a str, prefix: &mut Vec<String>, paths: &mut Vec<Vec<String>>) -> &'a str {
    let depth = prefix.len();
    let mut rest = text.trim_start();
    loop {
        if let Some(group) = rest.strip_prefix('{') {
            rest = group;
            while !rest.starts_with('}') && !rest.is_empty() {
                rest = read_tree(rest, prefix, paths).trim_start();
                rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
            }
            rest = rest.strip_prefix('}').unwrap_or(rest);
            break;
        }
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if end == 0 {
            // `*`, or nothing that a path can go on with: the path ends here.
            rest = rest.get(1..).unwrap_or_default();
            paths.push(prefix.clone());
            break;
        }
        prefix.push(rest[..end].to_owned());
        rest = &rest[end..];
        let Some(more) = rest.strip_prefix("::") else {
            paths.push(prefix.clone());
            break;
        };
        rest = more;
    }
    prefix.truncate(depth);
    rest
}
