//! The files of a load, as its ledger entry lists them.

use crate::capture::Fault;
use crate::store::LoadedFile;

/// So many files are listed by name; of the others only the counts are kept, in a last entry.
pub const MAX_FILES_LISTED: usize = 10_000;

/// The name of the entry that stands for the files beyond [`MAX_FILES_LISTED`].
const OTHERS: &str = "(more files)";

/// A new entry for the file `path`, which is the one being read from now on.
pub(super) fn begin(files: &mut Vec<LoadedFile>, path: &str) {
    if files.len() < MAX_FILES_LISTED {
        files.push(entry(path));
    } else if files.len() == MAX_FILES_LISTED {
        files.push(entry(OTHERS));
    }
}

fn entry(path: &str) -> LoadedFile {
    LoadedFile { path: path.to_owned(), bytes: 0, datagrams: 0, stored: 0, fault: None }
}

/// Enters `faults` with the files, from place `since` on, in which they were met; a file of which
/// nothing was read gets an entry by its fault.
pub(super) fn enter_faults<'a>(
    files: &mut Vec<LoadedFile>,
    since: usize,
    faults: impl Iterator<Item = &'a Fault>,
) {
    for fault in faults {
        enter_fault(files, since, &fault.name, fault.in_file());
    }
}

/// Enters what is wrong with the file `path`. Of several faults the first one is kept.
pub(super) fn enter_fault(files: &mut Vec<LoadedFile>, since: usize, path: &str, problem: String) {
    let since = since.min(files.len());
    let known = files[since..].iter().rposition(|file| file.path == path);
    let place = known.map_or_else(
        || {
            begin(files, path);
            files.len() - 1
        },
        |place| since + place,
    );
    files[place].fault.get_or_insert(problem);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_entered_with_its_file_or_by_itself() {
        let mut files = Vec::new();
        begin(&mut files, "a.pcap");
        begin(&mut files, "day.tar/b");
        enter_fault(&mut files, 1, "day.tar/b", "cut".to_owned());
        enter_fault(&mut files, 1, "day.tar/b", "cut again".to_owned());
        enter_fault(&mut files, 1, "a.pcap", "another file of that name".to_owned());
        let listed: Vec<_> =
            files.iter().map(|file| (&*file.path, file.fault.as_deref())).collect();
        assert_eq!(
            listed,
            [
                ("a.pcap", None),
                ("day.tar/b", Some("cut")),
                ("a.pcap", Some("another file of that name"))
            ]
        );
    }

    #[test]
    fn files_beyond_the_limit_share_one_entry() {
        let mut files = Vec::new();
        for number in 0..MAX_FILES_LISTED + 5 {
            begin(&mut files, &number.to_string());
        }
        assert_eq!(files.len(), MAX_FILES_LISTED + 1);
        assert_eq!(files.last().unwrap().path, OTHERS);
        enter_fault(&mut files, 0, "new", "cut".to_owned());
        assert_eq!(files.len(), MAX_FILES_LISTED + 1);
        assert_eq!(files.last().unwrap().fault.as_deref(), Some("cut"));
    }
}
