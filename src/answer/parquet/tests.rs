use std::sync::Arc;

use bytes::Bytes;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use super::*;
use crate::flow::{
    Column, Extra, Family, FlowRecord, Naming, Origin, Protocol, Sampling, Source, UnixMillis,
    push_extra,
};

/// Flows whose sources count up from `first`, each with these elements.
fn batch(family: Family, first: u32, rows: u32, extras: &[u8]) -> FlowBatch {
    let exporter = [192, 0, 2, 1].into();
    let sampling = Sampling { mode: 2, interval: 100 };
    let source = Source { exporter, engine: 7, sampling };
    let mut flows = FlowBatch::new(family);
    flows.sources = Arc::new(vec![source]);
    for row in first..first + rows {
        let flow = FlowRecord {
            first: UnixMillis(1_186_040_520_000 + u64::from(row)),
            duration_ms: u32::MAX,
            octets: u64::MAX,
            packets: 3,
            src_port: u16::MAX,
            dst_port: 53,
            protocol: Protocol::UDP,
            tos: u8::MAX,
            input: 1,
            output: 2,
            src_as: u32::MAX,
            dst_as: 4,
            src_mask: 24,
            source,
            ..FlowRecord::between(family.address(row.into()), family.address(1))
        };
        flows.push_with(&flow, 0, Origin(0), extras);
    }
    flows
}

/// The file of these batches.
fn written(batches: impl IntoIterator<Item = FlowBatch>) -> SerializedFileReader<Bytes> {
    let mut bytes = Vec::new();
    write_parquet(batches.into_iter().map(Ok), Layout::default(), &mut bytes).unwrap();
    SerializedFileReader::new(Bytes::from(bytes)).unwrap()
}

fn group_rows(file: &SerializedFileReader<Bytes>) -> Vec<i64> {
    file.metadata().row_groups().iter().map(RowGroupMetaData::num_rows).collect()
}

