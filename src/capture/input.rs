//! Which files are to be read.

use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::CaptureError;
use super::name::printable;

/// Something to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A file, whatever its name.
    File(PathBuf),
    /// A regular file that is read only if it is one, and no link that took its place.
    Plain(PathBuf),
    /// Standard input, which paths call `-`.
    Stdin,
}

impl Input {
    /// What `path`, as it is given on the command line, stands for: a file, or standard input.
    pub fn named(path: &Path) -> Self {
        if path.as_os_str() == "-" { Self::Stdin } else { Self::File(path.to_owned()) }
    }
}

/// The name to show: nothing in it can steer a terminal.
impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) | Self::Plain(path) => {
                f.write_str(&printable(&path.to_string_lossy()))
            }
            Self::Stdin => f.write_str("standard input"),
        }
    }
}

/// Expands `paths`: a file stands for itself, a directory for all files below it in the order of
/// their names, `-` for standard input.
///
/// Below a directory, links are followed, each directory is entered once, and what is no file (a
/// socket, a pipe, a device) is left out. A path given by name may be a pipe. What cannot be
/// looked into, a dangling link or a directory that may not be listed, stands among the files, so
/// that reading it says what is wrong.
///
/// # Errors
///
/// [`CaptureError::Open`] if a path does not exist; [`CaptureError::List`] if a directory that
/// was named cannot be listed.
pub fn find(paths: &[PathBuf]) -> Result<Vec<Input>, CaptureError> {
    let mut inputs = Vec::new();
    for path in paths {
        let input = Input::named(path);
        if input == Input::Stdin {
            inputs.push(input);
            continue;
        }
        let metadata = fs::metadata(path)
            .map_err(|source| CaptureError::Open { path: path.clone(), source })?;
        if metadata.is_dir() {
            // Links may lead back up, so a directory on the way is known by its true path.
            walk(path, &mut HashSet::new(), &mut inputs)?;
        } else {
            inputs.push(input);
        }
    }
    Ok(inputs)
}

/// The regular files at and below `path`, in the order of their names, each once. Below it `follow`
/// gives the true place of a link, or says why it is not followed. What is no file is left out.
///
/// # Errors
///
/// [`CaptureError::Open`] if there is no such path, and for a link that is not followed;
/// [`CaptureError::List`] if a directory cannot be listed.
pub fn find_plain(
    path: &Path,
    follow: impl Fn(&Path) -> io::Result<PathBuf>,
) -> Result<Vec<Input>, CaptureError> {
    let (mut found, mut entered) = (BTreeSet::new(), HashSet::new());
    let mut left = vec![path.to_owned()];
    while let Some(path) = left.pop() {
        let open = |source| CaptureError::Open { path: path.clone(), source };
        let kind = fs::symlink_metadata(&path).map_err(open)?.file_type();
        if kind.is_symlink() {
            left.push(follow(&path).map_err(open)?);
        } else if kind.is_file() {
            found.insert(path);
        } else if kind.is_dir() && entered.insert(path.clone()) {
            let list = |source| CaptureError::List { path: path.clone(), source };
            for entry in fs::read_dir(&path).map_err(list)? {
                let entry = entry.map_err(list)?;
                if !is_passed_over(&entry.file_name()) {
                    left.push(entry.path());
                }
            }
        }
    }
    Ok(found.into_iter().map(Input::Plain).collect())
}

/// Whether what has this name in a folder is not meant, unless it is named by itself: what others
/// keep beside their files, as in folders of Parquet `_SUCCESS` and `.part-0.parquet.crc`, and what
/// is not whole yet.
fn is_passed_over(name: &OsStr) -> bool {
    matches!(name.as_encoded_bytes().first(), Some(b'_' | b'.'))
}

