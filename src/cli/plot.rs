//! `--plot`: a picture of the answer, in a file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::answer::Plot;

/// The option.
#[derive(Debug, clap::Args)]
pub(super) struct PlotOption {
    /// Also draw the answer into a file: SVG or PNG, by its name
    #[arg(long, value_name = "FILE.svg|FILE.png", value_parser = parse)]
    plot: Option<PlotFile>,
}

/// A file to be, and its format.
#[derive(Debug, Clone)]
struct PlotFile {
    path: PathBuf,
    format: PlotFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PlotFormat {
    Svg,
    Png,
}

fn parse(text: &str) -> Result<PlotFile, String> {
    let path = PathBuf::from(text);
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    let format = match extension.to_str() {
        Some("svg") => PlotFormat::Svg,
        Some("png") => PlotFormat::Png,
        _ => return Err("a plot is SVG or PNG; name a file that ends in .svg or .png".to_owned()),
    };
    Ok(PlotFile { path, format })
}

impl PlotOption {
    /// Whether a plot is wanted.
    pub(super) fn is_given(&self) -> bool {
        self.plot.is_some()
    }

    /// Writes what `draw` gives, if a plot is wanted. The file is there as a whole, or as it was.
    ///
    /// # Errors
    ///
    /// What writing the file meets, with its name.
    pub(super) fn write(&self, draw: impl FnOnce() -> Plot) -> anyhow::Result<()> {
        let Some(PlotFile { path, format }) = &self.plot else { return Ok(()) };
        let plot = draw();
        let drawn = match format {
            PlotFormat::Svg => Ok(plot.svg().as_bytes().to_vec()),
            PlotFormat::Png => plot.png(),
        };
        let written = drawn.and_then(|bytes| replace(path, &bytes));
        written.with_context(|| format!("write the plot to {}", path.display()))
    }
}

/// Puts a file of these bytes in the place of the one at `path`, if there is one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(name);
    let write = || {
        let mut file = File::options().write(true).create_new(true).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().inspect_err(|error| {
        // What is there already is somebody else's.
        if error.kind() != io::ErrorKind::AlreadyExists {
            let _ = fs::remove_file(&beside);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_told_by_the_name() {
        for (name, format) in [
            ("a.svg", Some(PlotFormat::Svg)),
            ("x/b.PNG", Some(PlotFormat::Png)),
            ("png", None),
            (".svg", None),
            ("a.gif", None),
        ] {
            assert_eq!(parse(name).ok().map(|file| file.format), format, "{name}");
        }
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.svg");
        fs::write(&path, "before").unwrap();
        replace(&path, b"after").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"after");
        assert!(replace(folder.path(), b"").is_err());
        assert!(replace(&folder.path().join("none/a.svg"), b"").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
