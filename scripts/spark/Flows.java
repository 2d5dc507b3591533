import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.spark.SparkConf;
import org.apache.spark.sql.SparkSession;

/** Puts questions to Spark about the flows of a store in HBase. README.md, beside this file, tells how. */
public class Flows {
    private static final String PAIRS = "SELECT least(src, dst) AS a, greatest(src, dst) AS b, sum(octets) AS octets"
            + " FROM flows GROUP BY a, b ORDER BY octets DESC, a, b LIMIT ";

    private String zookeeper, site, table = "netflow", master = "local[*]";
    private boolean filter;
    private int runs;
    private final List<String> question = new ArrayList<>();

    public static void main(String[] args) throws Exception {
        try {
            new Flows(args).run();
        } catch (IllegalArgumentException | IOException error) {
            System.err.println("flows: " + error.getMessage());
            System.exit(error instanceof IOException ? 1 : 2);
        }
    }

    private Flows(String[] args) {
        var left = Arrays.asList(args).iterator();
        while (left.hasNext()) {
            String option = left.next();
            if (!option.startsWith("--") || !question.isEmpty()) {
                question.add(option);
            } else if (option.equals("--filter")) {
                filter = true;
            } else if (!left.hasNext()) {
                throw new IllegalArgumentException(option + ": expected a value behind it");
            } else {
                String value = left.next();
                switch (option) {
                    case "--zookeeper" -> zookeeper = value;
                    case "--site" -> site = value;
                    case "--table" -> table = value;
                    case "--master" -> master = value;
                    case "--runs" -> runs = Integer.parseInt(value);
                    default -> throw new IllegalArgumentException(option + ": there is no such option; see README.md");
                }
            }
        }
    }

    private void run() throws IOException {
        try (var spark = SparkSession.builder().config(settings()).getOrCreate()) {
            spark.baseRelationToDataFrame(new FlowTable(spark, hbase(), table, filter)).createOrReplaceTempView("flows");
            if (!question.isEmpty()) {
                System.out.print(repeated(spark, question.get(0), String.join(" ", question.subList(1, question.size()))));
                return;
            }
            // Java and Spark start once for all of them.
            var lines = new BufferedReader(new InputStreamReader(System.in));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (!line.isBlank()) {
                    String[] words = line.strip().split("\\s+", 2);
                    System.out.println(repeated(spark, words[0], words.length == 1 ? "" : words[1]));
                }
            }
        }
    }

    private SparkConf settings() {
        var settings = new SparkConf().setMaster(master).setAppName("flows").set("spark.ui.enabled", "false")
                .set("spark.sql.session.timeZone", "UTC");
        if (master.equals("local") || master.startsWith("local[")) {
            settings.set("spark.driver.host", "127.0.0.1").set("spark.driver.bindAddress", "127.0.0.1")
                    .set("spark.sql.shuffle.partitions", "" + Runtime.getRuntime().availableProcessors());
        } else {
            // What executors need beyond Spark.
            settings.set("spark.jars", System.getProperty("flows.jars"));
        }
        return settings;
    }

    /** Where HBase is. */
    private Configuration hbase() {
        var settings = HBaseConfiguration.create();
        if (site != null) {
            settings.addResource(new Path(site));
            // A server's own way of writing files, which Spark does not run with.
            settings.unset("fs.file.impl");
        }
        if (zookeeper != null) {
            int port = zookeeper.lastIndexOf(':');
            settings.set("hbase.zookeeper.quorum", port < 0 ? zookeeper : zookeeper.substring(0, port));
            settings.set("hbase.zookeeper.property.clientPort", port < 0 ? "2181" : zookeeper.substring(port + 1));
        }
        // A minute, and not a quarter of an hour, until it says that nobody is there.
        settings.setIfUnset("hbase.client.retries.number", "6");
        return settings;
    }

    /** The answer; each run but the first finds what Java has compiled until then. */
    private String repeated(SparkSession spark, String question, String about) {
        String first = null;
        for (int run = 1; run <= Math.max(runs, 1); run++) {
            long began = System.nanoTime();
            String answer = answer(spark, question, about);
            if (runs > 0) {
                System.err.printf("run %d: %.2f s%n", run, (System.nanoTime() - began) / 1e9);
            }
            if (first != null && !first.equals(answer)) {
                throw new IllegalStateException("run " + run + " answers otherwise than the first: " + answer);
            }
            first = answer;
        }
        return first;
    }

    private static String answer(SparkSession spark, String question, String about) {
        switch (question) {
            case "host" -> {
                if (FlowRow.address(about) == null) {
                    throw new IllegalArgumentException("host " + about + ": expected an address, such as 10.0.0.1 or 2001:db8::1");
                }
                return spark.sql("SELECT 1 FROM flows WHERE src = '" + about + "'").count() + "\n";
            }
            case "pairs" -> {
                return spark.sql(PAIRS + Integer.parseUnsignedInt(about)).collectAsList().stream()
                        .map(row -> "(" + row.getString(0) + "," + row.getString(1) + "," + row.getDecimal(2) + ")\n")
                        .collect(Collectors.joining());
            }
            case "sql" -> {
                return spark.sql(about).toJSON().collectAsList().stream().map(row -> row + "\n").collect(Collectors.joining());
            }
            default -> throw new IllegalArgumentException(question + ": expected host ADDRESS, pairs N or sql \"SELECT …\"");
        }
    }
}
