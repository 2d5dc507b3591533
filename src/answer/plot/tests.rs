use std::net::IpAddr;

use jiff::tz::TimeZone;
use resvg::tiny_skia::{Pixmap, PremultipliedColorU8};
use resvg::usvg::{self, Node, Tree};

use super::*;
use crate::aggregate::{
    ActivePair, Counters, Counts, KeyValue, Measure, PairOptions, Series, Timeline, TopEntry, Whose,
};
use crate::answer::TimelineView;
use crate::flow::UnixMillis;

fn pair(number: u128, value: u128, long: bool) -> ActivePair {
    let address = |last: u128| -> IpAddr {
        if long {
            IpAddr::V6((0x2001_0db8_ffff_eeee_dddd_cccc_bbbb_0000 | last).into())
        } else {
            IpAddr::V4((0xc633_6400 | last as u32).into())
        }
    };
    ActivePair { first: address(2 * number + 1), second: address(2 * number), value }
}

fn pairs(count: u128, greatest: u128, long: bool) -> Vec<ActivePair> {
    (0..count).map(|number| pair(number + 100, greatest / (number + 1), long)).collect()
}

fn timeline(by: Measure, bin_ms: u64, series: &[(Whose, &[u128])]) -> Timeline {
    let bins = series.iter().map(|(_, values)| values.len()).max().unwrap_or(0) as u64;
    // 2007-07-26T22:00Z.
    let start = |bin| UnixMillis(1_185_487_200_000 + bin * bin_ms);
    let series = series.iter().map(|&(whose, values)| Series { whose, values: values.to_vec() });
    Timeline {
        by,
        bin_ms,
        starts: (0..bins).map(start).collect(),
        until: start(bins),
        series: series.collect(),
    }
}

fn view(of: &str) -> TimelineView<'_> {
    TimelineView {
        of,
        filter: "",
        zone: TimeZone::UTC,
        zone_name: "UTC",
        fields: &[],
        keys: &[],
        beside: None,
    }
}

/// Keys of a destination port each.
fn entries(ports: &[u64]) -> Vec<TopEntry> {
    let counts =
        Counts { counters: Counters::default(), first: UnixMillis::EPOCH, last: UnixMillis::EPOCH };
    ports.iter().map(|&port| TopEntry { key: vec![KeyValue::Number(port)], counts }).collect()
}

/// Plots for pages, and of keys.
fn page_plots() -> Vec<(&'static str, Plot, usize)> {
    let wave = |height: u128, shift: u128| -> Vec<u128> {
        (0..288u128).map(|bin| height * (40 + (bin + shift) % 96)).collect()
    };
    let keys = entries(&[443, 53, 80, 8080]);
    let view = TimelineView { keys: &keys, ..view("") };
    let waves = [wave(90_000, 0), wave(50_000, 20), wave(9000, 50), wave(20_000, 70)];
    let mut series: Vec<(Whose, &[u128])> =
        waves.iter().enumerate().map(|(place, wave)| (Whose::Key(place), &wave[..])).collect();
    let others = wave(30_000, 90);
    series.push((Whose::OtherKeys, &others));
    let keyed = timeline(Measure::Octets, 300_000, &series);
    let ends = [(Whose::Sent, &waves[0][..]), (Whose::Received, &waves[1])];
    let ends = timeline(Measure::Packets, 300_000, &ends);
    let all = timeline(Measure::Octets, 300_000, &[(Whose::All, &waves[0])]);
    let before = timeline(Measure::Octets, 300_000, &[(Whose::All, &waves[1])]);
    let nothing = timeline(Measure::Octets, 1000, &[]);
    let draw = |timeline: &Timeline, room, shape| {
        draw_timeline(timeline, &view, TimelineLook { room, shape, before: None })
    };
    let compared = TimelineLook { room: Room::Page, shape: Shape::Stacked, before: Some(&before) };
    vec![
        ("keys", plot_timeline(&keyed, &view), 0),
        ("stacked", draw(&keyed, Room::Page, Shape::Stacked), 0),
        ("stacked narrow", draw(&keyed, Room::NarrowPage, Shape::Stacked), 0),
        ("lines", draw(&keyed, Room::Page, Shape::Lines), 0),
        ("lines narrow", draw(&keyed, Room::NarrowPage, Shape::Lines), 0),
        ("ends", draw(&ends, Room::Page, Shape::Stacked), 0),
        ("ends narrow", draw(&ends, Room::NarrowPage, Shape::Stacked), 0),
        ("compared", draw_timeline(&all, &view, compared), 0),
        ("empty page", draw(&nothing, Room::NarrowPage, Shape::Stacked), 0),
        ("sankey", draw_sankey(&parts(9, false), Measure::Octets, Room::Page, "Where"), 0),
        (
            "sankey narrow",
            draw_sankey(&parts(6, true), Measure::Flows, Room::NarrowPage, "Where"),
            0,
        ),
        ("full sankey", draw_sankey(&parts(40, true), Measure::Octets, Room::Page, "Where"), 0),
    ]
}

