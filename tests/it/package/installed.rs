//! What an installation brings, and what it does not do.

use std::path::Path;
use std::process::Command;

use super::machine::Machine;

const SERVICES: [&str; 3] = ["earlgrey-collect", "earlgrey-serve", "earlgrey-expire"];

pub(super) fn installs(machine: &Machine, package: &Path) {
    machine.put(package, "/root/earlgrey-hbase.deb");
    machine.tells("apt-get install -y -qq --no-install-recommends /root/earlgrey-hbase.deb");
    assert_eq!(machine.tells("dpkg --verify earlgrey-hbase"), "", "files are not as packaged");
    let told = machine.tells("dpkg-query --show --showformat='${Status}' earlgrey-hbase");
    assert_eq!(told, "install ok installed");
    let user = machine.tells("getent passwd earlgrey | cut -d: -f 6-");
    assert_eq!(user, "/var/lib/earlgrey-hbase:/usr/sbin/nologin");
    let doc = machine.tells("zcat /usr/share/doc/earlgrey-hbase/changelog.Debian.gz");
    assert!(doc.starts_with("earlgrey-hbase (0."), "{doc}");
    let sections = Command::new("readelf")
        .args(["--sections", "--wide"])
        .arg(machine.path("/usr/bin/earlgrey-hbase"))
        .output()
        .unwrap();
    let sections = String::from_utf8_lossy(&sections.stdout);
    assert!(sections.contains(".text") && !sections.contains(".debug_info"), "{sections}");
}

pub(super) fn starts_nothing_unasked(machine: &Machine) {
    for unit in ["earlgrey-collect.service", "earlgrey-serve.service", "earlgrey-expire.timer"] {
        assert_eq!(machine.run(&format!("systemctl is-enabled {unit}")).stdout, "disabled\n");
        assert_eq!(machine.run(&format!("systemctl is-active {unit}")).stdout, "inactive\n");
    }
    machine.tells("test ! -e /var/lib/earlgrey-hbase");
}

pub(super) fn is_confined(machine: &Machine) {
    let units = SERVICES.map(|service| format!("{service}.service")).join(" ");
    let told = machine.run(&format!("systemd-analyze verify {units} earlgrey-expire.timer"));
    assert_eq!((told.status, told.stderr.as_str()), (Some(0), ""));
    // In tenths: an exposure of 2.0 and more is a failure.
    machine.tells(&format!("systemd-analyze security --offline=true --threshold=19 {units}"));
}

pub(super) fn pages_are_read(machine: &Machine) {
    for (page, says) in [
        ("earlgrey-hbase", "SUBCOMMANDS"),
        ("earlgrey-hbase-collect", "--listen"),
        ("earlgrey-hbase-health", "Exit status: 0"),
    ] {
        let text = machine.tells(&format!("MANWIDTH=80 man -P cat {page}"));
        assert!(text.contains(says), "{page}: {text}");
    }
    let pages = "/usr/share/man/man1/earlgrey-hbase*.1.gz";
    let wrong = machine
        .run(&format!(
            "for page in {pages}; do man --warnings -E UTF-8 -l -Z $page >/dev/null; done"
        ))
        .succeeds();
    assert_eq!(wrong.stderr, "");
    machine.tells("test $(ls /usr/share/man/man1/earlgrey-hbase*.1.gz | wc -l) -ge 22");
}

pub(super) fn shells_complete(machine: &Machine) {
    let bash = "set +eu; source /usr/share/bash-completion/bash_completion; \
        _completion_loader earlgrey-hbase; COMP_WORDS=(earlgrey-hbase act); COMP_CWORD=1; \
        $(complete -p earlgrey-hbase | sed 's/.*-F \\([^ ]*\\) .*/\\1/') earlgrey-hbase act \
        earlgrey-hbase; echo ${COMPREPLY[@]}";
    assert_eq!(machine.tells(bash), "active-flow");
    let zsh = "zsh -c 'autoload -U compinit; compinit -D; echo $_comps[earlgrey-hbase]; \
        autoload +X _earlgrey-hbase'";
    assert_eq!(machine.tells(zsh), "_earlgrey-hbase");
    let fish = machine.tells("HOME=/root fish -c 'complete -C \"earlgrey-hbase act\"'");
    assert!(fish.starts_with("active-flow\t"), "{fish}");
}
