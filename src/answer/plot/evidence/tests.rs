//! Marks of evidence against values that are worked out by hand.

use jiff::tz::TimeZone;

use super::super::tests::texts;
use super::super::{Plot, Room};
use super::*;
use crate::flow::{TimeRange, UnixMillis};

/// 2007-07-26T10:00Z.
const TEN: u64 = 1_185_444_000_000;
const MINUTE: u64 = 60_000;
const ROOMS: [Room; 2] = [Room::Page, Room::NarrowPage];

fn look(room: Room) -> Look<'static> {
    static UTC: TimeZone = TimeZone::UTC;
    Look { room, title: "odd <b>", zone: &UTC }
}

fn count(plot: &Plot, mark: &str) -> usize {
    plot.svg().matches(mark).count()
}

/// Sees that all that is written is within the picture, says what it is, and is little.
fn check(plot: &Plot) {
    let (width, height) = plot
        .svg()
        .split_once("viewBox=\"0 0 ")
        .and_then(|(_, rest)| rest.split_once('"')?.0.split_once(' '))
        .map(|(width, height)| (width.parse::<f32>().unwrap(), height.parse::<f32>().unwrap()))
        .unwrap();
    for (text, place) in texts(plot) {
        let is_within = place.left() >= -1.0
            && place.right() <= width + 1.0
            && place.top() >= -1.0
            && place.bottom() <= height + 1.0;
        assert!(is_within, "{text:?} is at {place:?} of {width} x {height}");
    }
    assert!(plot.svg().contains("<title>odd &lt;b&gt;</title>\n<desc>"), "{}", plot.svg());
    assert!(plot.svg().len() < 60_000, "{} bytes", plot.svg().len());
}

fn columns() -> Columns<'static> {
    let mut values = vec![3.0; 60];
    values[30..33].fill(50.0);
    values[40] = 0.0;
    Columns {
        since: UnixMillis(TEN),
        step_ms: MINUTE,
        values,
        lines: vec![("much from".to_owned(), 20.0), ("usual".to_owned(), 3.0)],
        told: TimeRange {
            since: UnixMillis(TEN + 30 * MINUTE),
            until: UnixMillis(TEN + 33 * MINUTE),
        },
        least: 0.0,
        text: &|value| format!("{value:.0} pieces"),
    }
}

#[test]
fn what_comes_to_less_is_not_set_apart_though_it_is_between() {
    // Told is all of the time, of which three columns come to 50 and all others to 3 at most.
    let told = TimeRange { since: UnixMillis(TEN), until: UnixMillis(TEN + 60 * MINUTE) };
    let plot = draw_columns(Columns { told, least: 20.0, ..columns() }, look(ROOMS[0]));
    assert_eq!(count(&plot, "<rect class=\"s1\""), 3);
    assert_eq!(count(&plot, "<rect class=\"s0\""), 56);
}

#[test]
fn what_is_told_is_set_apart_from_what_is_usual() {
    for room in ROOMS {
        let plot = draw_columns(columns(), look(room));
        check(&plot);
        // Of sixty three are told, and one is nothing.
        assert_eq!(count(&plot, "<rect class=\"s1\""), 3, "{room:?}");
        assert_eq!(count(&plot, "<rect class=\"s0\""), 56, "{room:?}");
        assert_eq!(count(&plot, "class=\"spot\""), 60, "{room:?}");
        assert_eq!(count(&plot, "class=\"curve before\""), 2, "{room:?}");
        assert!(plot.svg().contains(">much from: 20 pieces</text>"), "{}", plot.svg());
        assert!(plot.svg().contains("<title>2007-07-26 10:31\n50 pieces</title>"));
        assert!(plot.svg().contains("<desc>at most 50 pieces; much from: 20 pieces"));
    }
}

#[test]
fn a_column_is_as_high_as_its_value() {
    // The marks go up to 60, which is the top at 12; the bottom is at 222.
    let plot = draw_columns(columns(), look(Room::Page));
    let high = 210.0 * 50.0 / 60.0;
    let expected = format!("y=\"{:.2}\" width=\"12.63\" height=\"{high:.2}\"", 222.0 - high);
    assert_eq!(count(&plot, &expected), 3, "{expected} in {}", plot.svg());
    let limit = 222.0 - 210.0 * 20.0 / 60.0;
    assert!(
        plot.svg().contains(&format!("d=\"M112 {limit:.0}L930 {limit:.0}\"")),
        "{}",
        plot.svg()
    );
}

#[test]
fn more_columns_than_there_is_room_for_are_the_greatest_of_several() {
    let many = Columns { values: (0..600).map(f64::from).collect(), ..columns() };
    let plot = draw_columns(many, look(Room::Page));
    // 600 are 200 of three each, of which the first reaches 2.
    assert_eq!(count(&plot, "class=\"spot\""), 200);
    assert!(plot.svg().contains("<title>2007-07-26 10:00\n2 pieces</title>"));
    // Those told are from the 30th to the 33rd: one of three.
    assert_eq!(count(&plot, "<rect class=\"s1\""), 1);
    let none = draw_columns(Columns { values: Vec::new(), ..columns() }, look(Room::Page));
    assert!(none.svg().contains("There are no flows."));
}

