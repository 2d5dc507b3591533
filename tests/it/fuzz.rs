//! Any bytes: every decoder, the readers of captures and archives, IP reassembly and the parser of
//! filters take them without a panic, to an end, and their accounts balance.
//!
//! Here for seconds, with inputs that are always the same; `scripts/fuzz` goes on for as long as
//! one likes, and is guided by what the inputs reach.

mod seeds;
mod targets;

use std::path::PathBuf;

use targets::TARGETS;

/// So many changed inputs of each target.
const ROUNDS: [(&str, u32); 5] =
    [("decoder", 6000), ("capture", 1200), ("fragments", 3000), ("filter", 6000), ("import", 3000)];
/// Seeds that grow longer than this are cut.
const MAX_BYTES: usize = 1 << 14;

#[test]
fn nothing_breaks_on_changed_seeds() {
    for ((name, target), (round, rounds)) in TARGETS.into_iter().zip(ROUNDS) {
        assert_eq!(name, round);
        let seeds = seeds::of(name);
        for seed in &seeds {
            target(seed);
        }
        let mut random = Random(1);
        for round in 0..rounds {
            let input = changed(&seeds, &mut random);
            let broke = std::panic::catch_unwind(|| target(&input)).is_err();
            assert!(!broke, "{name}, round {round}: {input:02x?}");
        }
    }
}

/// Writes the seeds of every target into a folder of its own under `EARLGREY_FUZZ_CORPUS`:
/// the project's own, and what the captures from elsewhere give if they are there.
#[test]
#[ignore = "scripts/fuzz asks for it"]
fn seeds_are_written() {
    let folder = PathBuf::from(std::env::var_os("EARLGREY_FUZZ_CORPUS").unwrap());
    for (name, _) in TARGETS {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let seeds = seeds::of(name).into_iter().chain(seeds::of_captures(name));
        for (number, seed) in seeds.enumerate() {
            std::fs::write(folder.join(format!("seed-{number:04}")), seed).unwrap();
        }
    }
}

/// One of `seeds` with a few changes.
fn changed(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    const WORTH_TRYING: [u8; 12] = [0, 1, 2, 3, 4, 5, 9, 10, 0x7f, 0x80, 0xfe, 0xff];
    let mut input = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(6) {
        if input.is_empty() {
            break;
        }
        let at = random.below(input.len());
        let end = at + random.below((input.len() - at).min(64) + 1);
        match random.below(7) {
            0 => input[at] ^= 1 << random.below(8),
            1 => input[at] = random.next() as u8,
            2 => input[at] = WORTH_TRYING[random.below(WORTH_TRYING.len())],
            3 => input.truncate(at),
            4 => drop(input.drain(at..end)),
            5 => {
                let again = input[at..end].to_vec();
                input.splice(at..at, again);
            }
            _ => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
        }
    }
    input.truncate(MAX_BYTES);
    input
}

/// `SplitMix64`: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number less than `limit`, which is not 0.
    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}
