//! `export`: which flows go to other programs, and the file that they are written to.

use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::{QuestionOptions, Refused, Scaling, Surroundings};
use crate::answer::{AnswerError, FlowWriter, Format, Layout, write_parquet};
use crate::flow::{Columns, Names};
use crate::meaning::{Attribute, Ends, Meaning};
use crate::query::{Direction, Question};
use crate::store::FlowStream;

/// Which flows go elsewhere, and how they are counted.
#[derive(Debug, Clone, clap::Args)]
pub struct Selection {
    #[command(flatten)]
    question: QuestionOptions,
    #[command(flatten)]
    scaling: Scaling,
}

/// What can be said of a file.
#[derive(Debug, Clone, clap::Args)]
pub struct Export {
    /// The flows.
    #[command(flatten)]
    pub flows: Selection,
    /// The file to be; its name ends in .parquet, .csv, .ndjson or .json, and says what is written
    // Where flows go to another place, there is none.
    #[arg(long, value_name = "FILE", required = true)]
    to: Option<Target>,
    /// Replace the file, if there is one
    #[arg(long)]
    pub force: bool,
}

/// A file to be, and its format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where.
    pub path: PathBuf,
    format: FileFormat,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum FileFormat {
    Parquet,
    Text(Format),
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = PathBuf::from(text);
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        let format = match extension.to_str() {
            Some("parquet") => FileFormat::Parquet,
            Some("csv") => FileFormat::Text(Format::Csv),
            Some("ndjson") => FileFormat::Text(Format::Ndjson),
            Some("json") => FileFormat::Text(Format::Json),
            _ => {
                return Err(
                    "the format is told by the name; name a file that ends in .parquet, .csv, \
                     .ndjson or .json",
                );
            }
        };
        Ok(Self { path, format })
    }
}

impl Selection {
    /// The question that is meant.
    ///
    /// # Errors
    ///
    /// As [`QuestionOptions::question`].
    pub fn question(&self, around: &Surroundings<'_>) -> Result<Question, Refused> {
        self.question.question(around, Direction::Src)
    }

    /// Whether counters are multiplied by sampling intervals: elsewhere they are as they were
    /// exported, unless somebody said otherwise.
    pub fn scaled(&self) -> bool {
        self.scaling.scaled(false)
    }
}

impl Export {
    /// The file to be.
    ///
    /// # Errors
    ///
    /// [`Refused`] where none is named.
    pub fn target(&self) -> Result<&Target, Refused> {
        self.to.as_ref().ok_or_else(|| Refused::of("to", "which file is to be written?"))
    }
}

impl Target {
    /// The name of its format.
    pub fn format(&self) -> &str {
        match &self.format {
            FileFormat::Parquet => "parquet",
            FileFormat::Text(format) => format.name(),
        }
    }

    /// What is read of the flows.
    pub fn columns(&self) -> Columns {
        match &self.format {
            FileFormat::Parquet => Columns::ALL,
            FileFormat::Text(format) => format.columns(),
        }
    }

    /// What there is room for of what the ends of flows mean, in each line of a text.
    pub fn attributes(&self) -> Vec<Attribute> {
        match &self.format {
            FileFormat::Parquet => Vec::new(),
            FileFormat::Text(format) => format.attributes(),
        }
    }

    /// Writes `flows` to the file that is to be, with times of `zone` and, where there is room for
    /// them, `names`; also what `meaning` says of their ends, which is in a text what `ends` say of
    /// [these](Self::attributes). Says how many there are.
    ///
    /// # Errors
    ///
    /// What the stream, `names` and the file meet.
    pub fn write(
        &self,
        flows: FlowStream,
        to: &mut (impl Write + Send),
        zone: TimeZone,
        names: impl FnOnce() -> crate::store::Result<Names>,
        (meaning, ends): (Option<Arc<Meaning>>, Ends),
    ) -> Result<u64, AnswerError> {
        match &self.format {
            FileFormat::Parquet => {
                write_parquet(flows, Layout { meaning, ..Layout::default() }, to)
            }
            FileFormat::Text(format) => {
                let writer = FlowWriter::new(to, format, zone);
                let writer = if format.is_json() { writer.with_names(names()?) } else { writer };
                writer.with_ends(ends).write_all(flows).map(|written| written.flows)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_told_by_the_name() {
        for (name, format) in [
            ("a.parquet", Some("parquet")),
            ("x/b.PARQUET", Some("parquet")),
            ("a.b.csv", Some("csv")),
            ("a.ndjson", Some("ndjson")),
            ("a.json", Some("json")),
            ("parquet", None),
            (".parquet", None),
            ("a.csv.gz", None),
            ("-", None),
        ] {
            let target = name.parse::<Target>().ok();
            assert_eq!(target.as_ref().map(Target::format), format, "{name}");
        }
    }
}