#[test]
fn calls_stand_in_lines_that_are_as_short_as_there_is_room_for() {
    let each = |pause: u64, calls: u64| -> Vec<UnixMillis> {
        (0..calls).map(|call| UnixMillis(TEN + call * pause)).collect()
    };
    for (pause_ms, calls, lines, said) in [
        // Three hours are 18 lines of ten minutes with ten calls each.
        (MINUTE, 180, 18, "each line is 10 min"),
        // A day is 24 lines of an hour.
        (5 * MINUTE, 288, 24, "each line is 1 h"),
        // Lines of more than 120 pauses would be full: 25 lines of ten seconds.
        (1_000, 3_600, 25, "each line is 1 min"),
    ] {
        let times = each(pause_ms, calls);
        let calls = Calls { times: &times, pause_ms };
        for room in ROOMS {
            let (plot, told) = draw_calls(&calls, look(room));
            check(&plot);
            assert!(told.starts_with(said), "{told}");
            assert_eq!(count(&plot, "<title>from "), lines, "{said}");
            if room == Room::Page && pause_ms >= MINUTE {
                assert_eq!(count(&plot, "h1.6v"), times.len());
            }
        }
    }
    let times = each(1_000, 3_600);
    let (_, told) = draw_calls(&Calls { times: &times, pause_ms: 1_000 }, look(Room::Page));
    assert_eq!(told, "each line is 1 min, the last 1500 of 3600 calls");
}

#[test]
fn pauses_are_told_apart_by_their_length_and_the_period_is_marked() {
    let mut pauses_ms = vec![MINUTE; 10];
    pauses_ms.extend([61_000, 30_000, 500_000]);
    let pauses = Pauses { pauses_ms: &pauses_ms, period_ms: Some(MINUTE) };
    // Up to three times a minute, to the whole minute above it: sixty bins of four seconds.
    let (bins, most_ms, longer) = pauses.bins();
    assert!((most_ms - 240_000.0).abs() < 1e-6, "{most_ms}");
    assert_eq!((bins[7], bins[15], longer), (1, 11, 1));
    for room in ROOMS {
        let (plot, said) = draw_pauses(&pauses, look(room));
        check(&plot);
        assert_eq!(said, "1 pause longer than 4 min 0 s");
        assert_eq!(count(&plot, "<rect class=\"s0\""), 2);
        assert!(plot.svg().contains(">period 1 min 0 s</text>"), "{}", plot.svg());
        assert!(plot.svg().contains("<title>1 min 0 s to 1 min 4 s\n11 pauses</title>"));
    }
    // A quarter of the way from 112 to 930 is a minute.
    let (plot, _) = draw_pauses(&pauses, look(Room::Page));
    assert!(plot.svg().contains("d=\"M316.5 6L316.5 172\""), "{}", plot.svg());
}

fn tries(count: u64, answered: impl Fn(u64) -> bool) -> (Vec<Try>, Vec<String>) {
    let at = |number: u64| Try {
        at: UnixMillis(TEN + number * 1_000),
        target: number as usize,
        answered: answered(number),
    };
    let name = |number: u64| format!("10.{}.{}.{}", number >> 16, number >> 8 & 255, number & 255);
    ((0..count).map(at).collect(), (0..count).map(name).collect())
}

#[test]
fn tries_are_drawn_however_many_there_are() {
    for (targets, squares, diamonds) in [(10, 8, 2), (100_000, 200, 20)] {
        let (tries, names) = tries(targets, |number| number % 5 == 3);
        let until = UnixMillis(TEN + targets * 1_000);
        let time = TimeRange { since: UnixMillis(TEN), until };
        let drawn = Tries { tries: &tries, names: &names, noun: "host", time };
        for room in ROOMS {
            let plot = draw_tries(&drawn, look(room));
            check(&plot);
            let found = (count(&plot, "h3v3h-3z"), count(&plot, "l5 5-5 5-5-5z"));
            if targets == 10 {
                assert_eq!(found, (squares, diamonds), "{room:?}");
            }
            // A line of many is as long as the picture is wide or high.
            assert!(found.0 >= squares.min(80) && found.0 < 1_000, "{room:?}: {found:?}");
            let answered = targets / 5;
            let told = crate::answer::words::grouped(answered);
            assert!(plot.svg().contains(&format!("of which {told} answered</desc>")), "{told}");
            assert!(plot.svg().contains(">10.0.0.0</text>"), "{}", plot.svg());
        }
    }
}

#[test]
fn a_fan_has_a_band_and_a_bar_for_each_part() {
    let part = |name: &str, tried, answered| FanPart { name: name.to_owned(), tried, answered };
    let parts =
        [part("10.0.0.0/24", 200, 50), part("10.0.1.0/24", 100, 0), part("<&>", 100_000, 1)];
    for room in ROOMS {
        let plot = draw_fan("10.9.9.9", &parts, look(room));
        check(&plot);
        assert_eq!(count(&plot, "<path class=\"area s0\""), 3);
        // Beside the bars there is the mark of who tried.
        assert_eq!(count(&plot, "<rect class=\"s0\""), 4);
        assert_eq!(count(&plot, "<rect class=\"s1\""), 2);
        assert!(plot.svg().contains("<title>10.0.0.0/24\n200 tried, 50 answered</title>"));
        assert!(plot.svg().contains("&lt;&amp;&gt;"), "{}", plot.svg());
    }
    let equal = [part("a", 100, 25), part("b", 50, 0)];
    let plot = draw_fan("x", &equal, look(Room::Page));
    // The room of bars is 960 - 500 - 190 pixels.
    for long in ["270.00", "135.00", "67.50"] {
        assert_eq!(count(&plot, &format!("width=\"{long}\" height=\"14.00\"")), 1, "{long}");
    }
    assert!(draw_fan("x", &[], look(Room::Page)).svg().contains("There are no tries."));
}
