use super::*;

#[test]
fn a_file_has_its_name_only_when_it_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let names = || fs::read_dir(dir.path()).unwrap().count();
    let mut file = NewFile::create(&dir.path().join("a")).unwrap();
    file.write_all(b"abc").unwrap();
    assert!(!dir.path().join("a").exists());
    drop(file);
    assert_eq!(names(), 0);

    let mut file = NewFile::create(&dir.path().join("a")).unwrap();
    file.write_all(b"abc").unwrap();
    file.finish().unwrap();
    sync_dir(dir.path()).unwrap();
    assert_eq!(read(&dir.path().join("a")).unwrap(), b"abc");
    assert_eq!(names(), 1);
}

#[test]
fn an_error_names_the_file_and_what_was_done_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let error = NewFile::create(&dir.path().join("absent/a")).unwrap_err();
    assert!(error.to_string().ends_with("absent/a: create"), "{error}");
    let error = read(&dir.path().join("b")).unwrap_err();
    assert!(error.to_string().ends_with("b: read"), "{error}");
    remove(&dir.path().join("b")).unwrap();
}

#[test]
fn a_folder_is_made_with_those_above_it_and_each_lasts() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("a/b/c");
    let mut synced = Vec::new();
    let mut create = || {
        create_dir_telling(&deep, &mut |folder| {
            synced.push(folder.to_owned());
            sync_dir(folder)
        })
    };
    create().unwrap();
    create().unwrap();
    assert!(deep.is_dir());
    assert_eq!(synced, ["", "a", "a/b"].map(|name| dir.path().join(name)));
    fs::write(dir.path().join("file"), "").unwrap();
    let error = create_dir(&dir.path().join("file/a/b")).unwrap_err();
    assert!(error.to_string().ends_with("file/a/b: create folder"), "{error}");
}

#[test]
fn a_new_file_is_not_put_in_place_of_another() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    let new = |bytes: &[u8]| {
        let mut file = NewFile::create(&path).unwrap();
        file.write_all(bytes).unwrap();
        file.finish_new()
    };
    new(b"first").unwrap();
    let error = new(b"second").unwrap_err();
    assert!(error.to_string().ends_with("a: put in its place, where another is"), "{error}");
    assert_eq!(read(&path).unwrap(), b"first");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn two_who_write_one_file_do_not_write_into_each_others() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    // A process of the same number left one, on this machine or another.
    let left = dir.path().join(temp_name("a", std::process::id(), 0));
    fs::write(&left, "left").unwrap();
    let mut first = NewFile::create(&path).unwrap();
    let mut second = NewFile::create(&path).unwrap();
    first.write_all(b"first").unwrap();
    second.write_all(b"second").unwrap();
    first.finish_new().unwrap();
    second.finish_new().unwrap_err();
    drop(second);
    assert_eq!(read(&path).unwrap(), b"first");
    assert_eq!(read(&left).unwrap(), b"left");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn what_is_made_is_not_for_everybody_on_the_machine() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("a/store");
    create_dir(&deep).unwrap();
    NewFile::create(&deep.join("run")).unwrap().finish().unwrap();
    for (name, most) in [("a", 0o750), ("a/store", 0o750), ("a/store/run", 0o640)] {
        let mode = fs::metadata(dir.path().join(name)).unwrap().mode() & 0o777;
        assert_eq!(mode & !most, 0, "{name}: {mode:o}");
    }
}

#[test]
fn a_file_is_replaced_as_a_whole_and_for_whom_it_is_meant() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    replace(&path, b"before").unwrap();
    replace(&path, b"after").unwrap();
    assert_eq!(read(&path).unwrap(), b"after");
    let mut file = NewFile::create_for(&path, 0o600).unwrap();
    file.write_all(b"mine").unwrap();
    assert_eq!((file.bytes().unwrap(), read(&path).unwrap()), (4, b"after".to_vec()));
    file.finish_unsynced().unwrap();
    assert_eq!(read(&path).unwrap(), b"mine");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}
