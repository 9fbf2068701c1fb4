#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command as root on Debian's stock kernel in a virtual machine: ipip, WireGuard, dummy and netem are there, whatever
the kernel of this machine lacks.

    tests/vm/vm.py [--memory MB] [--timeout S] [--logs DIR] -- COMMAND...

The machine is emulated by QEMU (no KVM needed) and lives in memory: its root file system is an initramfs made of the Debian
packages in PACKAGES as they are installed here, build/bin and tests/. Nothing of it can change this machine; it
has no network. The command's output and exit status are ours. If it fails, what it left in /logs comes back in --logs.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = ROOT / "build" / "vm"
PACKAGES = ("bash busybox-static coreutils findutils grep sed tar gzip python3 python3-pytest iproute2 bird2 etcd-server "
            "etcd-client mount tcpdump conntrack nftables iptables iputils-ping procps util-linux ethtool wireguard-tools iperf3 "
            "kmod libcurl4 systemd").split()
PROGRAMS = ("calico-node", "calicoctl")  # of build/bin
# Parts of the kernel package, below /lib/modules/<release>/kernel.
MODULES = ("net", "crypto", "lib", "arch/x86/crypto", "drivers/net/dummy.ko", "drivers/net/ifb.ko", "drivers/net/tun.ko",
           "drivers/net/veth.ko", "drivers/net/vxlan", "drivers/net/wireguard", "drivers/char/virtio_console.ko",
           "drivers/virtio", "fs/overlayfs")
NOT_NEEDED = re.compile(r"^/usr/share/(doc|man|locale|info|lintian|bash-completion|zsh|i18n|perl|perl5)/|/perl|^/var/lib/dpkg|"
                        r"/gconv/|/(ensurepip|idlelib|lib2to3|tkinter|turtledemo|pydoc_data)/")
BEGIN, END = "== the machine is up ==", "== exit status "
# The first program. Debian's own names for programs win over busybox's.
INIT = """#!/bin/busybox sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb TEST_LOGS=/logs PYTHONDONTWRITEBYTECODE=1
export PATH=/calico/build/bin:$PATH
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs devtmpfs /dev
busybox mkdir -p /dev/pts /run /tmp /logs /var/log /var/lib
busybox mount -t devpts devpts /dev/pts
busybox mount -t tmpfs tmpfs /run
busybox mount -t tmpfs tmpfs /tmp
busybox mount -t tmpfs tmpfs /var/lib
busybox mount -t cgroup2 cgroup /sys/fs/cgroup
busybox ln -s /run /var/run
busybox ln -s /proc/self/fd /dev/fd
modprobe -a virtio_pci virtio_console
ip link set lo up
hostname vm
echo "@BEGIN@"
cd /calico
. /calico/command
status=$?
[ $status = 0 ] || tar -cf /dev/vport*p1 -C /logs .
echo "@END@$status"
poweroff -f
"""


class VmFailed(Exception):
    """The machine could not be made or did not come up."""


def output_of(*argv: str, cwd: Path | None = None) -> str:
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        raise VmFailed(f"{' '.join(argv)[:200]}: {done.stderr.strip()[-500:]}")
    return done.stdout


def kernel() -> tuple[str, Path]:
    """Release and unpacked package of Debian's kernel for virtual machines; downloaded once."""
    depends = output_of("apt-cache", "depends", "linux-image-cloud-amd64")
    found = re.search(r"Depends: (linux-image-(\S+))", depends)
    if not found:
        raise VmFailed("apt knows no linux-image-cloud-amd64: run apt-get update")
    package, release = found.groups()
    tree = CACHE / package
    if not tree.exists():
        partial = CACHE / "kernel.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        output_of("apt-get", "download", "-q", package, cwd=partial)
        deb, = partial.glob("*.deb")
        output_of("dpkg", "-x", str(deb), str(partial / "tree"))
        (partial / "tree").rename(tree)
        shutil.rmtree(partial)
    return release, tree


