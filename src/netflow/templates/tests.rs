use super::definitions::MAX_PORTS;
use super::*;

const PORT: u16 = 40_000;

fn scope(domain: u32) -> Scope {
    Scope { exporter: [192, 0, 2, 1].into(), domain, format: Format::V9 }
}

fn put(templates: &mut Templates, scope: Scope, id: u16, length: u16) {
    let fields = vec![Field { number: 1, enterprise: 0, length }];
    templates.put(scope, PORT, id, fields, None).unwrap();
}

#[test]
fn templates_are_kept_by_exporter_and_domain() {
    let mut templates = Templates::default();
    put(&mut templates, scope(0), 256, 4);
    put(&mut templates, scope(0), 256, 4);
    put(&mut templates, scope(1), 256, 8);
    assert_eq!(templates.get(scope(0), PORT, 256).unwrap().min_bytes, 4);
    assert_eq!(templates.get(scope(1), PORT, 256).unwrap().min_bytes, 8);
    let other = Scope { format: Format::Ipfix, ..scope(0) };
    assert!(templates.get(other, PORT, 256).is_none());
    put(&mut templates, scope(0), 256, 2);
    assert_eq!(templates.get(scope(0), PORT, 256).unwrap().min_bytes, 2);
    templates.withdraw_all(scope(0), PORT, true);
    assert!(templates.get(scope(0), PORT, 256).is_some());
    templates.withdraw_all(scope(0), PORT, false);
    assert!(templates.get(scope(0), PORT, 256).is_none());
    let size = Size { domains: 2, templates: 1, fields: 1, ports: 1, samplers: 0 };
    assert_eq!(templates.size, size);
}

#[test]
fn a_template_that_does_not_come_again_is_not_used() {
    let mut templates = Templates::default();
    templates.hear(UnixMillis(1_000_000));
    put(&mut templates, scope(0), 256, 4);
    let last = 1_000_000 + u64::from(TEMPLATE_LIFETIME_SECS) * 1000;
    for (received, is_used) in [(last, true), (5, true), (last + 1, false), (5, false)] {
        templates.hear(UnixMillis(received));
        assert_eq!(templates.get(scope(0), PORT, 256).is_some(), is_used, "{received}");
    }
    put(&mut templates, scope(0), 256, 4);
    assert!(templates.get(scope(0), PORT, 256).is_some());
    assert_eq!(templates.size.templates, 1);
}

/// The domain `domain` of another exporter, told by its last byte.
fn other(exporter: u8, domain: u32) -> Scope {
    Scope { exporter: [198, 51, 100, exporter].into(), ..scope(domain) }
}

#[test]
fn who_forges_domains_does_not_make_the_templates_of_others_forgotten() {
    let mut templates = Templates::default();
    let others: Vec<Scope> = (0..100).map(|number| other(number, number.into())).collect();
    for &scope in &others {
        put(&mut templates, scope, 256, 4);
    }
    for number in 0..MAX_DOMAINS as u32 * 3 {
        put(&mut templates, scope(number), 256, 4);
    }
    for number in 0..MAX_TEMPLATES as u32 * 2 {
        put(&mut templates, scope(number / 60_000), 256 + (number % 60_000) as u16, 4);
    }
    assert!(templates.size.fits(1) && templates.forgotten > 0);
    assert!(others.iter().all(|&scope| templates.get(scope, PORT, 256).is_some()));
}

#[test]
fn samplers_of_many_domains_are_bounded_together() {
    let mut templates = Templates::default();
    put(&mut templates, other(1, 0), 256, 4);
    for domain in 0..200 {
        templates.with_options(scope(domain), DomainOptions::fill);
    }
    assert!(templates.size.fits(1) && templates.size.samplers > 0);
    assert!(templates.get(other(1, 0), PORT, 256).is_some());
}

#[test]
fn what_is_kept_is_bounded() {
    let mut templates = Templates::default();
    for number in 0..MAX_TEMPLATES as u32 + 100 {
        put(&mut templates, scope(number / 64), (256 + number % 64) as u16, 4);
    }
    assert!(templates.size.fits(1));
    for number in 0..MAX_DOMAINS as u32 * 2 {
        templates.with_options(scope(number), |_| {});
    }
    assert!(templates.size.fits(1));
    let told = templates.domains.values().fold(Size::default(), |all, one| all.plus(one.size()));
    assert_eq!((templates.size, templates.domains.len()), (told, told.domains));
    put(&mut templates, scope(7), 256, 4);
    assert!(templates.get(scope(7), PORT, 256).is_some());
}

/// What `id` means to `port` of domain 0: bytes of its field; none where nothing.
fn meant(templates: &mut Templates, port: u16, id: u16) -> usize {
    templates.get(scope(0), port, id).map_or(0, |template| template.min_bytes)
}

