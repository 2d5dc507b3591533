//! The services at work.

use super::machine::Machine;
use crate::cli::until;

const CONFIG: &str = "/etc/earlgrey-hbase/earlgrey.toml";
/// A capture of flows of today and one of old ones.
const NEW: &str = "/root/new.pcap";
const OLD: &str = "/root/old.pcap";

/// Flows, packets and octets.
pub(super) type Sums = [u64; 3];

pub(super) fn listens_to_nobody_unsafely(machine: &Machine) {
    let everybody = "s/^#listen = \\[\"127.0.0.1:8742\"\\]/listen = [\"0.0.0.0:8742\"]/";
    machine.tells(&format!("cp {CONFIG} /root/sample.toml; sed -i '{everybody}' {CONFIG}"));
    assert_ne!(machine.run("systemctl start earlgrey-serve").status, Some(0));
    let told = machine.tells("systemctl show -p ExecMainStatus -p NRestarts earlgrey-serve");
    assert_eq!(told, "NRestarts=0\nExecMainStatus=2");
    let log = machine.tells("journalctl -u earlgrey-serve -o cat");
    assert!(log.contains("listen at 0.0.0.0:8742: others could listen in"), "{log}");
    machine.tells(&format!("cp /root/sample.toml {CONFIG}; systemctl reset-failed"));
}

/// Configures and starts all, and makes a token.
pub(super) fn starts(machine: &Machine) -> String {
    // nfdump's own service, which Debian starts at port 2055, gets what comes, too.
    machine.tells(&format!(
        "sed -i 's/^#listen = .\"127.0.0.1:2055\"./listen = [\"0.0.0.0:2056\"]/; \
            s/^#tees = .*/tees = [\"127.0.0.1:2055\"]/; s/^#commit_secs = 2/commit_secs = 1/' {CONFIG}
         install -D -m 644 /usr/share/doc/earlgrey-hbase/examples/tee.conf \
            /etc/systemd/system/earlgrey-collect.service.d/tee.conf
         systemctl daemon-reload
         systemctl is-active nfdump
         systemctl enable --now earlgrey-collect earlgrey-serve earlgrey-expire.timer"
    ));
    // It has told that it is ready, so its sockets are open.
    let ready = machine.tells("systemctl show -p StatusText --value earlgrey-collect");
    assert_eq!(ready, "listening at 0.0.0.0:2056, into /var/lib/earlgrey-hbase/store");
    let user =
        machine.tells("stat -c %U /proc/$(systemctl show -p MainPID --value earlgrey-collect)");
    assert_eq!(user, "earlgrey");
    let health = machine.tells(&program("earlgrey", "health"));
    assert_eq!(health.lines().count(), 2, "{health}");
    machine.tells(&program("earlgrey", "token add probe --role reader"))
}

/// A command of the program, as this user.
fn program(user: &str, command: &str) -> String {
    format!("runuser -u {user} -- earlgrey-hbase --config {CONFIG} {command}")
}

/// What the server says of all flows, by curl.
pub(super) fn asked(machine: &Machine, token: &str) -> Sums {
    let curl = "curl -sS --fail http://127.0.0.1:8742/api/v1/stats";
    let answer = machine.run(&format!("{curl} -H 'Authorization: Bearer {token}'"));
    if answer.status != Some(0) {
        return Sums::default();
    }
    let answer = answer.json();
    ["flows", "packets", "octets"].map(|name| answer[name].as_u64().unwrap())
}

pub(super) fn answers_what_nfdump_has(machine: &Machine, token: &str) -> Sums {
    machine.tells(&format!(
        "earlgrey-hbase generate {NEW} --flows 3000 --hours 1 --start -3h
         earlgrey-hbase generate {OLD} --flows 2000 --hours 1 --start -100d --seed 2
         earlgrey-hbase replay {NEW} --to 127.0.0.1:2056 --rate 1000"
    ));
    until("3,000 flows", || asked(machine, token)[0] >= 3000);
    let status = machine.run(&program("earlgrey", "collect status -o json")).succeeds().json();
    assert_eq!(status["tees"][0]["keepsSources"], true, "{status}");
    // It closes its file when it ends.
    machine.tells("systemctl stop nfdump");
    let told = machine.tells("nfdump -R /var/cache/nfdump -I");
    let sum = |name: &str| {
        let line = told.lines().find(|line| line.starts_with(&format!("{name}: ")));
        line.and_then(|line| line.split_once(": ")?.1.trim().parse().ok()).unwrap()
    };
    let expected = ["Flows", "Packets", "Bytes"].map(sum);
    assert_eq!(asked(machine, token), expected);
    expected
}

pub(super) fn others_may_not_read(machine: &Machine) {
    let status = "curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8742/api/v1/stats";
    assert_eq!(machine.tells(status), "401");
    machine.tells("useradd berta; useradd --groups earlgrey anna");
    let count = "query 0.0.0.0/0 --count";
    assert_eq!(machine.tells(&program("anna", count)), "3000");
    machine.run(&program("berta", count)).ends(1, "Permission denied");
}

pub(super) fn is_started_again_when_it_hangs(machine: &Machine) {
    let folder = "/etc/systemd/system/earlgrey-collect.service.d";
    machine.tells(&format!(
        "printf '[Service]\\nWatchdogSec=2\\n' > {folder}/watchdog.conf
         systemctl daemon-reload; systemctl restart earlgrey-collect; sleep 4"
    ));
    let shown = "systemctl show -p NRestarts -p ActiveState earlgrey-collect";
    assert_eq!(machine.tells(shown), "NRestarts=0\nActiveState=active");
    machine.tells("systemctl kill --signal=STOP earlgrey-collect");
    until("started again", || machine.tells(shown) == "NRestarts=1\nActiveState=active");
    machine.tells(&format!("rm {folder}/watchdog.conf; systemctl daemon-reload"));
}

pub(super) fn deletes_what_is_old(machine: &Machine, token: &str, served: &Sums) {
    machine.tells(&format!("earlgrey-hbase replay {OLD} --to 127.0.0.1:2056 --rate 1000"));
    until("2,000 flows more", || asked(machine, token)[0] == served[0] + 2000);
    machine.tells("systemctl start earlgrey-expire.service");
    assert_eq!(asked(machine, token), *served);
    let next =
        machine.tells("systemctl show -p NextElapseUSecRealtime --value earlgrey-expire.timer");
    assert!(next.contains(" 03:"), "{next}");
}