def package_files() -> set[str]:
    """Paths of PACKAGES and all that they depend on, as installed here."""
    closure = output_of("apt-cache", "depends", "--recurse", "--installed", "--no-recommends", "--no-suggests", "--no-conflicts",
                        "--no-breaks", "--no-replaces", "--no-enhances", *PACKAGES)
    names = sorted({line for line in closure.splitlines() if re.match(r"^[a-z]", line)})
    # It fails for names that were never heard of, and still tells the others.
    installed = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${binary:Package}\n", *names], capture_output=True,
                               text=True).stdout
    missing = set(PACKAGES) - {line.split()[1].split(":")[0] for line in installed.splitlines() if line.startswith("installed ")}
    if missing:
        raise VmFailed(f"not installed here: {' '.join(sorted(missing))}")
    names = [line.split()[1] for line in installed.splitlines() if line.startswith("installed ")]
    listed = output_of("dpkg", "-L", *names).splitlines()
    return {path for path in listed if path.startswith("/") and not NOT_NEEDED.search(path)}


def libraries_of(program: Path) -> set[str]:
    linked = set(re.findall(r"=> (/\S+)", output_of("ldd", str(program))))
    return linked | {os.path.realpath(path) for path in linked}


def copy(source: str, tree: Path) -> None:
    """A file or symbolic link of this machine, at its own path with links in its directory resolved."""
    directory = os.path.realpath(os.path.dirname(source))
    target = Path(f"{tree}{directory}") / os.path.basename(source)
    if os.path.lexists(target):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if os.path.islink(source):
        target.symlink_to(os.readlink(source))
    else:
        shutil.copy2(source, target)