/// Traffic from so many hosts to fewer ports.
fn parts(count: u32, long: bool) -> Vec<Part> {
    let stop = |name: String, is_others: bool| {
        let href = (!is_others).then(|| format!("/host/{name}?a=1&b=2"));
        Stop { name, href, is_others }
    };
    let mut parts: Vec<Part> = (0..count)
        .map(|number| Part {
            stops: vec![
                stop(
                    if long {
                        format!("2001:db8:ffff:eeee:dddd:cccc:bbbb:{number:x}")
                    } else {
                        format!("10.0.0.{number}")
                    },
                    false,
                ),
                stop(format!("TCP {}", 443 + number % 3), false),
                stop(format!("198.51.100.{}", number % 5), false),
            ],
            value: 9e9 / f64::from(number + 1),
        })
        .collect();
    let others = || stop("others".to_owned(), true);
    parts.push(Part { stops: vec![others(), others(), others()], value: 2e9 });
    parts
}

/// Plots of what is usual, and of what is not; each with its name and how many bars it must have.
fn plots() -> Vec<(&'static str, Plot, usize)> {
    let mut plots = plots_of_files();
    plots.append(&mut page_plots());
    plots
}

fn plots_of_files() -> Vec<(&'static str, Plot, usize)> {
    let options = |by| PairOptions { by, ..PairOptions::default() };
    let all = PairsView::default();
    let since = PairsView { when: "from 2007-07-26T00:00:00.000Z", filter: "port 443" };
    let until = PairsView { when: "before 2007-07-26T00:00:00.000Z", ..since };
    let directed = PairOptions { directed: true, ..options(Measure::Flows) };
    let waves: Vec<u128> = (0..300).map(|bin| 1_000_000 + (bin % 60) * 50_000).collect();
    let long: Vec<u128> = (0..3000).map(|bin| bin % 700 + 1).collect();
    let sent = (Whose::Sent, &waves[..100]);
    let filter = format!("src port in [{}]", "65535, ".repeat(100));
    let five_minutes = 300_000;
    vec![
        ("pairs", plot_pairs(&pairs(10, 55_400_235, false), &options(Measure::Octets), all), 10),
        ("one pair", plot_pairs(&pairs(1, 1, false), &directed, since), 1),
        ("IPv6 pairs", plot_pairs(&pairs(10, 900, true), &options(Measure::Packets), all), 10),
        (
            "many pairs",
            plot_pairs(&pairs(500, 1 << 40, true), &options(Measure::Octets), all),
            MAX_PLOTTED_PAIRS,
        ),
        ("huge pairs", plot_pairs(&pairs(30, u128::MAX, true), &options(Measure::Octets), all), 30),
        ("no pairs", plot_pairs(&[], &options(Measure::Octets), until), 0),
        ("empty pairs", plot_pairs(&pairs(2, 0, false), &options(Measure::Octets), all), 2),
        (
            "a day",
            plot_timeline(
                &timeline(Measure::Octets, five_minutes, &[(Whose::All, &waves)]),
                &view(""),
            ),
            300,
        ),
        (
            "one bin",
            plot_timeline(&timeline(Measure::Flows, 1000, &[(Whose::All, &[3])]), &view("")),
            1,
        ),
        (
            "both ends",
            plot_timeline(
                &timeline(
                    Measure::Octets,
                    five_minutes,
                    &[sent, (Whose::Received, &waves[100..200])],
                ),
                &TimelineView { filter: &filter, ..view("2001:db8::1") },
            ),
            200,
        ),
        (
            "little received",
            plot_timeline(
                &timeline(Measure::Packets, five_minutes, &[sent, (Whose::Received, &[2; 100])]),
                &view("10.0.0.1"),
            ),
            200,
        ),
        // 3000 bins take three each of the 1028 pixels.
        (
            "many years",
            plot_timeline(
                &timeline(Measure::Octets, 28 * 86_400_000, &[(Whose::All, &long)]),
                &view(""),
            ),
            1000,
        ),
        (
            "huge",
            plot_timeline(
                &timeline(Measure::Octets, 1, &[(Whose::All, &[u128::MAX / 8, 7, 0])]),
                &view(""),
            ),
            2,
        ),
        (
            "silence",
            plot_timeline(&timeline(Measure::Octets, 1000, &[(Whose::All, &[0, 0])]), &view("")),
            0,
        ),
        ("nothing", plot_timeline(&timeline(Measure::Octets, 1000, &[]), &view("10.0.0.1")), 0),
    ]
}

