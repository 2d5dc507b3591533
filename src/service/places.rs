//! Where files may be that are named from outside.

use std::path::{Path, PathBuf};

use super::problem::Problem;

/// The true place of `path`, if that is within one of `folders`, whatever links and `..` are on the
/// way. A path that does not begin at the root begins in one of them.
///
/// # Errors
///
/// [`Problem`] where it leads out of them, or is not there: which of both, nobody is told.
pub(super) fn allowed(path: &Path, folders: &[PathBuf]) -> Result<PathBuf, Problem> {
    let place = |folder: &PathBuf| {
        let folder = folder.canonicalize().ok()?;
        let place = folder.join(path).canonicalize().ok()?;
        place.starts_with(&folder).then_some(place)
    };
    folders.iter().find_map(place).ok_or_else(|| {
        let path = path.display();
        Problem::forbidden(format!(
            "{path}: there is no such thing in the folders that are allowed"
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_path_leads_out_of_the_folders_that_are_allowed() {
        let root = tempfile::tempdir().unwrap();
        let (inside, outside) = (root.path().join("captures"), root.path().join("captures-secret"));
        for folder in [&inside, &outside] {
            std::fs::create_dir(folder).unwrap();
            std::fs::write(folder.join("day.pcap"), "").unwrap();
        }
        symlink(outside.join("day.pcap"), inside.join("out.pcap")).unwrap();
        symlink(&outside, inside.join("folder")).unwrap();
        symlink(inside.join("day.pcap"), inside.join("in.pcap")).unwrap();
        let folders = [inside.clone()];
        let day = inside.canonicalize().unwrap().join("day.pcap");
        for path in [
            inside.join("day.pcap"),
            "day.pcap".into(),
            "in.pcap".into(),
            "./day.pcap".into(),
            inside.join("../captures/day.pcap"),
        ] {
            assert_eq!(allowed(&path, &folders).unwrap(), day, "{}", path.display());
        }
        for path in [
            outside.join("day.pcap"),
            "../captures-secret/day.pcap".into(),
            "out.pcap".into(),
            "folder/day.pcap".into(),
            inside.join("folder"),
            "gone.pcap".into(),
            "%2e%2e/captures-secret/day.pcap".into(),
            "/etc/passwd".into(),
            PathBuf::from("day.pcap\0"),
            "..".into(),
        ] {
            assert_eq!(allowed(&path, &folders).unwrap_err().status, 403, "{}", path.display());
        }
        assert!(allowed(&day, &[]).is_err());
    }
}