def make_tree(tree: Path, release: str, kernel_tree: Path) -> None:
    for directory in ("proc", "sys", "dev", "run", "tmp", "root", "etc/calico", "var/lib", "var/log/calico", "logs", "usr/bin", "usr/sbin", "usr/lib",
                      "usr/lib64", "calico/build/bin"):
        (tree / directory).mkdir(parents=True, exist_ok=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (tree / name).symlink_to(f"usr/{name}")
    wanted = package_files()
    for program in PROGRAMS:
        binary = ROOT / "build" / "bin" / program
        if not binary.exists():
            raise VmFailed(f"{binary} does not exist: run make build")
        output_of("strip", "-g", "-o", str(tree / "calico/build/bin" / program), str(binary))
        wanted |= libraries_of(binary)
    # Compiled by the packages' installation scripts; without them each import costs the emulated processor seconds.
    for directory in {os.path.dirname(path) for path in wanted if path.endswith(".py")}:
        cache = os.path.join(directory, "__pycache__")
        if os.path.isdir(cache):
            wanted |= {os.path.join(cache, name) for name in os.listdir(cache)}
    for path in sorted(wanted):
        if os.path.isfile(path) or os.path.islink(path):
            copy(path, tree)
    # What packages' installation scripts make.
    real = {os.path.realpath(path) for path in wanted}
    for alternative in Path("/etc/alternatives").iterdir():
        if os.path.realpath(alternative) in real:
            copy(str(alternative), tree)
            described = Path("/var/lib/dpkg/alternatives") / alternative.name
            if described.exists():
                copy(described.read_text().splitlines()[1], tree)  # "/usr/sbin/iptables"
    for path in ("/etc/protocols", "/etc/services", "/etc/ld.so.cache", "/etc/nsswitch.conf"):
        if os.path.exists(path):
            copy(path, tree)
    if not os.path.lexists(tree / "usr/bin/sh"):
        (tree / "usr/bin/sh").symlink_to("bash")
    (tree / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\ntcpdump:x:100:100::/:/bin/false\n")
    (tree / "etc/group").write_text("root:x:0:\ntcpdump:x:100:\n")
    (tree / "etc/hosts").write_text("127.0.0.1 localhost vm\n::1 localhost\n")
    for directory in ("packaging", "tests", "testdata", "docs"):
        shutil.copytree(ROOT / directory, tree / "calico" / directory, ignore=shutil.ignore_patterns("__pycache__", "corpus", "*.cc", "*.h"))
    for path in ROOT.glob("*.md"):
        shutil.copy2(path, tree / "calico")
    for name in MODULES:
        below = f"lib/modules/{release}/kernel/{name}"
        source, target = kernel_tree / below, tree / "usr" / below
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy2(source, target)
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copy2(kernel_tree / f"lib/modules/{release}/{name}", tree / f"usr/lib/modules/{release}")
    output_of("depmod", "-b", str(tree), release)
    init = tree / "init"
    init.write_text(INIT.replace("@BEGIN@", BEGIN).replace("@END@", END))
    init.chmod(0o755)


def make_image(command: list[str], release: str, kernel_tree: Path) -> Path:
    tree, image = CACHE / "root", CACHE / "root.cpio"
    shutil.rmtree(tree, ignore_errors=True)
    make_tree(tree, release, kernel_tree)
    words = " ".join("'" + word.replace("'", "'\\''") + "'" for word in command)
    (tree / "calico/command").write_text(words + "\n")
    paths = "\0".join(sorted(str(path.relative_to(tree)) for path in tree.rglob("*")))
    with open(image, "wb") as out:
        subprocess.run(["cpio", "-0", "-o", "-H", "newc", "--quiet"], cwd=tree, input=paths.encode(), stdout=out, check=True)
    shutil.rmtree(tree)
    return image


def boot(image: Path, release: str, kernel_tree: Path, memory: int, timeout: float, logs: Path) -> int:
    results = CACHE / "results.tar"
    results.unlink(missing_ok=True)
    argv = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", str(memory), "-nographic", "-no-reboot",
            "-nic", "none", "-device", "virtio-rng-pci", "-device", "virtio-serial", "-chardev", f"file,id=results,path={results}",
            "-device", "virtserialport,chardev=results,name=results", "-kernel", str(kernel_tree / f"boot/vmlinuz-{release}"),
            "-initrd", str(image), "-append", "console=ttyS0 quiet loglevel=1 panic=-1 mitigations=off"]
    began = time.monotonic()
    machine = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    os.set_blocking(machine.stdout.fileno(), False)
    status, up, pending, before = None, False, b"", []
    try:
        while status is None:
            if time.monotonic() - began > timeout:
                print(f"vm: no end within {timeout:g} s", flush=True)
                break
            chunk = machine.stdout.read()
            if not chunk:
                if machine.poll() is not None:
                    break
                time.sleep(0.02)
                continue
            *lines, pending = (pending + chunk).split(b"\n")
            for raw in lines:
                line = raw.decode(errors="replace").rstrip("\r")
                if line.startswith(END):
                    status = int(line[len(END):])
                    break
                elif line.endswith(BEGIN):
                    up = True
                    print(f"vm: kernel {release}, up after {time.monotonic() - began:.1f} s", flush=True)
                elif up:
                    print(line, flush=True)
                else:
                    before.append(line)
        if status is not None:
            machine.wait(30)  # the logs have arrived when it has switched itself off
    finally:
        machine.kill()
        machine.wait()
    if not up:
        print("\n".join(before[-40:]))
    if status != 0 and results.exists() and results.stat().st_size > 0:
        shutil.rmtree(logs, ignore_errors=True)
        logs.mkdir(parents=True)
        with tarfile.open(results) as archive:
            archive.extractall(logs, filter="data")
        print(f"vm: what the command left in /logs is in {logs}")
    if status is None:
        print(f"vm: ended without a result after {time.monotonic() - began:.0f} s", flush=True)
    return 99 if status is None else status


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory", type=int, default=2048, help="MB")
    parser.add_argument("--timeout", type=float, default=600, help="seconds from the start to the result")
    parser.add_argument("--logs", type=Path, default=ROOT / "build" / "test-logs" / "vm")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    try:
        release, kernel_tree = kernel()
        image = make_image(options.command, release, kernel_tree)
    except VmFailed as failure:
        print(f"vm: {failure}")
        return 98
    return boot(image, release, kernel_tree, options.memory, options.timeout, options.logs)


if __name__ == "__main__":
    sys.exit(main())
