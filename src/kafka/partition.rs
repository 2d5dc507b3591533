//! In which partition a message goes.

/// The partition, of so many, of messages with this key: the one that Kafka's own producers choose, so
/// that what others write under the same key goes to the same one. They take the hash `MurmurHash2` of
/// the key, of 32 bits, without its highest bit.
pub fn partition_of(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions.max(1)
}

const SEED: u32 = 0x9747_b28c;
const MIX: u32 = 0x5bd1_e995;

fn murmur2(bytes: &[u8]) -> u32 {
    // Keys are a few bytes; longer ones are hashed as well.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let mut hash = SEED ^ length;
    let (words, rest) = bytes.as_chunks::<4>();
    for &word in words {
        let mut word = u32::from_le_bytes(word).wrapping_mul(MIX);
        word ^= word >> 24;
        hash = hash.wrapping_mul(MIX) ^ word.wrapping_mul(MIX);
    }
    if !rest.is_empty() {
        for (at, &byte) in rest.iter().enumerate() {
            hash ^= u32::from(byte) << (8 * at);
        }
        hash = hash.wrapping_mul(MIX);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MIX);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [(&str, i32); 7] = [
        ("", 275_646_681),
        ("a", -1_563_381_124),
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("10.0.0.1", 808_591_810),
        ("122.166.26.132", -541_402_685),
        ("2001:db8::1", -1_604_073_492),
    ];

    #[test]
    fn hashes_are_those_of_kafka() {
        // As `org.apache.kafka.common.utils.Utils.murmur2` of Kafka 4.1.0 gives them.
        for (key, hash) in KNOWN {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
        assert_eq!(partition_of(b"10.0.0.1", 1), 0);
    }
}
