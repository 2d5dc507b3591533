// Apache Spark over the table that `load` wrote, to compare `query` and `active-flow` with: HBase's own
// TableInputFormat over the native protocol, each region a task, as many at a time as there are cores.
// Usage: java -cp CONF:JARS:CLASSES Flows RUNS TABLE host ADDRESS     count flows that ADDRESS sent, by their range of row keys
//                                                    filter ADDRESS   the same, by a server-side filter over all row keys
//                                                    pairs N          the N pairs of addresses with most octets
// The answer goes to stdout, the seconds of each run to stderr. Row keys and cells: schema/hbase.md; IPv4 only.

import java.io.Serializable;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.Comparator;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hbase.CompareOperator;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.client.Result;
import org.apache.hadoop.hbase.client.Scan;
import org.apache.hadoop.hbase.filter.BinaryPrefixComparator;
import org.apache.hadoop.hbase.filter.RowFilter;
import org.apache.hadoop.hbase.io.ImmutableBytesWritable;
import org.apache.hadoop.hbase.mapreduce.TableInputFormat;
import org.apache.hadoop.hbase.mapreduce.TableMapReduceUtil;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaSparkContext;
import scala.Tuple2;

public class Flows {
    private static final int SRC = 1, DST = 13; // In the row key.
    private static final int OCTETS = 5; // In the cell.

    public static void main(String[] args) throws Exception {
        int runs = Integer.parseInt(args[0]);
        String table = args[1], question = args[2], about = args[3];
        var settings = new SparkConf().setMaster("local[*]").setAppName("flows").set("spark.ui.enabled", "false")
                .set("spark.driver.host", "127.0.0.1").set("spark.driver.bindAddress", "127.0.0.1");
        try (var spark = new JavaSparkContext(settings)) {
            String first = null;
            // What Java compiles while it runs makes later runs faster than the first.
            for (int run = 1; run <= runs; run++) {
                long began = System.nanoTime();
                String answer = answer(spark, table, question, about);
                System.err.printf("run %d: %.2f s%n", run, (System.nanoTime() - began) / 1e9);
                if (first != null && !first.equals(answer)) {
                    throw new IllegalStateException("run " + run + " answers otherwise than the first: " + answer);
                }
                first = answer;
            }
            System.out.println(first);
        }
    }

    private static String answer(JavaSparkContext spark, String table, String question, String about) throws Exception {
        switch (question) {
            case "host":
                return "" + rows(spark, table, new Scan().setStartStopRowForPrefixScan(prefix(about))).count();
            case "filter":
                // Not PrefixFilter: it ends the scan of a region behind the prefix, but a filter is to see every row.
                var filter = new RowFilter(CompareOperator.EQUAL, new BinaryPrefixComparator(prefix(about)));
                return "" + rows(spark, table, new Scan().setFilter(filter)).count();
            case "pairs":
                return rows(spark, table, new Scan()).values().mapToPair(Flows::octetsOfPair).reduceByKey(Long::sum)
                        .takeOrdered(Integer.parseInt(about), new MostOctets()).stream()
                        .map(pair -> "(" + text(pair._1) + "," + Long.toUnsignedString(pair._2) + ")")
                        .collect(Collectors.joining("\n"));
            default:
                throw new IllegalArgumentException(question + ": expected host, filter or pairs");
        }
    }

    private static JavaPairRDD<ImmutableBytesWritable, Result> rows(JavaSparkContext spark, String table, Scan scan)
            throws Exception {
        Configuration settings = HBaseConfiguration.create();
        settings.set(TableInputFormat.INPUT_TABLE, table);
        settings.set(TableInputFormat.SCAN, TableMapReduceUtil.convertScanToString(scan));
        return spark.newAPIHadoopRDD(settings, TableInputFormat.class, ImmutableBytesWritable.class, Result.class);
    }

    /** The leading bytes of the row keys of an address: its family, and itself. */
    private static byte[] prefix(String address) throws Exception {
        return ByteBuffer.allocate(5).put((byte) 4).put(InetAddress.getByName(address).getAddress()).array();
    }

    /** Both addresses of a flow in one number, the same for either direction, and its octets. */
    private static Tuple2<Long, Long> octetsOfPair(Result row) {
        var cell = row.rawCells()[0];
        var key = ByteBuffer.wrap(cell.getRowArray(), cell.getRowOffset(), cell.getRowLength()).slice();
        if (key.get(0) != 4) {
            throw new IllegalStateException("a flow of family " + key.get(0) + "; only IPv4 fits into these pairs");
        }
        long src = Integer.toUnsignedLong(key.getInt(SRC)), dst = Integer.toUnsignedLong(key.getInt(DST));
        long octets = ByteBuffer.wrap(cell.getValueArray()).getLong(cell.getValueOffset() + OCTETS);
        return new Tuple2<>(Math.min(src, dst) << 32 | Math.max(src, dst), octets);
    }

    /** The two addresses in the order of their texts, as `active-flow` prints them. */
    private static String text(long pair) {
        String one = address((int) (pair >>> 32)), other = address((int) pair);
        return one.compareTo(other) <= 0 ? one + "," + other : other + "," + one;
    }

    private static String address(int bits) {
        return (bits >>> 24) + "." + (bits >>> 16 & 255) + "." + (bits >>> 8 & 255) + "." + (bits & 255);
    }

    /** By octets downwards, which are unsigned, then by text. */
    private static class MostOctets implements Comparator<Tuple2<Long, Long>>, Serializable {
        @Override
        public int compare(Tuple2<Long, Long> one, Tuple2<Long, Long> other) {
            int octets = Long.compareUnsigned(other._2, one._2);
            return octets != 0 ? octets : text(one._1).compareTo(text(other._1));
        }
    }
}
