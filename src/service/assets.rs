//! What pages load: a sheet, and modules of scripts. They are part of the program, and their address
//! says what is in them, so a browser keeps them until they change.

use std::sync::LazyLock;

use xxhash_rust::xxh3::Xxh3;

/// A file that pages load.
pub(super) struct Asset {
    name: &'static str,
    /// Its media type.
    pub(super) media_type: &'static str,
    /// What is in it.
    pub(super) bytes: &'static [u8],
}

macro_rules! assets {
    ($($name:literal $media_type:literal;)*) => {
        const ASSETS: &[Asset] = &[$(Asset {
            name: $name,
            media_type: $media_type,
            bytes: include_bytes!(concat!("page/assets/", $name)),
        },)*];
    };
}

assets! {
    "style.css" "text/css; charset=utf-8";
    "page.js" "text/javascript; charset=utf-8";
    "brush.js" "text/javascript; charset=utf-8";
    "complete.js" "text/javascript; charset=utf-8";
    "copy.js" "text/javascript; charset=utf-8";
    "hover.js" "text/javascript; charset=utf-8";
    "later.js" "text/javascript; charset=utf-8";
    "live.js" "text/javascript; charset=utf-8";
    "reads.js" "text/javascript; charset=utf-8";
    "icon.svg" "image/svg+xml";
}

/// The hash of all of them, as it stands in their addresses; modules find each other beside
/// themselves.
pub(super) static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Xxh3::new();
    for asset in ASSETS {
        hash.update(asset.name.as_bytes());
        hash.update(asset.bytes);
    }
    format!("{:016x}", hash.digest())
});

/// The address of a file.
pub(super) fn address(name: &str) -> String {
    format!("/assets/{}/{name}", *VERSION)
}

/// The file of that name, of this version.
pub(super) fn find(version: &str, name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name).filter(|_| version == *VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_its_version_and_name() {
        let (version, name) = address("style.css")
            .strip_prefix("/assets/")
            .unwrap()
            .split_once('/')
            .map(|(version, name)| (version.to_owned(), name.to_owned()))
            .unwrap();
        assert_eq!(find(&version, &name).unwrap().media_type, "text/css; charset=utf-8");
        for (version, name) in [(&*version, "../mod.rs"), (&*version, ""), ("0", "style.css")] {
            assert!(find(version, name).is_none(), "{version} {name}");
        }
    }

    #[test]
    fn modules_load_only_what_is_there() {
        for asset in ASSETS.iter().filter(|asset| asset.media_type.starts_with("text/javascript")) {
            let text = std::str::from_utf8(asset.bytes).unwrap();
            for line in text.lines().filter(|line| line.starts_with("import ")) {
                let (_, name) = line.trim_end_matches("\";").rsplit_once("\"./").unwrap();
                assert!(find(&VERSION, name).is_some(), "{}: {line}", asset.name);
            }
        }
    }
}
