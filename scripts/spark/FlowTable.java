import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.Serializable;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.function.Function;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hbase.CompareOperator;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.client.ConnectionFactory;
import org.apache.hadoop.hbase.client.Get;
import org.apache.hadoop.hbase.client.Result;
import org.apache.hadoop.hbase.client.Scan;
import org.apache.hadoop.hbase.filter.BinaryPrefixComparator;
import org.apache.hadoop.hbase.filter.RowFilter;
import org.apache.hadoop.hbase.io.ImmutableBytesWritable;
import org.apache.hadoop.hbase.mapreduce.TableInputFormat;
import org.apache.hadoop.hbase.mapreduce.TableMapReduceUtil;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SQLContext;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.util.ArrayBasedMapData;
import org.apache.spark.sql.catalyst.util.GenericArrayData;
import org.apache.spark.sql.sources.BaseRelation;
import org.apache.spark.sql.sources.EqualTo;
import org.apache.spark.sql.sources.Filter;
import org.apache.spark.sql.sources.PrunedFilteredScan;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.Decimal;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.types.UTF8String;

/**
 * The flows of a store in HBase as a table of Spark. Each region is a task; only the columns that a question
 * needs are made, and a question for one address in the column that leads the row keys reads its range only.
 */
final class FlowTable extends BaseRelation implements PrunedFilteredScan {
    private final SparkSession spark;
    private final Configuration settings;
    private final String table;
    private final boolean srcFirst, looksAtEveryRow;

    /**
     * The flows of the store `name`, from the one of its tables with every flow that it has, src-first if it
     * has both: the other one has the same flows, and that of addresses behind a NAT some of them.
     */
    FlowTable(SparkSession spark, Configuration settings, String name, boolean looksAtEveryRow) throws IOException {
        this.spark = spark;
        this.settings = settings;
        this.looksAtEveryRow = looksAtEveryRow;
        var orders = new ArrayList<String>();
        layout(settings, name).get("orders").forEach(order -> orders.add(order.asText()));
        srcFirst = orders.contains("src");
        table = srcFirst ? name : name + "_by_dst";
    }

    /** What kind of a store it is; without this row it is none, or not whole. */
    private static JsonNode layout(Configuration settings, String name) throws IOException {
        var ledger = TableName.valueOf(name + "_loads");
        try (var connection = ConnectionFactory.createConnection(settings)) {
            byte[] mark = null;
            if (connection.getAdmin().tableExists(ledger)) {
                mark = connection.getTable(ledger).get(new Get("layout".getBytes())).getValue(FlowRow.FAMILY, FlowRow.QUALIFIER);
            }
            if (mark == null) {
                throw new IOException(name + ": there is no store of this name");
            }
            JsonNode layout = new ObjectMapper().readTree(mark);
            if (layout.get("layout").asInt() > 2) {
                throw new IOException(name + ": a later version wrote this store, of layout " + layout.get("layout"));
            }
            return layout;
        }
    }

    /** A column: its name and type are those that the files of `export parquet` have in Spark. */
    private enum Column {
        SRC("src", DataTypes.StringType, flow -> text(flow.src())),
        FIRST("first_ms", DataTypes.TimestampType, flow -> flow.firstMs() * 1000),
        DST("dst", DataTypes.StringType, flow -> text(flow.dst())),
        PROTOCOL("protocol", FlowRow.PROTOCOL, 1),
        SRC_PORT("src_port", FlowRow.SRC_PORT, 2),
        DST_PORT("dst_port", FlowRow.DST_PORT, 2),
        OCTETS("octets", FlowRow.OCTETS, 8),
        PACKETS("packets", FlowRow.PACKETS, 8),
        DURATION("duration_ms", FlowRow.DURATION, 4),
        TCP_FLAGS("tcp_flags", FlowRow.TCP_FLAGS, 1),
        TOS("tos", FlowRow.TOS, 1),
        INPUT("input", FlowRow.INPUT, 4),
        OUTPUT("output", FlowRow.OUTPUT, 4),
        SRC_AS("src_as", FlowRow.SRC_AS, 4),
        DST_AS("dst_as", FlowRow.DST_AS, 4),
        SRC_MASK("src_mask", FlowRow.SRC_MASK, 1),
        DST_MASK("dst_mask", FlowRow.DST_MASK, 1),
        NEXT_HOP("next_hop", DataTypes.StringType, flow -> text(flow.nextHop())),
        EXPORTER("exporter", DataTypes.StringType, flow -> text(flow.exporter())),
        ENGINE("engine", DataTypes.LongType, flow -> flow.u32(flow.source() + FlowRow.ENGINE)),
        SAMPLING_MODE("sampling_mode", DataTypes.ShortType, flow -> (short) flow.u8(flow.source() + FlowRow.SAMPLING_MODE)),
        SAMPLING_INTERVAL("sampling_interval", DataTypes.LongType, flow -> flow.u32(flow.source() + FlowRow.SAMPLING_INTERVAL)),
        /** Not in those files, where elements have their names: their numbers, and their bytes. */
        EXTRAS("extras", DataTypes.createMapType(DataTypes.StringType, DataTypes.BinaryType), Column::elements);

