//! Data flows one way, and so do imports, in the house as in each of its rooms.
//!
//! Every path in the code of a module is followed to the module that has the item, through what
//! others re-export of it. Modules of one folder stand for all that lies within them, so a path
//! counts where its two ends part: one from `store/embedded/run/file.rs` to
//! `store/embedded/folder/access.rs` says that `run` uses `folder`. Two rules hold:
//!
//! - A stage uses what stands to its left.
//! - The modules of a folder use each other in no circle.
//!
//! What a module and those within it use of each other is no circle of place: it is the front
//! of their room, and keeps what they share.

mod code;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use code::{Modules, Use};

/// The stages in the order of the data; those of one line do not know each other.
const STAGES: [&[&str]; 17] = [
    &["flow"],
    &["capture", "kafka"],
    &["netflow"],
    &["anonymise", "normalise", "row"],
    &["import", "meaning", "store"],
    &["load", "query", "watch"],
    &["collect", "aggregate"],
    &["detect"],
    &["rules"],
    &["answer"],
    &["sink"],
    &["request"],
    &["keep"],
    &["alert"],
    &["service"],
    &["generate"],
    &["cli"],
];

#[test]
fn each_stage_uses_only_stages_to_its_left() {
    let wrong = from_the_right(&library().uses());
    assert!(wrong.is_empty(), "these import from the right:\n{}", wrong.join("\n"));
}

#[test]
fn modules_of_a_folder_use_each_other_in_no_circle() {
    let circles = circles(&library().uses());
    assert!(circles.is_empty(), "these lie on circles: {circles:#?}");
}

#[test]
fn every_folder_is_a_stage() {
    for entry in fs::read_dir(source()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let name = name.trim_end_matches(".rs");
        assert!(["lib", "main"].contains(&name) || rank(name).is_some(), "src/{name}");
    }
}

#[test]
fn a_path_leads_to_the_module_that_has_the_item() {
    let files = [
        ("lib.rs", "pub mod row;\npub use row::{Order, key as keys};"),
        ("row/mod.rs", "mod key;\nmod order;\npub use self::order::Order;\npub struct Row;"),
        ("row/key.rs", "pub struct Key;"),
        ("row/order.rs", "pub enum Order {}"),
    ];
    for (user, code, used) in [
        ("load", "use crate::row::{Row, key::{Key}};", "row row::key"),
        ("load", "fn f(x: &crate::row::Order) {}", "row::order"),
        ("load", "use crate::Order;\nfn f() { Order::first() }", "row::order row::order"),
        ("load", "use crate::{keys::Key, row::order::Key as Other};", "row::key row::order"),
        ("load", "use crate::row::{self as rows};\nfn f(_: rows::key::Key) {}", "row row::key"),
        (
            "row/new",
            "use super::{Order, key};\nuse super::super::Order as O;",
            "row::order row::key row::order",
        ),
        (
            "row/new",
            "mod a {\n    use super::super::Order;\n}\nuse self::a::A;",
            "row::new::a row::order",
        ),
        ("row/new/deep", "const A: u8 = super::super::key::A;", "row::key"),
        ("load", "pub(crate) use own;\nfn f() { own::x() }", ""),
        ("load", "// crate::row::Row\nuse std::row::Row;\nlet _ = row::Row;", ""),
        ("load", "#[cfg(test)]\nmod tests {\n    use crate::row::Row;\n}", ""),
    ] {
        let file = format!("{user}.rs");
        let uses = modules(&[&files[..], &[(&file, code)]].concat()).uses();
        let uses = uses.iter().filter(|one| one.user.join("/").starts_with(user));
        let found: Vec<String> = uses.map(|one| one.used.join("::")).collect();
        assert_eq!(found.join(" "), used, "{user}: {code}");
    }
}

#[test]
fn what_comes_from_the_right_is_told() {
    for (stage, used, allowed) in [
        ("store", "row", true),
        ("row", "store", false),
        ("load", "query", false),
        ("capture", "flow", true),
        ("flow", "netflow", false),
        ("capture", "row", false),
        ("cli", "generate", true),
    ] {
        let (user, path) =
            (format!("{stage}/deep/file.rs"), format!("use super::super::super::{used}::X;"));
        let code = modules(&[("lib.rs", ""), (&format!("{used}/mod.rs"), ""), (&user, &path)]);
        assert_eq!(from_the_right(&code.uses()).is_empty(), allowed, "{stage} → {used}");
    }
}

