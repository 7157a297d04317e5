"""Boots the fresh root with systemd in it, and runs the commands of the page there: with the units' own hardening, and an
upgrade while requests arrive. It needs systemd-nspawn, and says if systemd does not boot on this machine."""

import pathlib
import shutil
import subprocess

from kit import pages

PARTS = "A control plane and workers as services"
BOOT_TIMEOUT_SECONDS = 360

UNIT = """[Unit]
After=multi-user.target
SuccessAction=poweroff-force
FailureAction=poweroff-force

[Service]
Type=oneshot
ExecStart=/root/steps
TimeoutStartSec=300
StandardOutput=file:/root/printed
StandardError=inherit
"""

STEPS = """#!/bin/sh
set -eux
cd /root
export DEBIAN_FRONTEND=noninteractive
{commands}
timeout 3 {look} >clock || true
grep 's, says 127.0.0.1:9100' clock
systemctl show --property MainPID --value tidegate >before
# An upgrade reloads the service, which takes over from itself: no request fails meanwhile.
( set +x
  while [ ! -e upgraded ]; do
      curl --silent --fail --show-error http://127.0.0.1/ >/dev/null || touch refused
      # Leaves the processor to the upgrade.
      sleep 0.05
  done ) &
requests=$!
apt-get install --yes --reinstall {package}
systemctl show --property MainPID --value tidegate >after
touch upgraded
wait $requests
test ! -e refused
! cmp before after
systemctl is-active tidegate tidegate-echo
# The parts as services of their own, on one machine: the control plane ends `tidegate`, whose data it takes.
{parts}
! systemctl is-active tidegate
curl --silent --fail --show-error --retry 100 --retry-delay 1 --retry-connrefused --retry-max-time 30 http://127.0.0.1/
apt-get purge --yes tidegate
! systemctl is-active tidegate-control-plane tidegate-worker tidegate-echo
test -s /var/lib/tidegate/tidegate.db
echo well >result
"""


def run(package: pathlib.Path, root: pathlib.Path) -> bool:
    """Runs the steps. Returns false if systemd does not boot.

    Raises an `AssertionError` with what the steps printed if one fails.
    """
    home = root / "root"
    shutil.copy(package, home)
    steps = home / "steps"
    steps.write_text(
        STEPS.format(
            commands="\n".join(pages.commands("Debian and Ubuntu")),
            look=pages.look("Debian and Ubuntu"),
            parts="\n".join(pages.all_commands(PARTS)).replace("control.example", "127.0.0.1"),
            package=f"./{package.name}",
        )
    )
    steps.chmod(0o755)
    units = root / "etc/systemd/system"
    (units / "steps.service").write_text(UNIT)
    (units / "default.target.wants").mkdir(exist_ok=True)
    (units / "default.target.wants/steps.service").symlink_to("../steps.service")
    (root / "etc/machine-id").write_text("")
    command = ["systemd-nspawn", "--register=no", "--keep-unit", "--private-network", "--boot", "--console=pipe"]
    try:
        done = subprocess.run(
            [*command, f"--directory={root}"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=BOOT_TIMEOUT_SECONDS,
        )  # fmt: skip
        console = done.stdout
    except subprocess.TimeoutExpired as timeout:
        console = (timeout.stdout or b"").decode(errors="replace")
    printed = home / "printed"
    if not printed.exists():
        print(f"SKIPPED: systemd does not boot here:\n{console[-2000:]}", flush=True)
        return False
    assert (home / "result").exists(), f"a step has failed:\n{printed.read_text(errors='replace')}\n{console[-2000:]}"
    return True
