#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PID 1 of a lab host that boots systemd: prepares private mounts, says "ready", then becomes systemd.

Started by lab.py like host_init.py, and in IPC and cgroup namespaces besides, after `enter_cgroups`. Everything that a package or
an administrator writes stays on this host: /etc and /usr are overlays, dpkg's database, /var/log and the directories of
calico and Docker lie in the state directory. So they survive a reboot (Lab.reboot); /run, /dev, /tmp and the network do not.
"""

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

OVERLAYS = ["/etc", "/usr", "/var/lib/apt", "/var/lib/dpkg", "/var/cache"]
OWN = ["/var/log", "/var/lib/calico", "/var/lib/docker", "/var/lib/containerd", "/var/lib/systemd", "/var/lib/private"]
# Would reach through to the machine (kernel settings, devices, clock, disks), or wait for what a namespace does not have.
MASKED = """systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udev-trigger.service
    systemd-udev-settle.service systemd-sysctl.service systemd-modules-load.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount
    systemd-random-seed.service systemd-timesyncd.service systemd-pstore.service systemd-update-utmp.service
    systemd-update-utmp-runlevel.service systemd-remount-fs.service systemd-hwdb-update.service systemd-journald-audit.socket
    systemd-ask-password-wall.path systemd-ask-password-console.path systemd-firstboot.service systemd-machine-id-commit.service
    kmod-static-nodes.service systemd-tmpfiles-setup-dev.service ldconfig.service modprobe@.service sys-kernel-debug.mount
    sys-kernel-tracing.mount sys-kernel-config.mount sys-fs-fuse-connections.mount dev-hugepages.mount dev-mqueue.mount
    getty.target systemd-logind.service systemd-networkd.service systemd-user-sessions.service remote-fs.target
    systemd-boot-system-token.service dbus.service dbus.socket""".split()
# What happens to be enabled on this machine is not on the hosts; a test enables what it wants.
WANTS = ("multi-user", "sockets", "sysinit", "timers", "getty", "network-online", "graphical", "paths")


CGROUPS = Path("/sys/fs/cgroup")


def enter_cgroups(name: str) -> None:
    """Puts the calling process into a cgroup of this name in every hierarchy: the root of the host's cgroup namespace."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        hierarchy = CGROUPS / (controllers.removeprefix("name=") or "unified")
        if not controllers and (CGROUPS / "cgroup.controllers").exists():
            hierarchy = CGROUPS  # the only one
        if not hierarchy.exists():
            continue
        below = hierarchy / name
        below.mkdir(exist_ok=True)
        if controllers == "cpuset":
            for setting in ("cpuset.cpus", "cpuset.mems"):
                (below / setting).write_text((hierarchy / setting).read_text())
        (below / "cgroup.procs").write_text(str(os.getpid()))


def mount(*argv: str) -> None:
    subprocess.run(["mount", *argv], check=True)


def private_mounts(state: str) -> None:
    for path in OVERLAYS:
        os.makedirs(path, exist_ok=True)
        layer = Path(f"{state}/layers{path.replace('/', '-')}")
        for part in ("upper", "work"):
            (layer / part).mkdir(parents=True, exist_ok=True)
        mount("-t", "overlay", "-o", f"lowerdir={path},upperdir={layer}/upper,workdir={layer}/work", "overlay", path)
    for path in OWN:
        own = Path(f"{state}/own{path.replace('/', '-')}")
        own.mkdir(exist_ok=True)
        os.makedirs(path, exist_ok=True)
        mount("--bind", str(own), path)
    # The state directory of the lab is on disk: a host that reaches it under /tmp or /run would lose it here.
    for path in ("/run", "/tmp"):
        mount("-t", "tmpfs", "-o", "mode=1777" if path == "/tmp" else "mode=755", "tmpfs", path)


def devices() -> None:
    """/dev/log, /dev/console and pseudo terminals of this host alone."""
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/dev")
    numbers = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0), "net/tun": (10, 200)}
    for name, (major, minor) in numbers.items():
        os.makedirs(os.path.dirname(f"/dev/{name}"), exist_ok=True)
        os.mknod(f"/dev/{name}", 0o666 | 0o020000, os.makedev(major, minor))
        os.chmod(f"/dev/{name}", 0o666)
    for name in ("pts", "shm", "mqueue"):
        os.mkdir(f"/dev/{name}")
    mount("-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620,gid=5", "devpts", "/dev/pts")
    mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/dev/shm")
    mount("-t", "mqueue", "mqueue", "/dev/mqueue")
    for name, target in {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "console": "null"}.items():
        os.symlink(target, f"/dev/{name}")


def control_groups() -> None:
    only_one = (CGROUPS / "cgroup.controllers").exists()
    mount("-t", "sysfs", "-o", "ro", "sysfs", "/sys")  # this network's interfaces
    if only_one:
        mount("-t", "cgroup2", "cgroup2", "/sys/fs/cgroup")
        return
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/sys/fs/cgroup")
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        controllers = line.split(":", 2)[1]
        if not controllers:  # one hierarchy is enough for systemd, and the old kind is what dockerd finds its controllers in
            continue
        directory = f"/sys/fs/cgroup/{controllers.removeprefix('name=')}"
        os.mkdir(directory)
        mount("-t", "cgroup", "-o", f"none,{controllers}" if controllers.startswith("name=") else controllers, "cgroup", directory)


def settle_etc(name: str) -> None:
    """On the first boot: a machine of its own with nothing enabled and nothing of ours."""
    if Path("/etc/lab-host").exists():
        return
    Path("/etc/lab-host").write_text(name + "\n")
    Path("/etc/hostname").write_text(name + "\n")
    Path("/etc/machine-id").unlink(missing_ok=True)
    Path("/etc/machine-id").write_text(os.urandom(16).hex() + "\n")
    Path("/etc/fstab").write_text("")
    shutil.rmtree("/etc/calico", ignore_errors=True)
    units = Path("/etc/systemd/system")
    units.mkdir(parents=True, exist_ok=True)
    for wants in WANTS:
        shutil.rmtree(units / f"{wants}.target.wants", ignore_errors=True)
    for unit in MASKED:
        (units / unit).unlink(missing_ok=True)
        (units / unit).symlink_to("/dev/null")
    # Packages start their services here, whatever this machine says; without waiting for disks and for others' reactions
    # to new files (man-db alone would read thousands of pages).
    Path("/usr/sbin/policy-rc.d").unlink(missing_ok=True)
    if Path("/etc/dpkg/dpkg.cfg.d").exists():
        Path("/etc/dpkg/dpkg.cfg.d/lab-host").write_text("force-unsafe-io\n")
        Path("/var/lib/dpkg/triggers/File").write_text("")
    (units / "default.target").unlink(missing_ok=True)
    (units / "default.target").symlink_to("/usr/lib/systemd/system/multi-user.target")
    Path("/var/lib/calico").chmod(0o755)


def main() -> None:
    name, state = sys.argv[1], sys.argv[2]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.sethostname(name.encode(), len(name)) != 0:
        raise OSError(ctypes.get_errno(), "sethostname")
    control_groups()
    private_mounts(state)
    devices()
    settle_etc(name)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    print("ready", flush=True)
    sys.stdin.read()  # until the network cable is in
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    environment = {"container": "other", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
    os.execve("/usr/lib/systemd/systemd", ["/usr/lib/systemd/systemd", "--system", "--show-status=no", "--crash-reboot=no"], environment)


if __name__ == "__main__":
    main()
