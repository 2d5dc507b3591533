//! `--plot`: a picture of the answer, in a file.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;

use super::whole_file::WholeFile;
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
        let bytes = match format {
            PlotFormat::Svg => plot.svg().as_bytes().to_vec(),
            PlotFormat::Png => plot.png().context("draw the plot as PNG")?,
        };
        let mut file = WholeFile::create(path, true)?;
        file.write_all(&bytes).map_err(file.failed())?;
        file.finish()?;
        Ok(())
    }
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
}