        final String title;
        final DataType type;
        final Function<FlowRow, Object> value;

        Column(String title, DataType type, Function<FlowRow, Object> value) {
            this.title = title;
            this.type = type;
            this.value = value;
        }

        /** A number of so many bytes in the cell. Spark has none without a sign, so its type is the next greater one. */
        Column(String title, int at, int bytes) {
            this.title = title;
            switch (bytes) {
                case 1 -> {
                    type = DataTypes.ShortType;
                    value = flow -> (short) flow.u8(at);
                }
                case 2 -> {
                    type = DataTypes.IntegerType;
                    value = flow -> flow.u16(at);
                }
                case 4 -> {
                    type = DataTypes.LongType;
                    value = flow -> flow.u32(at);
                }
                default -> {
                    type = DataTypes.createDecimalType(20, 0);
                    value = flow -> decimal(flow.u64(at));
                }
            }
        }

        private static UTF8String text(byte[] address) {
            return UTF8String.fromString(FlowRow.text(address));
        }

        private static Decimal decimal(long unsigned) {
            return Decimal.apply(new BigDecimal(Long.toUnsignedString(unsigned)), 20, 0);
        }

        private static ArrayBasedMapData elements(FlowRow flow) {
            var elements = flow.elements();
            var names = elements.keySet().stream().map(UTF8String::fromString).toArray();
            return new ArrayBasedMapData(new GenericArrayData(names), new GenericArrayData(elements.values().toArray()));
        }

        static Column of(String title) {
            return Arrays.stream(values()).filter(column -> column.title.equals(title)).findFirst().orElseThrow();
        }
    }

    @Override
    public SQLContext sqlContext() {
        return spark.sqlContext();
    }

    @Override
    public StructType schema() {
        var schema = new StructType();
        for (Column column : Column.values()) {
            schema = schema.add(column.title, column.type, false);
        }
        return schema;
    }

    /** Values are those that Spark has inside, so that it need not make others of them. */
    @Override
    public boolean needConversion() {
        return false;
    }

    @Override
    @SuppressWarnings("unchecked")
    public RDD<Row> buildScan(String[] titles, Filter[] filters) {
        var scan = new Scan().addColumn(FlowRow.FAMILY, FlowRow.QUALIFIER).setCacheBlocks(false);
        byte[] lead = lead(filters);
        if (lead != null && looksAtEveryRow) {
            // Not PrefixFilter: it ends the scan of a region behind the prefix, but a filter is to see every row.
            scan.setFilter(new RowFilter(CompareOperator.EQUAL, new BinaryPrefixComparator(FlowRow.prefix(lead))));
        } else if (lead != null) {
            scan.setStartStopRowForPrefixScan(FlowRow.prefix(lead)).setCacheBlocks(true);
        }
        var of = new Configuration(settings);
        of.set(TableInputFormat.INPUT_TABLE, table);
        try {
            of.set(TableInputFormat.SCAN, TableMapReduceUtil.convertScanToString(scan));
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
        var make = new Make(Arrays.stream(titles).map(Column::of).toArray(Column[]::new), srcFirst);
        var rows = new JavaSparkContext(spark.sparkContext())
                .newAPIHadoopRDD(of, TableInputFormat.class, ImmutableBytesWritable.class, Result.class);
        return (RDD<Row>) (RDD<?>) rows.map(row -> make.row(row._2)).rdd();
    }

    /** The address that a question is about, where it is about one in the leading column. */
    private byte[] lead(Filter[] filters) {
        String leading = srcFirst ? Column.SRC.title : Column.DST.title;
        for (Filter filter : filters) {
            if (filter instanceof EqualTo equal && equal.attribute().equals(leading)) {
                return FlowRow.address(equal.value().toString());
            }
        }
        return null;
    }

    /** Makes rows of Spark, in any process. */
    private record Make(Column[] columns, boolean srcFirst) implements Serializable {
        InternalRow row(Result of) {
            var flow = new FlowRow(of, srcFirst);
            var values = new Object[columns.length];
            for (int at = 0; at < values.length; at++) {
                values[at] = columns[at].value.apply(flow);
            }
            return new GenericInternalRow(values);
        }
    }
}
