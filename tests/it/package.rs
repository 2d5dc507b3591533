//! The Debian package, in a Debian of its own that is booted: installed, started, upgraded over a store
//! and removed. `scripts/test` makes the root and says where it is: `EARLGREY_PACKAGE_ROOT`. What is
//! right is told by dpkg, systemd, man, the shells, curl and nfdump.

mod installed;
mod machine;
mod sample;
mod served;
mod upgraded;

use machine::Machine;

use crate::needs;

#[test]
fn the_package_is_installed_started_upgraded_over_a_store_and_removed() {
    let Some(root) = needs::package_root() else { return };
    let folder = tempfile::tempdir().unwrap();
    let package = machine::package(folder.path());
    let machine = Machine::boot(&root);
    installed::installs(&machine, &package);
    installed::starts_nothing_unasked(&machine);
    installed::is_confined(&machine);
    installed::pages_are_read(&machine);
    installed::shells_complete(&machine);
    served::listens_to_nobody_unsafely(&machine);
    let token = served::starts(&machine);
    let served = served::answers_what_nfdump_has(&machine, &token);
    served::others_may_not_read(&machine);
    served::is_started_again_when_it_hangs(&machine);
    served::deletes_what_is_old(&machine, &token, &served);
    upgraded::upgrades(&machine, folder.path(), &package, &token, &served);
    upgraded::leaves_flows_when_it_goes(&machine);
    upgraded::finds_them_when_it_is_back(&machine, &token, &served);
}
