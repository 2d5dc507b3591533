//! Which element says of a flow's other end what an element says of one.

/// IANA's `biflowDirection` (RFC 5103 §6.3), and what it says: the source of the flow began, or the
/// other end did.
pub(crate) const BIFLOW_DIRECTION: u16 = 239;
pub(crate) const INITIATOR: u64 = 1;
pub(crate) const REVERSE_INITIATOR: u64 = 2;

/// Elements of the two ends, or of the two sides of what a flow passes.
const PAIRS: [(u16, u16); 26] = [
    (7, 11),
    (8, 12),
    (9, 13),
    (10, 14),
    (16, 17),
    (27, 28),
    (29, 30),
    (44, 45),
    (56, 80),
    (57, 81),
    (58, 59),
    (128, 129),
    (169, 170),
    (180, 181),
    (182, 183),
    (225, 226),
    (227, 228),
    (234, 235),
    (243, 254),
    (245, 255),
    (252, 253),
    (281, 282),
    (368, 369),
    (414, 415),
    (484, 485),
    (487, 488),
];

/// The MAC addresses on the side where packets come in, each with the one on the side where they
/// leave that takes its place for what comes back: whom they came from with whom they go to, and
/// the device's own.
const SIDES: [(u16, u16); 2] = [(56, 57), (80, 81)];

/// The IANA element that says of a flow's other end what element `number` says of one; the same one
/// where it is of no end.
///
/// Where MAC addresses of both sides of a router are told, `has_both_sides`, what comes back comes
/// in where the others left; where those of one side only are, sender and receiver change places.
pub(crate) fn other_end(number: u16, has_both_sides: bool) -> u16 {
    let across = SIDES.iter().filter(|_| has_both_sides);
    across
        .chain(&PAIRS)
        .find_map(|&(one, other)| match number {
            _ if number == one => Some(other),
            _ if number == other => Some(one),
            _ => None,
        })
        .unwrap_or(number)
}

/// Whether `numbers` have MAC addresses of both sides.
pub(crate) fn have_both_sides(numbers: &[u16]) -> bool {
    let has = |of: [u16; 2]| numbers.iter().any(|number| of.contains(number));
    has([56, 80]) && has([57, 81])
}

#[cfg(test)]
mod tests {
    use super::super::elements;
    use super::*;

    #[test]
    fn the_other_end_of_the_other_end_is_the_same() {
        for number in elements().iter().map(|element| element.number) {
            for has_both_sides in [false, true] {
                let other = other_end(number, has_both_sides);
                assert_eq!(other_end(other, has_both_sides), number, "{number}");
            }
        }
    }

    #[test]
    fn elements_of_one_end_have_names_that_say_so() {
        for (one, other) in PAIRS {
            let name = |number| elements().iter().find(|e| e.number == number).unwrap().name;
            let (one, other) = (name(one).to_lowercase(), name(other).to_lowercase());
            let other_way = [("source", "destination"), ("src", "dst"), ("ingress", "egress")]
                .iter()
                .any(|(a, b)| one.replace(a, b) == other || one.replace(b, a) == other);
            let is_behind = other == format!("post{one}");
            let is_neighbour = one.contains("adjacent") && other.contains("adjacent");
            assert!(other_way || is_behind || is_neighbour, "{one} {other}");
        }
    }
}
