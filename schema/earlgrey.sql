-- The runs of an embedded store as one view of DuckDB, `earlgrey_flows`: both families, addresses as
-- text, exporters and names of interfaces. Nothing is copied; the runs are read as they lie.
--
--     SET VARIABLE earlgrey_store = '/var/lib/earlgrey-hbase';
--     .read schema/earlgrey.sql
--     SELECT src, dst, sum(octets) FROM earlgrey_flows GROUP BY ALL ORDER BY 3 DESC LIMIT 10;
--
-- The view is of the store as it is when this file is read: of the runs that its latest manifest
-- names, and no others. Read it again after a load, a merge or an expiry. DuckDB 1.1 or later.

-- The manifest that counts: the one with the highest number. Its first line is its checksum.
SET VARIABLE earlgrey_manifest = (
    SELECT json(split_part(content, chr(10), 2))
    FROM read_text(getvariable('earlgrey_store') || '/manifest-*.json')
    ORDER BY parse_filename(filename) DESC LIMIT 1
);

-- Its runs, with the file of each that is in the order of sources.
CREATE OR REPLACE TEMP TABLE earlgrey_runs AS
    SELECT (run->>'family') AS family, (run->>'rows')::UBIGINT AS flows,
        (run->>'minFirst')::BIGINT AS min_first_ms, (run->>'maxFirst')::BIGINT AS max_first_ms,
        coalesce(run->'columns', '["base"]')::VARCHAR LIKE '%"extras"%'
            OR coalesce((run->>'extras')::BOOLEAN, false) AS has_extras,
        getvariable('earlgrey_store') || '/' || (file->>'name') AS file
    FROM (
        SELECT run, unnest((run->'files')::JSON[]) AS file
        FROM (SELECT unnest((getvariable('earlgrey_manifest')->'runs')::JSON[]) AS run)
    )
    WHERE file->>'order' = 'src';

-- Who exported: the column `source` of a run counts in this list, from 0.
CREATE OR REPLACE TEMP TABLE earlgrey_sources AS
    SELECT (generate_subscripts(all_sources, 1) - 1)::UINTEGER AS source,
        unnest(all_sources)->>'exporter' AS exporter,
        (unnest(all_sources)->>'engine')::UINTEGER AS engine,
        (unnest(all_sources)->>'samplingMode')::UTINYINT AS sampling_mode,
        (unnest(all_sources)->>'sampling')::UINTEGER AS sampling_interval
    FROM (SELECT (getvariable('earlgrey_manifest')->'sources')::JSON[] AS all_sources);

-- What exporters call their interfaces. The first line of the file is its checksum.
CREATE OR REPLACE TEMP TABLE earlgrey_interfaces AS
    SELECT name->>0 AS exporter, (name->>1)::UINTEGER AS interface, name->>2 AS name
    FROM (
        SELECT unnest((json(split_part(content, chr(10), 2))->'interfaces')::JSON[]) AS name
        FROM read_text(getvariable('earlgrey_store') || '/*.json')
        WHERE parse_filename(filename) = 'names.json'
    );

-- An IPv4 address, which is a number, as text.
CREATE OR REPLACE TEMP MACRO earlgrey_v4_text(number) AS
    concat((number >> 24) & 255, '.', (number >> 16) & 255, '.', (number >> 8) & 255, '.', number & 255);

-- The longest row of zeros in an address is left out, the first of them where several are as long.
CREATE OR REPLACE TEMP MACRO earlgrey_short(address) AS
    CASE
        WHEN regexp_matches(address, '(^|:)0(:0){7}(:|$)') THEN regexp_replace(address, '(^|:)0(:0){7}(:|$)', '::')
        WHEN regexp_matches(address, '(^|:)0(:0){6}(:|$)') THEN regexp_replace(address, '(^|:)0(:0){6}(:|$)', '::')
        WHEN regexp_matches(address, '(^|:)0(:0){5}(:|$)') THEN regexp_replace(address, '(^|:)0(:0){5}(:|$)', '::')
        WHEN regexp_matches(address, '(^|:)0(:0){4}(:|$)') THEN regexp_replace(address, '(^|:)0(:0){4}(:|$)', '::')
        WHEN regexp_matches(address, '(^|:)0(:0){3}(:|$)') THEN regexp_replace(address, '(^|:)0(:0){3}(:|$)', '::')
        WHEN regexp_matches(address, '(^|:)0(:0){2}(:|$)') THEN regexp_replace(address, '(^|:)0(:0){2}(:|$)', '::')
        WHEN regexp_matches(address, '(^|:)0(:0){1}(:|$)') THEN regexp_replace(address, '(^|:)0(:0){1}(:|$)', '::')
        ELSE address END;

