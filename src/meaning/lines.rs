//! Tables of the user's own: CSV with a line of names.

use csv::{ReaderBuilder, StringRecord, Trim};

use super::Fault;

/// Calls `each` for every line of the table, with its number and what it has in `columns`: nothing
/// where the table lacks one. Only the first of them must be there.
///
/// # Errors
///
/// The first line that is wrong, and its column.
pub(super) fn each_line<const N: usize>(
    text: &[u8],
    columns: [&'static str; N],
    mut each: impl FnMut(u64, [&str; N]) -> Result<(), String>,
) -> Result<(), Fault> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut reader = ReaderBuilder::new().trim(Trim::All).comment(Some(b'#')).from_reader(text);
    let places = places(reader.headers().map_err(|error| of_csv(&error))?, columns)?;
    for record in reader.records() {
        let record = record.map_err(|error| of_csv(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cells = places.map(|place| place.and_then(|at| record.get(at)).unwrap_or_default());
        let has_control = |(_, cell): &(_, &&str)| cell.contains(char::is_control);
        let wrong = |problem| Fault { line, problem };
        if let Some((column, cell)) = columns.iter().zip(&cells).find(has_control) {
            return Err(wrong(format!("column {column}: {cell:?} is no name")));
        }
        each(line, cells).map_err(wrong)?;
    }
    Ok(())
}

/// Where each of `columns` is.
fn places<const N: usize>(
    header: &StringRecord,
    columns: [&'static str; N],
) -> Result<[Option<usize>; N], Fault> {
    let mut places = [None; N];
    let wrong = |problem| Fault { line: 1, problem };
    for (place, name) in header.iter().enumerate() {
        let column = columns.iter().position(|known| known.eq_ignore_ascii_case(name));
        let column = column.ok_or_else(|| {
            wrong(format!("no column is called {name:?}: {}", columns.join(", ")))
        })?;
        places[column] = Some(place);
    }
    if places[0].is_none() {
        return Err(wrong(format!("there is no column {}", columns[0])));
    }
    Ok(places)
}

fn of_csv(error: &csv::Error) -> Fault {
    let problem = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} columns in place of {expected_len}")
        }
        csv::ErrorKind::Utf8 { err, .. } => {
            format!("column {}: this is no text in UTF-8", err.field() + 1)
        }
        _ => error.to_string(),
    };
    Fault { line: error.position().map_or(1, csv::Position::line), problem }
}
