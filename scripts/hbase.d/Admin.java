// Does to tables what Thrift has no words for: splits regions, moves them, closes and opens them, writes memory
// to files. For tests of what a load and a scan survive.
// Usage: java -cp CONF:JARS Admin.java     (says "ready"; then a command a line on stdin, each answered by
// "done", or by what failed)
//   split TABLE      every region in two
//   move TABLE       every region to another region server, one after the other
//   reopen TABLE     every region closed and opened, one after the other
//   disable TABLE, enable TABLE
//   flush TABLE      what is in memory to files
//   regions TABLE    how many there are

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Collections;
import java.util.concurrent.ExecutionException;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.ServerName;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.client.ConnectionFactory;
import org.apache.hadoop.hbase.client.RegionInfo;

public class Admin {
    public static void main(String[] args) throws Exception {
        try (var connection = ConnectionFactory.createConnection(HBaseConfiguration.create());
                var admin = connection.getAdmin();
                var lines = new BufferedReader(new InputStreamReader(System.in))) {
            System.out.println("ready");
            for (String line; (line = lines.readLine()) != null; ) {
                var words = line.trim().split(" +");
                try {
                    System.out.println(carryOut(admin, words[0], TableName.valueOf(words[1])));
                } catch (Exception error) {
                    System.out.println("failed: " + error);
                }
            }
        }
    }

    private static String carryOut(org.apache.hadoop.hbase.client.Admin admin, String command, TableName table) throws Exception {
        switch (command) {
            case "split":
                // One that cannot be split now, as it is on the move or refers to its parent's files, stays whole.
                for (RegionInfo region : admin.getRegions(table)) {
                    try {
                        admin.splitRegionAsync(region.getRegionName()).get();
                    } catch (IOException | ExecutionException error) {
                        System.err.println(region.getEncodedName() + " stays whole: " + error);
                    }
                }
                // Halves refer to the whole's files until they are compacted, and cannot be split until then.
                admin.majorCompact(table);
                return "done";
            case "move":
                var servers = new ArrayList<ServerName>(admin.getRegionServers());
                Collections.sort(servers);
                for (RegionInfo region : admin.getRegions(table)) {
                    try (var locator = admin.getConnection().getRegionLocator(table)) {
                        int now = servers.indexOf(locator.getRegionLocation(region.getStartKey(), true).getServerName());
                        admin.move(region.getEncodedNameAsBytes(), servers.get((now + 1) % servers.size()));
                    }
                }
                return "done";
            case "reopen":
                for (RegionInfo region : admin.getRegions(table)) {
                    admin.unassign(region.getRegionName(), true);
                    admin.assign(region.getRegionName());
                }
                return "done";
            case "disable":
                admin.disableTable(table);
                return "done";
            case "enable":
                admin.enableTable(table);
                return "done";
            case "flush":
                admin.flush(table);
                return "done";
            case "regions":
                return Integer.toString(admin.getRegions(table).size());
            default:
                return "failed: no command " + command;
        }
    }
}
