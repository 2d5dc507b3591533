//! Other names of columns, and other forms of addresses and elements.

use super::{FLOWS, all, home};

/// In Python's own words: addresses of each form as text.
const ADDRESSES: &str = r#"
import sys, duckdb, ipaddress
form, files, other = sys.argv[1:]
duckdb.sql("SET enable_progress_bar = false")
rows = duckdb.sql(f"SELECT src{', src_v6' if form == 'number' else ''}, dst{', dst_v6' if form == 'number' else ''}, exporter, octets FROM {files}").fetchall()
def text(value):
    address = ipaddress.ip_address(bytes(value) if isinstance(value, (bytes, bytearray)) else value)
    return str(getattr(address, "ipv4_mapped", None) or address)
found = []
for *ends, exporter, octets in rows:
    if form == "number":
        assert (ends[0] is None) != (ends[1] is None) and (ends[2] is None) != (ends[3] is None)
        ends = [end for end in ends if end is not None]
    found.append((text(ends[0]), text(ends[1]), text(exporter), octets))
expected = duckdb.sql(f"SELECT src, dst, exporter, octets FROM '{other}'").fetchall()
print(sorted(found) == sorted(expected), len(found))
"#;

#[test]
fn addresses_are_the_same_in_every_form() {
    let Some((home, _)) = home() else { return };
    let Some(python) = crate::needs::duckdb() else { return };
    home.run(&["export", "--to", "all.parquet"]).succeeds();
    let file = home.path("all.parquet");
    for form in ["number", "fixed"] {
        home.run(&["export", "parquet", form, "--addresses", form]).succeeds();
        let told = python(ADDRESSES, &[form, &all(&home, form), file.to_str().unwrap()]);
        assert_eq!(told.trim(), format!("True {FLOWS}"), "{form}");
    }
}

#[test]
fn columns_have_the_names_that_others_have_and_the_values_that_these_mean() {
    let Some((home, duckdb)) = home() else { return };
    let ours = "src, dst, epoch_ms(first_ms), octets, src_port, duration_ms, protocol";
    let query =
        |columns: &str, files: &str| duckdb(&format!("SELECT {columns} FROM {files} ORDER BY ALL"));
    home.run(&["export", "--to", "all.parquet"]).succeeds();
    let expected = query(ours, &format!("'{}'", home.path("all.parquet").display()));
    for (schema, theirs) in [
        (
            "ocsf",
            r#""src_endpoint.ip", "dst_endpoint.ip", epoch_ms("time"), "traffic.bytes",
            "src_endpoint.port", duration, "connection_info.protocol_num""#,
        ),
        (
            "ecs",
            r#""source.ip", "destination.ip", epoch_ms("@timestamp"), "network.bytes",
            "source.port", "event.duration" // 1000000, "network.iana_number""#,
        ),
        (
            "zeek",
            r#""id.orig_h", "id.resp_h", epoch_ms(ts), orig_ip_bytes, "id.orig_p",
            round(duration * 1000)::BIGINT, CASE proto WHEN 'tcp' THEN '6' WHEN 'udp' THEN '17'
            WHEN 'icmp' THEN if(contains("id.orig_h", ':'), '58', '1') WHEN 'gre' THEN '47'
            WHEN 'esp' THEN '50' ELSE proto END"#,
        ),
        (
            "ipfix",
            "coalesce(sourceIPv4Address, sourceIPv6Address),
            coalesce(destinationIPv4Address, destinationIPv6Address),
            epoch_ms(flowStartMilliseconds), octetDeltaCount, sourceTransportPort,
            flowDurationMilliseconds, protocolIdentifier",
        ),
    ] {
        home.run(&["export", "parquet", schema, "--schema", schema]).succeeds();
        let found = query(theirs, &all(&home, schema));
        // Row by row, so that a difference can be read.
        for (found, expected) in found.lines().zip(expected.lines()) {
            assert_eq!(found, expected, "{schema}");
        }
        assert_eq!(found.lines().count() as u64, FLOWS, "{schema}");
    }
}

#[test]
fn elements_are_a_map_and_interfaces_have_names() {
    let Some((home, duckdb)) = home() else { return };
    home.run(&["export", "--to", "all.parquet"]).succeeds();
    home.run(&["export", "parquet", "map", "--elements", "map"]).succeeds();
    let file = home.path("all.parquet");
    let in_json = format!(
        "SELECT elements->>'vlanId', elements->>'sourceMacAddress', count(*) FROM '{}' \
         WHERE elements IS NOT NULL GROUP BY ALL ORDER BY ALL",
        file.display()
    );
    let in_map = format!(
        "SELECT elements['vlanId'], elements['sourceMacAddress'], count(*) FROM {} \
         WHERE elements IS NOT NULL GROUP BY ALL ORDER BY ALL",
        all(&home, "map")
    );
    let expected = duckdb(&in_json);
    assert!(expected.lines().any(|line| line.starts_with("7 ")), "{expected}");
    assert_eq!(duckdb(&in_map), expected);
    let size = |text: &str| format!("SELECT sum({text}) FROM");
    assert_eq!(
        duckdb(&format!("{} {}", size("cardinality(elements)"), all(&home, "map"))),
        duckdb(&format!("{} '{}'", size("len(json_keys(elements))"), file.display())),
    );

    // Names are those of `query -o json`.
    let names = r#"{"interfaces":[["10.127.1.1",31,"xe-0/0/31"]],"vrfs":[],"applications":[]}"#;
    let store = home.path("data/earlgrey-hbase/store/names.json");
    let checksum = format!("{:016x}", xxhash_rust::xxh3::xxh3_64(names.as_bytes()));
    std::fs::write(store, format!("{checksum}\n{names}")).unwrap();
    home.run(&["export", "parquet", "named"]).succeeds();
    let found = format!(
        "SELECT DISTINCT exporter, input, input_name FROM {} WHERE input_name IS NOT NULL",
        all(&home, "named")
    );
    assert_eq!(duckdb(&found), "10.127.1.1 31 xe-0/0/31");
    let with = format!(
        "SELECT count(*) FROM {} WHERE (exporter = '10.127.1.1' AND input = 31) != (input_name IS NOT NULL)",
        all(&home, "named")
    );
    assert_eq!(duckdb(&with), "0");
}

#[test]
fn community_ids_are_those_of_json() {
    let Some((home, duckdb)) = home() else { return };
    home.run(&["export", "--to", "all.ndjson"]).succeeds();
    let expected = format!(
        "SELECT communityId, count(*) FROM read_json('{}') GROUP BY 1 ORDER BY 1",
        home.path("all.ndjson").display()
    );
    for (schema, column) in [("earlgrey", "community_id"), ("ecs", "\"network.community_id\"")] {
        home.run(&["export", "parquet", schema, "--schema", schema, "--community-id"]).succeeds();
        let query =
            format!("SELECT {column}, count(*) FROM {} GROUP BY 1 ORDER BY 1", all(&home, schema));
        assert!(duckdb(&query) == duckdb(&expected), "{schema}");
    }
}
