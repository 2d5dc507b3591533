//! Which files are to be read.

use std::collections::HashSet;
use std::ffi::OsString;
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
            Self::File(path) => f.write_str(&printable(&path.to_string_lossy())),
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
    for name in names {
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
        for file in ["z", "a", "b/2", "b/1", "b/c/x", ".hidden"] {
            fs::write(root.join(file), b"").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(root, root.join("b/c/up")).unwrap();
        let found = find(&[root.join("z"), PathBuf::from("-"), root.to_owned()]).unwrap();
        let names: Vec<String> = found
            .iter()
            .map(|input| input.to_string().replace(&format!("{}/", root.display()), ""))
            .collect();
        assert_eq!(names, ["z", "standard input", ".hidden", "a", "b/1", "b/2", "b/c/x", "z"]);
    }

    #[test]
    fn a_path_that_is_not_there_is_named() {
        let error = find(&[PathBuf::from("/no/such/capture")]).unwrap_err();
        assert_eq!(error.to_string(), "open /no/such/capture");
        let error = find(&[PathBuf::from("/no/such\u{1b}[2J\ncapture")]).unwrap_err();
        assert_eq!(error.to_string(), r"open /no/such\x1b[2J\ncapture");
    }
}