/// `port` of domain 0 defines `id` as a field of so many bytes; says whether that conflicts.
fn define(templates: &mut Templates, port: u16, id: u16, length: u16) -> bool {
    let fields = vec![Field { number: 1, enterprise: 0, length }];
    templates.put(scope(0), port, id, fields, None).unwrap().1
}

fn is_counted(templates: &Templates) {
    let told = templates.domains.values().fold(Size::default(), |all, one| all.plus(one.size()));
    assert_eq!(templates.size, told);
}

#[test]
fn a_port_means_its_own_template_and_any_other_the_newest() {
    let mut templates = Templates::default();
    let all = |templates: &mut Templates| [1, 2, 3].map(|port| meant(templates, port, 256));
    assert!(!define(&mut templates, 1, 256, 4));
    assert_eq!(all(&mut templates), [4, 4, 4]);
    assert!(define(&mut templates, 2, 256, 8));
    assert_eq!(all(&mut templates), [4, 8, 8]);
    // Told again, they are no news.
    assert!(!define(&mut templates, 1, 256, 4) && !define(&mut templates, 2, 256, 8));
    assert!(!define(&mut templates, 1, 256, 4));
    assert_eq!(all(&mut templates), [4, 8, 4]);
    // Of other ids and domains they say nothing.
    assert!(!define(&mut templates, 2, 257, 2));
    put(&mut templates, scope(1), 256, 6);
    assert_eq!((meant(&mut templates, 1, 257), all(&mut templates)), (2, [4, 8, 4]));
    is_counted(&templates);
}

#[test]
fn a_port_withdraws_its_own_templates_only() {
    let mut templates = Templates::default();
    for (port, length) in [(1, 4), (2, 8), (3, 8)] {
        define(&mut templates, port, 256, length);
        define(&mut templates, port, 257, length);
    }
    assert_eq!(templates.size.templates, 4);
    templates.withdraw(scope(0), 3, 256);
    assert_eq!([1, 2, 3].map(|port| meant(&mut templates, port, 256)), [4, 8, 8]);
    templates.withdraw_all(scope(0), 2, false);
    assert_eq!([1, 2, 3].map(|port| meant(&mut templates, port, 256)), [4, 4, 4]);
    assert_eq!([1, 2, 3].map(|port| meant(&mut templates, port, 257)), [4, 8, 8]);
    templates.withdraw_all(scope(0), 1, false);
    templates.withdraw_all(scope(0), 3, false);
    assert_eq!([256, 257].map(|id| meant(&mut templates, 1, id)), [0, 0]);
    is_counted(&templates);
}

#[test]
fn a_template_of_a_port_that_is_too_old_gives_way_to_the_newest() {
    let mut templates = Templates::default();
    for (received, port, length) in [(0, 1, 4), (u64::from(TEMPLATE_LIFETIME_SECS) * 1000, 2, 8)] {
        templates.hear(UnixMillis(received));
        define(&mut templates, port, 256, length);
    }
    assert_eq!([1, 2, 3].map(|port| meant(&mut templates, port, 256)), [4, 8, 8]);
    templates.hear(UnixMillis(u64::from(TEMPLATE_LIFETIME_SECS) * 1000 + 1));
    assert_eq!([1, 2, 3].map(|port| meant(&mut templates, port, 256)), [8, 8, 8]);
    // Nothing conflicts with it any more.
    templates.withdraw(scope(0), 2, 256);
    assert!(!define(&mut templates, 3, 256, 9));
}

#[test]
fn ports_without_end_are_bounded_and_cost_nobody_else_a_template() {
    let mut templates = Templates::default();
    put(&mut templates, other(1, 0), 256, 4);
    // The same from every port, as one that changes its port sends it, and of each port its own.
    for port in 1..4 * MAX_PORTS as u16 {
        define(&mut templates, port, 256, 4);
        define(&mut templates, port, 257, port);
    }
    assert_eq!(
        (templates.size.templates, templates.size.ports),
        (2 + MAX_PORTS, 1 + 2 * MAX_PORTS)
    );
    let last = 4 * MAX_PORTS as u16 - 1;
    assert_eq!([0, last, 7].map(|port| meant(&mut templates, port, 256)), [4; 3]);
    assert_eq!(meant(&mut templates, last - 900, 257), usize::from(last) - 900);
    assert_eq!(meant(&mut templates, 7, 257), usize::from(last));
    for number in 0..270_000u32 {
        define(&mut templates, (number % 1000) as u16, (300 + number / 1000) as u16, 4);
    }
    assert!(templates.size.fits(1) && templates.forgotten > 0);
    assert!(templates.get(other(1, 0), PORT, 256).is_some());
    is_counted(&templates);
}