fn walk(
    directory: &Path,
    entered: &mut HashSet<PathBuf>,
    inputs: &mut Vec<Input>,
) -> Result<(), CaptureError> {
    let list = |source| CaptureError::List { path: directory.to_owned(), source };
    if !entered.insert(directory.canonicalize().map_err(list)?) {
        return Ok(());
    }
    // All names are there before anything below is looked at: an error leaves nothing half done.
    let entries = fs::read_dir(directory).map_err(list)?;
    let mut names: Vec<OsString> =
        entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>().map_err(list)?;
    names.sort();
    for name in names.into_iter().filter(|name| !is_passed_over(name)) {
        let path = directory.join(name);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {
                // One folder that is closed to us does not keep us from the others.
                if walk(&path, entered, inputs).is_err() {
                    inputs.push(Input::File(path));
                }
            }
            Ok(metadata) if !metadata.is_file() => {}
            _ => inputs.push(Input::File(path)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_expanded_in_name_order_and_links_in_a_circle_end() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("b/c")).unwrap();
        fs::create_dir(root.join("_unfinished")).unwrap();
        let others = [".hidden", "_SUCCESS", "b/.2.crc", "_unfinished/3"];
        for file in ["z", "a", "b/2", "b/1", "b/c/x"].into_iter().chain(others) {
            fs::write(root.join(file), b"").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(root, root.join("b/c/up")).unwrap();
        let asked = [root.join("z"), PathBuf::from("-"), root.to_owned(), root.join(".hidden")];
        let found = find(&asked).unwrap();
        let names: Vec<String> = found
            .iter()
            .map(|input| input.to_string().replace(&format!("{}/", root.display()), ""))
            .collect();
        assert_eq!(names, ["z", "standard input", "a", "b/1", "b/2", "b/c/x", "z", ".hidden"]);
    }

    #[test]
    fn a_path_that_is_not_there_is_named() {
        let error = find(&[PathBuf::from("/no/such/capture")]).unwrap_err();
        assert_eq!(error.to_string(), "open /no/such/capture");
        let error = find(&[PathBuf::from("/no/such\u{1b}[2J\ncapture")]).unwrap_err();
        assert_eq!(error.to_string(), r"open /no/such\x1b[2J\ncapture");
    }

    #[test]
    #[cfg(unix)]
    fn plain_files_are_found_and_links_are_followed_where_they_may_be() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let (inside, outside) = (root.join("in"), root.join("out"));
        fs::create_dir_all(inside.join("b")).unwrap();
        fs::create_dir(&outside).unwrap();
        for file in ["in/z", "in/b/1", "in/b/_1", "in/b/.1", "out/secret"] {
            fs::write(root.join(file), b"").unwrap();
        }
        let link = std::os::unix::fs::symlink::<PathBuf, PathBuf>;
        link(inside.clone(), inside.join("b/up")).unwrap();
        let follow = |link: &Path| {
            let place = link.canonicalize()?;
            if place.starts_with(&inside) {
                Ok(place)
            } else {
                Err(io::Error::other("it leads out"))
            }
        };
        let found = find_plain(&inside, follow).unwrap();
        assert_eq!(found, ["b/1", "z"].map(|file| Input::Plain(inside.join(file))));
        assert_eq!(find_plain(&inside.join("z"), follow).unwrap().len(), 1);
        assert_eq!(find_plain(&inside.join("b/_1"), follow).unwrap().len(), 1);
        assert!(find_plain(&inside.join("gone"), follow).is_err());
        link(outside.join("secret"), inside.join("file")).unwrap();
        let error = find_plain(&inside, follow).unwrap_err();
        assert_eq!(error.to_string(), format!("open {}", inside.join("file").display()));
        // What took the place of a file is not read, nor waited for.
        let read = |file: &str| {
            let mut sink = |_: &super::super::Datagram<'_>| std::ops::ControlFlow::Continue(());
            let input = Input::Plain(inside.join(file));
            super::super::read(&input, &std::sync::atomic::AtomicU64::new(0), &mut sink).is_ok()
        };
        assert!(read("z") && !read("file") && !read("b"));
        let made = std::process::Command::new("mkfifo").arg(inside.join("pipe")).status().unwrap();
        assert!(made.success() && !read("pipe"));
    }
}
