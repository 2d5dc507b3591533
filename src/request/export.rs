//! `export`: flows as a file for other programs.

use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;

use jiff::tz::TimeZone;

use super::{QuestionOptions, Refused, Scaling, Surroundings};
use crate::answer::{AnswerError, FlowWriter, Format, write_parquet};
use crate::flow::{Columns, Names};
use crate::query::{Direction, Lookup, Question};
use crate::store::FlowStream;

/// What can be said of it.
#[derive(Debug, Clone, clap::Args)]
pub struct Export {
    #[command(flatten)]
    question: QuestionOptions,
    /// The file to be; its name ends in .parquet, .csv, .ndjson or .json, and says what is written
    #[arg(long, value_name = "FILE")]
    pub to: Target,
    /// Replace the file, if there is one
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    scaling: Scaling,
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

impl Target {
    /// The name of its format.
    pub fn format(&self) -> &str {
        match &self.format {
            FileFormat::Parquet => "parquet",
            FileFormat::Text(format) => format.name(),
        }
    }
}

impl Export {
    /// The question that is meant.
    ///
    /// # Errors
    ///
    /// As [`QuestionOptions::question`].
    pub fn question(&self, around: &Surroundings<'_>) -> Result<Question, Refused> {
        self.question.question(around, Direction::Src)
    }

    /// Whether counters are multiplied by sampling intervals: in files they are as they were exported,
    /// unless somebody said otherwise.
    pub fn scaled(&self) -> bool {
        self.scaling.scaled(false)
    }

    /// What is looked up for `question`.
    pub fn lookup(&self, question: &Question) -> Lookup {
        question.plan(match &self.to.format {
            FileFormat::Parquet => Columns::ALL,
            FileFormat::Text(format) => format.columns(),
        })
    }

    /// Writes `flows` to the file that is to be, with times of `zone` and, where there is room for
    /// them, `names`; says how many there are.
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
    ) -> Result<u64, AnswerError> {
        match &self.to.format {
            FileFormat::Parquet => write_parquet(flows, to),
            FileFormat::Text(format) => {
                let writer = FlowWriter::new(to, format, zone);
                let writer = if format.is_json() { writer.with_names(names()?) } else { writer };
                writer.write_all(flows).map(|written| written.flows)
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
