//! Writes NetFlow v5, for tests and for the traffic generator.

use byteorder::{BigEndian, ByteOrder};

use super::{HEADER_BYTES, Header, MAX_RECORDS, RECORD_BYTES, Record, RecordBytes, VERSION};

/// The size of a datagram with as many records as the format allows.
pub const MAX_DATAGRAM_BYTES: usize = HEADER_BYTES + MAX_RECORDS as usize * RECORD_BYTES;

impl Header {
    /// The header as it goes over the wire.
    #[inline]
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        BigEndian::write_u16(&mut bytes[0..], VERSION);
        BigEndian::write_u16(&mut bytes[2..], self.count);
        BigEndian::write_u32(&mut bytes[4..], self.uptime_ms);
        BigEndian::write_u32(&mut bytes[8..], self.unix_secs);
        BigEndian::write_u32(&mut bytes[12..], self.unix_nsecs);
        BigEndian::write_u32(&mut bytes[16..], self.flow_sequence);
        bytes[20] = self.engine_type;
        bytes[21] = self.engine_id;
        BigEndian::write_u16(&mut bytes[22..], self.sampling_field);
        bytes
    }
}

impl Record {
    /// The record as it goes over the wire.
    #[inline]
    pub fn to_bytes(&self) -> RecordBytes {
        let mut bytes = [0; RECORD_BYTES];
        BigEndian::write_u32(&mut bytes[0..], self.src_addr.into());
        BigEndian::write_u32(&mut bytes[4..], self.dst_addr.into());
        BigEndian::write_u32(&mut bytes[8..], self.next_hop.into());
        BigEndian::write_u16(&mut bytes[12..], self.input);
        BigEndian::write_u16(&mut bytes[14..], self.output);
        BigEndian::write_u32(&mut bytes[16..], self.packets);
        BigEndian::write_u32(&mut bytes[20..], self.octets);
        BigEndian::write_u32(&mut bytes[24..], self.first_ms);
        BigEndian::write_u32(&mut bytes[28..], self.last_ms);
        BigEndian::write_u16(&mut bytes[32..], self.src_port);
        BigEndian::write_u16(&mut bytes[34..], self.dst_port);
        bytes[36] = self.pad1;
        bytes[37] = self.tcp_flags;
        bytes[38] = self.protocol;
        bytes[39] = self.tos;
        BigEndian::write_u16(&mut bytes[40..], self.src_as);
        BigEndian::write_u16(&mut bytes[42..], self.dst_as);
        bytes[44] = self.src_mask;
        bytes[45] = self.dst_mask;
        BigEndian::write_u16(&mut bytes[46..], self.pad2);
        bytes
    }
}

/// Appends a datagram's payload to `to`: the header as it is given, with its count, and the
/// records.
pub fn encode(header: &Header, records: &[Record], to: &mut Vec<u8>) {
    to.reserve(HEADER_BYTES + records.len() * RECORD_BYTES);
    to.extend_from_slice(&header.to_bytes());
    for record in records {
        to.extend_from_slice(&record.to_bytes());
    }
}