-- An IPv6 address, which is sixteen bytes, as text (RFC 5952).
CREATE OR REPLACE TEMP MACRO earlgrey_v6_text(bytes) AS
    CASE WHEN starts_with(hex(bytes), '00000000000000000000FFFF')
    THEN concat('::ffff:', ('0x' || substr(hex(bytes), 25, 2))::INTEGER, '.',
        ('0x' || substr(hex(bytes), 27, 2))::INTEGER, '.', ('0x' || substr(hex(bytes), 29, 2))::INTEGER,
        '.', ('0x' || substr(hex(bytes), 31, 2))::INTEGER)
    ELSE earlgrey_short(regexp_replace(
        regexp_replace(lower(hex(bytes)), '(....)(....)(....)(....)(....)(....)(....)(....)',
            '\1:\2:\3:\4:\5:\6:\7:\8'),
        '\b0{1,3}([0-9a-f])', '\1', 'g'))
    END;

-- The flows of a family, as a query. `extras` is in those runs only of which a flow has any.
CREATE OR REPLACE TEMP MACRO earlgrey_query(of_family, of_text) AS (
    SELECT 'SELECT ' || of_text || '(src) AS src, first_ms, ' || of_text || '(dst) AS dst, protocol, src_port, dst_port, '
        || 'octets, packets, duration_ms, tcp_flags, tos, input, output, src_as, dst_as, src_mask, dst_mask, '
        || of_text || '(next_hop) AS next_hop, source, '
        || CASE WHEN bool_or(has_extras) THEN '' ELSE 'NULL::BLOB AS ' END || 'extras '
        || 'FROM read_parquet([' || string_agg('''' || replace(file, '''', '''''') || '''', ', ')
        || '], union_by_name = true)'
    FROM earlgrey_runs WHERE family = of_family HAVING count(*) > 0
);

SET VARIABLE earlgrey_all = (
    SELECT concat_ws(' UNION ALL ',
        earlgrey_query('v4', 'earlgrey_v4_text'),
        earlgrey_query('v6', 'earlgrey_v6_text'),
        -- Where there are none, no flow all the same has every column.
        'SELECT '''' AS src, make_timestamptz(0) AS first_ms, '''' AS dst, 0::UTINYINT AS protocol, '
            || '0::USMALLINT AS src_port, 0::USMALLINT AS dst_port, 0::UBIGINT AS octets, 0::UBIGINT AS packets, '
            || '0::UINTEGER AS duration_ms, 0::UTINYINT AS tcp_flags, 0::UTINYINT AS tos, 0::UINTEGER AS input, '
            || '0::UINTEGER AS output, 0::UINTEGER AS src_as, 0::UINTEGER AS dst_as, 0::UTINYINT AS src_mask, '
            || '0::UTINYINT AS dst_mask, '''' AS next_hop, 0::UINTEGER AS source, NULL::BLOB AS extras WHERE false')
);

-- Every flow. `extras` is what an exporter said beyond the columns, as bytes; schema/embedded.md says
-- how they lie.
CREATE OR REPLACE TEMP VIEW earlgrey_flows AS
    SELECT flows.* EXCLUDE (source, extras), earlgrey_sources.exporter, engine, sampling_mode, sampling_interval,
        ingress.name AS input_name, egress.name AS output_name, extras
    FROM query(getvariable('earlgrey_all')) AS flows
    LEFT JOIN earlgrey_sources USING (source)
    LEFT JOIN earlgrey_interfaces AS ingress
        ON ingress.exporter = earlgrey_sources.exporter AND ingress.interface = flows.input
    LEFT JOIN earlgrey_interfaces AS egress
        ON egress.exporter = earlgrey_sources.exporter AND egress.interface = flows.output;
