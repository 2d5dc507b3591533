//! Crypto-PAn: Xu, Fan, Ammar and Moon, "Prefix-Preserving IP Address Anonymization", ICNP 2002.
//!
//! Whether bit i of an address is turned round depends on the bits before it alone, by one bit of AES
//! of a block: a pad whose first bits are replaced by those of the address.

use aes::Aes128;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use ipnet::IpNet;

use super::AnonymiseKey;
use crate::flow::{Family, address_bits};

type Block = aes::Block;

/// A network whose bits are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Network {
    family: Family,
    /// Its first bit is the highest.
    bits: u128,
    len: u32,
}

impl From<IpNet> for Network {
    fn from(network: IpNet) -> Self {
        let family = Family::of(network.network());
        let bits = address_bits(network.network()) << (128 - 8 * family.address_bytes());
        Self { family, bits, len: network.prefix_len().into() }
    }
}

pub(super) struct CryptoPan {
    cipher: Aes128,
    pad: u128,
    kept: Vec<Network>,
}

impl CryptoPan {
    pub(super) fn new(key: &AnonymiseKey, kept: Vec<Network>) -> Self {
        let [key, pad] = key.halves();
        let cipher = Aes128::new(&Array(key));
        let mut block: Block = Array(pad);
        cipher.encrypt_block(&mut block);
        Self { cipher, pad: u128::from_be_bytes(block.0), kept }
    }

    /// The address that stands for `address`, whose first bit is the highest.
    pub(super) fn bits(&self, family: Family, address: u128) -> u128 {
        let mut blocks = [Block::default(); 128];
        let blocks = &mut blocks[..8 * family.address_bytes()];
        for (block, bits) in blocks.iter_mut().zip(0..) {
            let own = first_bits(bits);
            *block = Array((address & own | self.pad & !own).to_be_bytes());
        }
        self.cipher.encrypt_blocks(blocks);
        let turned = |turned: u128, block: &Block| turned << 1 | u128::from(block.0[0] >> 7);
        let turned = blocks.iter().fold(0, turned) << (128 - blocks.len());
        address ^ turned & !self.kept_bits(family, address)
    }

    /// Those of the first bits of `address` that stay, as a network that is kept lies where they lead.
    fn kept_bits(&self, family: Family, address: u128) -> u128 {
        let of_family = self.kept.iter().filter(|network| network.family == family);
        // The bit in which they part stays, too: it was told by those before it.
        let alike = |network: &Network| (address ^ network.bits).leading_zeros() + 1;
        let longest = of_family.map(|network| alike(network).min(network.len)).max();
        first_bits(longest.unwrap_or(0))
    }

    /// A number that stands for `text`.
    pub(super) fn digest(&self, text: &[u8]) -> u128 {
        // The length comes first, so that no text is the beginning of another one.
        let mut block: Block = Array((self.pad ^ text.len() as u128).to_be_bytes());
        self.cipher.encrypt_block(&mut block);
        for bytes in text.chunks(block.0.len()) {
            block.0.iter_mut().zip(bytes).for_each(|(to, byte)| *to ^= byte);
            self.cipher.encrypt_block(&mut block);
        }
        u128::from_be_bytes(block.0)
    }
}

/// The mask of so many first bits, of up to 128.
fn first_bits(count: u32) -> u128 {
    u128::MAX.checked_shl(128 - count).unwrap_or(0)
}