#[test]
fn circles_are_told_where_their_ends_part() {
    for (case, files, expected) in [
        ("two files", vec![("a/b.rs", "use super::c::C;"), ("a/c.rs", "use crate::a::b::B;")], 2),
        ("one way", vec![("a/b.rs", "use super::c::C;"), ("a/c.rs", "struct C;")], 0),
        (
            "three, one of them through what the parent gives out",
            vec![
                ("a/mod.rs", "mod b;\npub use b::B;"),
                ("a/b.rs", "use super::c::C;"),
                ("a/c.rs", "use super::d::D;"),
                ("a/d.rs", "use super::B;"),
            ],
            3,
        ),
        (
            "two rooms, by other files",
            vec![
                ("a/b/mod.rs", ""),
                ("a/b/x.rs", "use crate::a::c::x::X;"),
                ("a/b/y.rs", ""),
                ("a/c/mod.rs", ""),
                ("a/c/x.rs", ""),
                ("a/c/y.rs", "use super::super::b::y::Y;"),
            ],
            2,
        ),
        (
            "a parent and its child",
            vec![("a/mod.rs", "mod b;\nuse b::B;\nstruct A;"), ("a/b.rs", "use super::A;")],
            0,
        ),
    ] {
        let mut all = vec![("lib.rs", ""), ("a/mod.rs", "")];
        all.extend(files);
        let circles = circles(&modules(&all).uses());
        assert_eq!(circles.len(), expected, "{case}: {circles:#?}");
    }
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The library as it is; the program only calls it.
fn library() -> Modules {
    let source = source();
    let mut modules = Modules::default();
    for file in rust_files(&source) {
        let inside = file.strip_prefix(&source).unwrap().to_str().unwrap();
        if inside != "main.rs" {
            modules.add(inside, &fs::read_to_string(&file).unwrap());
        }
    }
    modules
}

fn modules(files: &[(&str, &str)]) -> Modules {
    let mut modules = Modules::default();
    for (file, code) in files {
        modules.add(file, code);
    }
    modules
}

/// All files of library code.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn rank(stage: &str) -> Option<usize> {
    STAGES.iter().position(|rank| rank.contains(&stage))
}

/// The uses that go from a stage to one that does not stand to its left.
fn from_the_right(uses: &[Use]) -> Vec<String> {
    let wrong = uses.iter().filter(|one| {
        let Some((from, to)) = one.user.first().zip(one.used.first()) else { return false };
        from != to && rank(to).zip(rank(from)).is_none_or(|(to, from)| to >= from)
    });
    wrong.map(told).collect()
}

/// The uses between modules of one folder from whose end a way leads back to their beginning.
fn circles(uses: &[Use]) -> BTreeSet<String> {
    let mut edges: BTreeMap<&[String], BTreeSet<&[String]>> = BTreeMap::new();
    let parted: Vec<_> = uses.iter().filter_map(|one| Some((parted(one)?, one))).collect();
    for ((user, used), _) in &parted {
        edges.entry(user).or_default().insert(used);
    }
    let on_circles = parted.iter().filter(|((user, used), _)| leads_to(&edges, used, user));
    on_circles
        .map(|((user, used), one)| {
            format!("{} → {}: {}", user.join("::"), used.join("::"), told(one))
        })
        .collect()
}

/// The two modules of one folder that a use goes between; none where one end lies within the
/// other.
fn parted(one: &Use) -> Option<(&[String], &[String])> {
    let part = one.user.iter().zip(&one.used).position(|(user, used)| user != used)?;
    Some((&one.user[..=part], &one.used[..=part]))
}

fn leads_to(
    edges: &BTreeMap<&[String], BTreeSet<&[String]>>,
    from: &[String],
    to: &[String],
) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(module) = open.pop() {
        if module == to {
            return true;
        }
        if seen.insert(module) {
            open.extend(edges.get(module).into_iter().flatten());
        }
    }
    false
}

fn told(one: &Use) -> String {
    format!("{}: {}", one.user.join("::"), one.path)
}