#[test]
fn both_families_are_in_one_file_with_readable_values() {
    let mut vlan = Vec::new();
    assert!(push_extra(&mut vlan, 0, Extra { number: 58, enterprise: 0, value: &[7] }));
    let file = written([batch(Family::V4, 9, 2, &[]), batch(Family::V6, 9, 1, &vlan)]);
    let rows: Vec<_> = file.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    let cells = |name: &str| -> Vec<Field> {
        let cell = |row: &parquet::record::Row| {
            row.get_column_iter().find(|column| column.0 == name).unwrap().1.clone()
        };
        rows.iter().map(cell).collect()
    };
    let text = |text: &str| Field::Str(text.to_owned());
    assert_eq!(cells("src"), [text("0.0.0.9"), text("0.0.0.10"), text("::9")]);
    assert_eq!(cells("next_hop"), [text("0.0.0.0"), text("0.0.0.0"), text("::")]);
    assert_eq!(cells("exporter")[2], text("192.0.2.1"));
    assert_eq!(cells("elements"), [Field::Null, Field::Null, text(r#"{"vlanId":7}"#)]);
    assert_eq!(cells("first_ms")[1], Field::TimestampMillis(1_186_040_520_010));
    assert_eq!(cells("octets")[0], Field::ULong(u64::MAX));
    assert_eq!(cells("duration_ms")[0], Field::UInt(u32::MAX));
    assert_eq!(cells("src_port")[0], Field::UShort(u16::MAX));
    assert_eq!(cells("tos")[0], Field::UByte(u8::MAX));
    assert_eq!(cells("src_as")[0], Field::UInt(u32::MAX));
    assert_eq!(cells("engine")[0], Field::UInt(7));
    assert_eq!(cells("sampling_mode")[0], Field::UByte(2));
    assert_eq!(cells("sampling_interval")[0], Field::UInt(100));
}

#[test]
fn a_time_beyond_the_calendar_is_its_last_one() {
    let mut flows = batch(Family::V4, 0, 1, &[]);
    flows.first_ms[0] = u64::MAX;
    let row = written([flows]).get_row_iter(None).unwrap().next().unwrap().unwrap();
    let last = UnixMillis::MAX.timestamp().as_millisecond();
    let first_ms = row.get_column_iter().nth(1).unwrap();
    assert_eq!(first_ms, (&"first_ms".to_owned(), &Field::TimestampMillis(last)));
}

#[test]
fn no_flows_are_a_file_without_row_groups() {
    let file = written([]);
    assert_eq!((group_rows(&file), file.metadata().file_metadata().num_rows()), (vec![], 0));
    assert_eq!(
        file.metadata().file_metadata().schema_descr().num_columns(),
        columns::FileColumn::all(&Layout::default()).len()
    );
}

#[test]
fn row_groups_have_a_million_rows_and_fewer_where_elements_are_long() {
    const ROWS: u32 = 300_000;
    let batches = (0..4).map(|place| batch(Family::V4, place * ROWS, ROWS, &[]));
    assert_eq!(group_rows(&written(batches)), [1_000_000, 200_000]);

    let mut long = Vec::new();
    assert!(push_extra(&mut long, 0, Extra { number: 70, enterprise: 0, value: &[9; 1000] }));
    let text_bytes = r#"{"mplsTopLabelStackSection":""}"#.len() + 2000;
    let file = written((0..9).map(|_| batch(Family::V6, 0, 10_000, &long)));
    let rows = group_rows(&file);
    assert!(rows.len() > 1 && rows.iter().sum::<i64>() == 90_000, "{rows:?}");
    assert!(rows[0] as usize * text_bytes < (128 << 20) + 8192 * text_bytes, "{rows:?}");
}

#[test]
fn what_the_output_says_is_passed_on() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let flows = [Ok(batch(Family::V4, 0, 10, &[]))];
    match write_parquet(flows.into_iter(), Layout::default(), Full) {
        Err(AnswerError::Output(error)) => assert_eq!(error.kind(), io::ErrorKind::StorageFull),
        other => panic!("{other:?}"),
    }
}

/// A file of flows with sources in no order of text, sorted.
fn sorted(layout: Layout, batches: Vec<FlowBatch>) -> SerializedFileReader<Bytes> {
    let shape = Arc::new(FileShape::new(layout, 100_000).unwrap());
    let mut bytes = Vec::new();
    let mut writer = ParquetWriter::of(Arc::clone(&shape), &mut bytes).unwrap();
    for batch in batches {
        for group in shape.encode(batch, 1 << 30).unwrap() {
            assert!(group.bytes() > 0);
            writer.append(group).unwrap();
        }
    }
    writer.finish().unwrap();
    SerializedFileReader::new(Bytes::from(bytes)).unwrap()
}

#[test]
fn the_order_that_is_declared_is_that_of_the_rows() {
    for addresses in AddressForm::ALL {
        for naming in Naming::ALL {
            let layout = Layout { addresses, naming, sorted: true, ..Layout::default() };
            let names =
                [Column::Src, Column::First, Column::Dst].map(|it| naming.of(it.name()).name);
            let file = sorted(
                layout,
                vec![batch(Family::V4, 0, 300, &[]), batch(Family::V6, 0, 300, &[])],
            );
            assert_eq!(group_rows(&file), [300, 300]);
            for (place, group) in file.metadata().row_groups().iter().enumerate() {
                let declared = group.sorting_columns().unwrap();
                let called = |place: i32| group.column(place as usize).column_path().string();
                assert!(declared.iter().all(|of| !of.descending && !of.nulls_first));
                let declared: Vec<String> =
                    declared.iter().map(|of| called(of.column_idx)).collect();
                // The second of two columns is that of IPv6.
                assert!(
                    names.iter().all(|name| declared.contains(&(*name).to_owned())),
                    "{declared:?}"
                );
                let rows = file.get_row_group(place).unwrap();
                let rows: Vec<_> = rows.get_row_iter(None).unwrap().map(Result::unwrap).collect();
                let key = |row: &parquet::record::Row| -> Vec<String> {
                    let cell = |name: &String| {
                        let (_, field) = row.get_column_iter().find(|(of, _)| *of == name).unwrap();
                        match field {
                            Field::UInt(number) => format!("{number:010}"),
                            Field::TimestampMillis(ms) => format!("{ms:020}"),
                            Field::Bytes(bytes) => format!("{:02x?}", bytes.data()),
                            Field::Str(text) => text.clone(),
                            Field::Null => String::new(),
                            other => panic!("{other:?}"),
                        }
                    };
                    declared.iter().map(cell).collect()
                };
                assert!(rows.is_sorted_by_key(key), "{addresses:?} {naming}");
                for (column, has) in [(Column::Src, true), (Column::Octets, false)] {
                    let name = naming.of(column.name()).name;
                    let of = group.columns().iter().find(|of| of.column_path().string() == name);
                    assert_eq!(of.unwrap().bloom_filter_offset().is_some(), has, "{name}");
                }
            }
        }
    }
}

#[test]
fn every_column_has_a_name_in_every_table_and_no_two_have_one() {
    let layout = |naming, elements| Layout {
        naming,
        elements,
        interfaces: Some(Arc::default()),
        community_id: true,
        ..Layout::default()
    };
    let ours: Vec<String> = columns::FileColumn::all(&layout(Naming::Earlgrey, ElementsForm::Json))
        .into_iter()
        .map(|column| column.name)
        .collect();
    assert_eq!(ours.len(), 26);
    for naming in Naming::ALL.into_iter().filter(|&naming| naming != Naming::Earlgrey) {
        let table: Vec<&str> = naming.table().iter().map(|named| named.column).collect();
        assert_eq!(table, ours, "{naming}");
        let mut names = std::collections::BTreeSet::new();
        for named in naming.table() {
            let ours = named.name == format!("earlgrey_{}", named.column);
            assert_eq!(named.source.starts_with("https://"), !ours, "{naming}: {named:?}");
            let both = [Some(named.name), named.of_v6].into_iter().flatten();
            assert!(both.into_iter().all(|name| names.insert(name)), "{naming}: {named:?}");
        }
    }
}

#[test]
fn row_groups_that_are_too_large_are_cut() {
    let shape = FileShape::new(Layout { sorted: true, ..Layout::default() }, 100_000).unwrap();
    let groups = shape.encode(batch(Family::V4, 0, 50_000, &[]), 200_000).unwrap();
    assert!(groups.len() > 1);
    assert!(groups.iter().all(|group| group.bytes() <= 200_000));
    assert_eq!(groups.iter().map(EncodedGroup::rows).sum::<usize>(), 50_000);
    let (first, last) = (groups[0].times().0, groups[0].times().1);
    assert!(first < last && last.0 < 1_186_040_520_000 + 50_000);
}
