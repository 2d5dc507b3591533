//! What an upgrade and a removal leave.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::machine::Machine;
use super::served::{Sums, asked};
use crate::cli::{Run, until};

const STORE: &str = "/var/lib/earlgrey-hbase/store";

/// The package with a higher version, and with another sample.
fn newer(folder: &Path, package: &Path) {
    let files = folder.join("newer");
    let run = |command: &mut Command| Run::of(command.output().unwrap()).succeeds();
    run(Command::new("dpkg-deb").arg("-R").args([package, &files]));
    let control = files.join("DEBIAN/control");
    let text = fs::read_to_string(&control).unwrap();
    fs::write(&control, text.replace("-1\nArchitecture", "-2\nArchitecture")).unwrap();
    let sample = files.join("etc/earlgrey-hbase/earlgrey.toml");
    let text = fs::read_to_string(&sample).unwrap();
    fs::write(&sample, text + "# Something new.\n").unwrap();
    let newer = folder.join("newer.deb");
    run(Command::new("dpkg-deb").args(["-Zgzip", "-z1", "-b"]).args([&files, &newer]));
}

fn processes(machine: &Machine) -> String {
    machine.tells("systemctl show -p MainPID --value earlgrey-collect earlgrey-serve")
}

pub(super) fn upgrades(
    machine: &Machine,
    folder: &Path,
    package: &Path,
    token: &str,
    served: &Sums,
) {
    newer(folder, package);
    machine.put(&folder.join("newer.deb"), "/root/newer.deb");
    let before = processes(machine);
    machine.tells(
        "apt-get install -y -qq -o Dpkg::Options::=--force-confold --no-install-recommends \
         /root/newer.deb",
    );
    let version = machine.tells("dpkg-query --show --showformat='${Version}' earlgrey-hbase");
    assert!(version.ends_with("-2"), "{version}");
    for (was, is) in before.split_whitespace().zip(processes(machine).split_whitespace()) {
        assert!(is != "0" && is != was, "{was} → {is}");
    }
    machine.tells("systemctl is-active earlgrey-collect earlgrey-serve earlgrey-expire.timer");
    // What the user changed stays, and what is new lies beside it.
    machine.tells(
        "cd /etc/earlgrey-hbase; grep -q 0.0.0.0:2056 earlgrey.toml
         grep -q 'Something new' earlgrey.toml.dpkg-dist",
    );
    assert_eq!(asked(machine, token), *served);
    machine.tells(
        "earlgrey-hbase generate /root/more.pcap --flows 500 --hours 1 --start -2h --seed 3
         earlgrey-hbase replay /root/more.pcap --to 127.0.0.1:2056 --rate 1000",
    );
    until("500 flows more", || asked(machine, token)[0] == served[0] + 500);
}

pub(super) fn leaves_flows_when_it_goes(machine: &Machine) {
    machine.tells("apt-get remove -y -qq earlgrey-hbase");
    let active = machine.run("systemctl is-active earlgrey-collect earlgrey-serve");
    assert_eq!(active.stdout, "inactive\ninactive\n");
    machine.tells(&format!("test ! -e /usr/bin/earlgrey-hbase -a -e {STORE}"));
    machine.tells("grep -q 0.0.0.0:2056 /etc/earlgrey-hbase/earlgrey.toml");
    let told = machine.tells("apt-get purge -y -qq earlgrey-hbase 2>&1");
    assert!(told.contains("flows, accounts and jobs stay in /var/lib/earlgrey-hbase"), "{told}");
    machine.tells(&format!(
        "test ! -e /etc/earlgrey-hbase/earlgrey.toml -a ! -e /etc/default/earlgrey-hbase -a -e {STORE}"
    ));
}

pub(super) fn finds_them_when_it_is_back(machine: &Machine, token: &str, served: &Sums) {
    machine.tells(
        "apt-get install -y -qq --no-install-recommends /root/newer.deb
         systemctl start earlgrey-serve",
    );
    assert_eq!(asked(machine, token)[0], served[0] + 500);
}
