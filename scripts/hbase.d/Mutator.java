// HBase's own client, to compare `load` with: the rows of a capture, as earlgrey-hbase writes them, through
// BufferedMutator over the native protocol. Flows are made here, so that nothing but writing is measured.
// Usage: java -cp CONF:JARS Mutator.java TABLE ROWS THREADS    (the table must be there)

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.client.BufferedMutatorParams;
import org.apache.hadoop.hbase.client.ConnectionFactory;
import org.apache.hadoop.hbase.client.Put;

public class Mutator {
    private static final int CELL_BYTES = 63; // An IPv4 flow of an IPv4 exporter.

    public static void main(String[] args) throws Exception {
        var table = TableName.valueOf(args[0]);
        int rows = Integer.parseInt(args[1]), threads = Integer.parseInt(args[2]);
        var pool = Executors.newFixedThreadPool(threads);
        try (var connection = ConnectionFactory.createConnection(HBaseConfiguration.create())) {
            write(connection, table, 100_000, 0); // The virtual machine warms up.
            long began = System.nanoTime();
            var done = new ArrayList<Future<?>>();
            for (int thread = 0; thread < threads; thread++) {
                int seed = thread + 1;
                done.add(pool.submit(() -> {
                    write(connection, table, rows / threads, seed);
                    return null;
                }));
            }
            for (var each : done) {
                each.get();
            }
            double seconds = (System.nanoTime() - began) / 1e9;
            System.out.printf("BufferedMutator, %d threads: %.2f s, %.0f rows/s%n", threads, seconds, rows / seconds);
        }
        pool.shutdown();
    }

    private static void write(org.apache.hadoop.hbase.client.Connection connection, TableName table, int rows, int seed)
            throws Exception {
        var random = new Random(seed);
        byte[] family = {'f'}, qualifier = {'p'};
        try (var mutator = connection.getBufferedMutator(new BufferedMutatorParams(table).writeBufferSize(2 << 20))) {
            for (int row = 0; row < rows; row++) {
                // Hosts as a Zipf law has them, roughly: half of all flows come from a hundredth of the hosts.
                int host = (int) (100_000 * Math.pow(random.nextDouble(), 6.6));
                var key = ByteBuffer.allocate(25).put((byte) 4).putInt(0x7AA60000 + host)
                        .putLong(1185408000000L + random.nextInt(86_400_000)).putInt(random.nextInt()).putLong(random.nextLong());
                var cell = new byte[CELL_BYTES];
                // As much that differs from row to row as flows have: ports, low bytes of counters, time.
                for (int at : new int[] {1, 2, 3, 4, 11, 12, 20, 23, 24}) {
                    cell[at] = (byte) random.nextInt();
                }
                mutator.mutate(new Put(key.array()).addColumn(family, qualifier, cell));
            }
        }
    }
}