/// The texts of a plot, each with its box, as they are drawn.
pub(super) fn texts(plot: &Plot) -> Vec<(String, usvg::Rect)> {
    fn collect(group: &usvg::Group, texts: &mut Vec<(String, usvg::Rect)>) {
        for node in group.children() {
            match node {
                Node::Group(group) => collect(group, texts),
                Node::Text(text) => {
                    let written = text.chunks().iter().map(usvg::TextChunk::text).collect();
                    texts.push((written, text.abs_bounding_box()));
                }
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    collect(raster::tree(plot.svg()).unwrap().root(), &mut found);
    found
}

fn size(tree: &Tree) -> (f32, f32) {
    (tree.size().width(), tree.size().height())
}

#[test]
fn a_plot_has_a_bar_for_each_value_and_no_label_touches_another() {
    for (name, plot, bars) in plots() {
        assert_eq!(plot.svg().matches("<rect class=\"bar\"").count(), bars, "{name}");
        let (width, height) = size(&raster::tree(plot.svg()).unwrap());
        let texts = texts(&plot);
        assert_eq!(
            plot.svg().matches("<text ").count(),
            texts.len(),
            "{name}: a text is not drawn"
        );
        for (number, (text, place)) in texts.iter().enumerate() {
            let inside = place.left() >= 0.0 && place.right() <= width && place.bottom() <= height;
            assert!(inside, "{name}: {text:?} is cut off");
            for (other, taken) in &texts[..number] {
                let apart = place.left() > taken.right()
                    || taken.left() > place.right()
                    || place.top() > taken.bottom()
                    || taken.top() > place.bottom();
                assert!(apart, "{name}: {text:?} is on {other:?}");
            }
        }
    }
}

#[test]
fn a_plot_says_what_it_shows() {
    let plots = plots();
    let shown = |name: &str| -> Vec<String> {
        let (_, plot, _) = plots.iter().find(|plot| plot.0 == name).unwrap();
        texts(plot).into_iter().map(|(text, _)| text).collect()
    };
    for (name, expected) in [
        (
            "pairs",
            &[
                "Pairs of addresses with most octets",
                "198.51.100.201 – 198.51.100.200",
                "55.4 MB",
                "27.7 MB",
                "60 MB",
            ][..],
        ),
        (
            "one pair",
            &[
                "Sources and destinations with most flows",
                "198.51.100.201 -> 198.51.100.200",
                "from 2007-07-26T00:00:00.000Z",
                "where port 443",
            ],
        ),
        ("IPv6 pairs", &["2001:db8:ffff:eeee:dddd:cccc:bbbb:c9", "900"]),
        ("many pairs", &["the first 200 of 500, both directions together"]),
        ("no pairs", &["There are no flows (before 2007-07-26T00:00:00.000Z).", "where port 443"]),
        (
            "one bin",
            &["Flows that began over time", "3 flows/s", "time (UTC)", "26 Jul 2007", "22:00:00"],
        ),
        (
            "both ends",
            &[
                "Traffic over time, 2001:db8::1",
                "2007-07-26 22:00 – 2007-07-27 06:20 (UTC), 5 min a bar",
            ],
        ),
        ("nothing", &["There are no flows."]),
    ] {
        for text in expected {
            assert!(
                shown(name).iter().any(|shown| shown == text),
                "{name}: {text:?} in {:?}",
                shown(name)
            );
        }
    }
}

#[test]
fn a_png_is_the_same_picture() {
    for (name, plot, bars) in plots() {
        let pixels = Pixmap::decode_png(&plot.png().unwrap()).unwrap();
        let (width, height) = size(&raster::tree(plot.svg()).unwrap());
        assert_eq!((pixels.width() as f32, pixels.height() as f32), (width, height), "{name}");
        assert!(pixels.pixels().iter().all(PremultipliedColorU8::is_opaque), "{name}");
        let dark = pixels.pixels().iter().filter(|pixel| pixel.red() < 128).count();
        let least = if name == "empty page" { 50 } else { 500 };
        assert!(dark > least, "{name}: {dark} pixels of text or bars");
        // The colour of bars, which text does not have.
        let is_blue = |pixel: &&PremultipliedColorU8| {
            (pixel.red(), pixel.green(), pixel.blue()) == (0x2f, 0x6f, 0xb2)
        };
        let blue = pixels.pixels().iter().filter(is_blue).count();
        assert!(blue > 0 || bars == 0 || name == "empty pairs", "{name}: no bar is seen");
    }
}

#[test]
fn a_page_finds_classes_links_and_what_each_column_has() {
    let plots = page_plots();
    let svg = |name: &str| plots.iter().find(|plot| plot.0 == name).unwrap().1.svg();
    for (name, expected) in [
        ("stacked", "<path class=\"area s1\""),
        ("stacked", "<path class=\"area others\""),
        ("stacked", "role=\"img\""),
        ("stacked", "<desc>2007-07-26 22:00 – 2007-07-27 22:00 (UTC), 10 min a bar. 443: "),
        ("stacked", "data-since=\"1185487200000\"><title>2007-07-26 22:00\n9"),
        ("lines", "<path class=\"curve s0\""),
        ("compared", "<path class=\"curve before\""),
        ("sankey", "<a href=\"/host/10.0.0.0?a=1&amp;b=2\">"),
        ("sankey", "role=\"group\""),
        ("sankey", "<title>10.0.0.0 → TCP 443\n9 GB</title>"),
    ] {
        assert!(svg(name).contains(expected), "{name}: {expected} in {}", svg(name));
    }
    // 144 columns of two bins each, and none of a file.
    assert_eq!(svg("stacked").matches("class=\"spot\"").count(), 144);
    assert!(!svg("keys").contains("spot"));
    for (name, most) in [("stacked", 50_000), ("stacked narrow", 20_000), ("ends", 40_000)] {
        assert!(svg(name).len() < most, "{name}: {} bytes", svg(name).len());
    }
}

#[test]
fn what_is_no_xml_is_escaped() {
    let plot = plot_timeline(&timeline(Measure::Octets, 1000, &[]), &view("<a> & \u{1}"));
    assert!(plot.svg().contains("&lt;a&gt; &amp; \u{fffd}"), "{}", plot.svg());
}

#[test]
#[ignore = "writes pictures for people to look at, into the folder that PLOTS names"]
fn pictures_of_all_plots() {
    let folder = std::path::PathBuf::from(std::env::var_os("PLOTS").unwrap());
    for (name, plot, _) in plots() {
        std::fs::write(folder.join(name.replace(' ', "-") + ".png"), plot.png().unwrap()).unwrap();
    }
}
