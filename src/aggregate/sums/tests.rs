use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

fn limits(memory_bytes: usize, temp_dir: &std::path::Path) -> Limits {
    Limits { memory_bytes, temp_dir: temp_dir.to_owned(), watch: Watch::default() }
}

fn finished<K: Key, const N: usize>(sums: GroupSums<K, [u64; N]>) -> HashMap<K, [u128; N]> {
    let lists = sums.finish(Vec::new, |list, key, sums| list.push((key, sums))).unwrap();
    let keys: usize = lists.iter().map(Vec::len).sum();
    let map: HashMap<_, _> = lists.into_iter().flatten().collect();
    assert_eq!(map.len(), keys, "a key was given twice");
    map
}

fn slow<K: Key, const N: usize>(items: &[(K, [u64; N])]) -> HashMap<K, [u128; N]> {
    let mut map = HashMap::new();
    for (key, values) in items {
        let sums: &mut [u128; N] = map.entry(*key).or_insert([0; N]);
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += u128::from(*value);
        }
    }
    map
}

fn key_read_back<K: Key>(key: K) -> K {
    let mut bytes = Vec::new();
    key.encode(&mut bytes);
    assert_eq!(bytes.len(), K::BYTES);
    K::decode(&bytes)
}

/// Few keys, the free one among them, and values of every size.
fn items() -> impl Strategy<Value = Vec<(u64, [u64; 2])>> {
    let key = prop_oneof![0u64..50, Just(u64::MAX), any::<u64>()];
    let value = || prop_oneof![0u64..100, Just(u64::MAX), any::<u64>()];
    prop::collection::vec((key, [value(), value()]), 0..300)
}

proptest! {
    #[test]
    fn sums_are_exact_beyond_64_bits_and_in_any_number_of_parts(parts in prop::collection::vec(items(), 1..4)) {
        let folder = tempfile::tempdir().unwrap();
        let limits = limits(1 << 20, folder.path());
        let mut whole = GroupSums::new(&limits, 1);
        for part in &parts {
            let mut sums = GroupSums::new(&limits, 1);
            sums.add(part.iter().copied()).unwrap();
            whole.merge(sums);
        }
        prop_assert_eq!(finished(whole), slow(&parts.concat()));
    }

    #[test]
    fn a_table_drained_into_entries_holds_the_same_sums(items in items()) {
        let mut table = Table::new();
        let add = |table: &mut Table<u64, [u64; 2]>, key: u64, value| {
            if key != u64::FREE {
                table.add(Entry { key, value }, key.hash());
            }
        };
        for &(key, sums) in &items {
            add(&mut table, key, sums);
        }
        let mut entries = Vec::new();
        table.drain_entries(|entry| entries.push(entry));
        for Entry { key, value } in entries {
            add(&mut table, key, value);
        }
        let mut drained = HashMap::new();
        table.drain(|key, sums| assert_eq!(drained.insert(key, sums), None));
        let mut expected = slow(&items);
        expected.remove(&u64::FREE);
        prop_assert_eq!(drained, expected);
    }

    #[test]
    fn keys_and_values_are_read_back_as_they_were_written(v4 in any::<u64>(), v6 in any::<[u64; 4]>()) {
        prop_assert_eq!(key_read_back(v4), v4);
        prop_assert_eq!(key_read_back(v6), v6);
        let mut bytes = Vec::new();
        Value::encode(v6, &mut bytes);
        prop_assert_eq!(bytes.len(), <[u64; 4] as Value>::BYTES);
        prop_assert_eq!(<[u64; 4] as Value>::decode(&bytes), v6);
    }
}

#[test]
fn keys_that_come_again_are_summed_in_place_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut sums = GroupSums::<V4Pair, [u64; 1]>::new(&limits(0, folder.path()), 1);
    for round in 0..20 {
        sums.add((0..30_000).map(|key| (key, [round]))).unwrap();
    }
    assert!(sums.spills.is_empty());
    assert!(sums.held <= sums.held_limit + 30_000, "{} held", sums.held);
    let found = finished(sums);
    assert_eq!(found.len(), 30_000);
    assert!(found.values().all(|&[sum]| sum == 190));
}

#[test]
fn more_keys_than_memory_holds_go_to_files_that_are_gone_in_the_end() {
    const KEYS: u64 = 1_000_000;
    let folder = tempfile::tempdir().unwrap();
    let limits = limits(0, folder.path());
    let part = |skip: u64| {
        let mut sums = GroupSums::<V6Pair, [u64; 1]>::new(&limits, 2);
        for at in (0..KEYS).step_by(10_000) {
            let keys = (at..at + 10_000).map(|key| ([key, 0, 1, key >> skip], [key]));
            sums.add(keys).unwrap();
            assert!(sums.held <= sums.held_limit);
        }
        sums
    };
    let mut sums = part(0);
    sums.merge(part(0));
    assert_eq!(sums.spills.len(), 2, "a file for each part");
    let found = finished(sums);
    assert_eq!(found.len(), KEYS as usize);
    assert!(found.iter().all(|(key, &[sum])| sum == 2 * u128::from(key[0])));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let limits = limits(0, std::path::Path::new("/nonexistent/folder"));
    let mut sums = GroupSums::<V4Pair, [u64; 1]>::new(&limits, 1);
    let added = (0..1_000_000)
        .step_by(1000)
        .try_for_each(|at| sums.add((at..at + 1000).map(|key| (key, [1]))));
    let message = added.unwrap_err().to_string();
    assert!(message.starts_with("/nonexistent/folder/earlgrey-hbase-"), "{message}");
    assert!(message.ends_with(".tmp: create temporary file"), "{message}");
}
