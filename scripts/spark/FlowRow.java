import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.hadoop.hbase.client.Result;

/**
 * One flow, read from a row of the src-first or the dst-first table: what stands where in key and cell,
 * and nothing of Spark. schema/row-key.md and schema/hbase.md write it down; all numbers are big-endian
 * and without sign.
 */
final class FlowRow {
    /** The one column of every row. */
    static final byte[] FAMILY = {'f'}, QUALIFIER = {'p'};

    // In the cell, what stands before the parts whose length the families decide.
    static final int PROTOCOL = 0, DST_PORT = 1, SRC_PORT = 3, OCTETS = 5, PACKETS = 13, DURATION = 21,
            TCP_FLAGS = 25, TOS = 26, INPUT = 27, OUTPUT = 31, SRC_AS = 35, DST_AS = 39, SRC_MASK = 43,
            DST_MASK = 44, NEXT_HOP = 45;
    // Behind the exporter's address.
    static final int ENGINE = 0, SAMPLING_MODE = 4, SAMPLING_INTERVAL = 5, SOURCE_REST = 9;
    /** Behind the source a byte says how many bytes of later columns follow. */
    private static final int LATER = 1;

    private final ByteBuffer key, cell;
    /** Bytes of an address of the flow. */
    private final int address;
    private final boolean srcFirst;
    /** Where the exporter's address begins and ends, and where the elements begin, which end the cell. */
    private final int exporter, source, elements;

    /** The flow of a row; one that is no flow, or in a layout that is not known here, is refused. */
    FlowRow(Result row, boolean srcFirst) {
        var found = row.rawCells()[0];
        this.srcFirst = srcFirst;
        key = ByteBuffer.wrap(found.getRowArray(), found.getRowOffset(), found.getRowLength()).slice();
        cell = ByteBuffer.wrap(found.getValueArray(), found.getValueOffset(), found.getValueLength()).slice();
        try {
            address = addressBytes(key.get(0));
            if (key.capacity() != 1 + address + 8 + address + 8) {
                throw refused("is as long as no row key");
            }
            exporter = NEXT_HOP + address + 1;
            int tag = cell.get(exporter - 1) & 255;
            source = exporter + addressBytes(tag & 15);
            int end = source + SOURCE_REST;
            switch (tag >>> 4) {
                case 0 -> elements = end;
                // Later columns that are not known here are passed over.
                case LATER -> elements = end + 1 + (cell.get(end) & 255);
                default -> throw refused("has a cell of layout " + (tag >>> 4) + ", which a later version wrote");
            }
            if (elements > cell.capacity()) {
                throw refused("has a cell that ends too early");
            }
        } catch (IndexOutOfBoundsException cut) {
            throw refused("has a key or a cell that ends too early");
        }
    }

    private int addressBytes(int family) {
        return switch (family) {
            case 4 -> 4;
            case 6 -> 16;
            default -> throw refused("has an address of family " + family);
        };
    }

    private IllegalStateException refused(String why) {
        var name = new StringBuilder();
        for (int at = 0; at < key.capacity(); at++) {
            name.append(String.format("\\x%02x", key.get(at)));
        }
        return new IllegalStateException("row " + name + " " + why);
    }

    byte[] src() {
        return bytes(key, srcFirst ? 1 : 1 + address + 8, address);
    }

    byte[] dst() {
        return bytes(key, srcFirst ? 1 + address + 8 : 1, address);
    }

    /** When the flow began, in milliseconds since 1970, UTC. */
    long firstMs() {
        return key.getLong(1 + address);
    }

    byte[] nextHop() {
        return bytes(cell, NEXT_HOP, address);
    }

    byte[] exporter() {
        return bytes(cell, exporter, source - exporter);
    }

    int u8(int at) {
        return cell.get(at) & 255;
    }

    int u16(int at) {
        return cell.getShort(at) & 65535;
    }

    long u32(int at) {
        return Integer.toUnsignedLong(cell.getInt(at));
    }

    /** Octets or packets; negative where it is 2^63 or more. */
    long u64(int at) {
        return cell.getLong(at);
    }

    /** Where engine and sampling stand: at this and {@link #ENGINE} and so on. */
    int source() {
        return source;
    }

    /**
     * What the flow has beyond the columns, as exported, each under its number as in IANA's registry, those
     * of vendors as "enterprise/number". Of several of one number the first.
     */
    Map<String, byte[]> elements() {
        var all = new LinkedHashMap<String, byte[]>();
        for (int at = elements; at < cell.capacity();) {
            int length = u16(at + 2), value = at + 4;
            String name = "" + u16(at);
            if (length >>> 15 == 1) {
                name = u32(value) + "/" + name;
                value += 4;
            }
            length &= 0x7fff;
            all.putIfAbsent(name, bytes(cell, value, length));
            at = value + length;
        }
        return all;
    }

    private static byte[] bytes(ByteBuffer of, int at, int length) {
        var bytes = new byte[length];
        of.get(at, bytes);
        return bytes;
    }

    /** The leading bytes of the row keys of an address: its family, and itself. */
    static byte[] prefix(byte[] address) {
        return ByteBuffer.allocate(1 + address.length).put((byte) (address.length == 4 ? 4 : 6)).put(address).array();
    }

    /** An address from its text; none where it is not written as {@link #text} writes it. */
    static byte[] address(String text) {
        // Names of hosts, which Java would ask for, have other letters, or no dot and no colon.
        if (!text.matches("[0-9.]+\\.[0-9.]+|[0-9a-f:.]*:[0-9a-f:.]*")) {
            return null;
        }
        try {
            byte[] address = InetAddress.getByName(text).getAddress();
            return text(address).equals(text) ? address : null;
        } catch (UnknownHostException error) {
            return null;
        }
    }

    /** An address as text: 10.0.0.1, 2001:db8::1 (RFC 5952). */
    static String text(byte[] address) {
        if (address.length == 4) {
            return (address[0] & 255) + "." + (address[1] & 255) + "." + (address[2] & 255) + "." + (address[3] & 255);
        }
        var groups = ByteBuffer.wrap(address).asCharBuffer();
        if (groups.limit(6).equals(CharBuffer.wrap("\0\0\0\0\0\uffff"))) {
            return "::ffff:" + text(Arrays.copyOfRange(address, 12, 16));
        }
        groups.clear();
        // The first of the longest runs of zeros, of two at least, is left out.
        int from = -1, zeros = 1;
        for (int at = 0; at < 8; at++) {
            int end = at;
            while (end < 8 && groups.get(end) == 0) {
                end++;
            }
            if (end - at > zeros) {
                from = at;
                zeros = end - at;
            }
            at = Math.max(at, end);
        }
        var text = new StringBuilder();
        for (int at = 0; at < 8; at++) {
            if (at == from) {
                text.append("::");
                at += zeros - 1;
            } else {
                text.append(at == 0 || at == from + zeros && from >= 0 ? "" : ":").append(Integer.toHexString(groups.get(at)));
            }
        }
        return text.toString();
    }
}
