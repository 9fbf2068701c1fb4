# SPDX-License-Identifier: Apache-2.0
"""A virtual machine on a tap device of a lab host: Debian's kernel with busybox, emulated by QEMU."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "vm"))

import vm  # noqa: E402
from lab import Host, wait_until  # noqa: E402
from network import GATEWAY  # noqa: E402

SHELL_PORT = 2323
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in $(cat /modules); do insmod /$module; done
ip link set lo up
ip addr add @ADDRESS@/32 dev eth0
ip link set eth0 up
ip route add @GATEWAY@ dev eth0
ip route add default via @GATEWAY@
while true; do nc -ll -p @PORT@ -e sh; done
"""


class Guest:
    """Started with its tap device there and up. What it runs is asked for over the network, from its own host."""

    def __init__(self, host: Host, tap: str, mac: str, ip: str, work: Path):
        self.host, self.tap, self.ip = host, tap, ip
        release, kernel_tree = vm.kernel()
        image = self._image(work, release, kernel_tree)
        host.start_process(f"guest-{tap}", "qemu-system-x86_64", "-accel", "tcg", "-m", "256", "-nographic", "-no-reboot",
                           "-netdev", f"tap,id=net,ifname={tap},script=no,downscript=no", "-device", f"virtio-net-pci,netdev=net,mac={mac}",
                           "-kernel", str(kernel_tree / f"boot/vmlinuz-{release}"), "-initrd", str(image),
                           "-append", "console=ttyS0 quiet panic=-1 mitigations=off")
        wait_until(lambda: "up" in self.run("echo up"), "the guest answers", 90, 0.5)

    def _image(self, work: Path, release: str, kernel_tree: Path) -> Path:
        tree = work / f"guest-{self.tap}"
        for directory in ("bin", "proc", "sys", "dev"):
            (tree / directory).mkdir(parents=True)
        shutil.copy("/bin/busybox", tree / "bin/busybox")
        subprocess.run(["depmod", "-b", str(kernel_tree), release], check=True)
        names = []
        for module in ("virtio_pci", "virtio_net"):
            shown = vm.output_of("modprobe", "-d", str(kernel_tree), "-S", release, "--show-depends", module)
            for path in re.findall(r"^insmod (\S+)", shown, re.M):
                if Path(path).name not in names:
                    names.append(Path(path).name)
                    shutil.copy(path, tree)
        (tree / "modules").write_text("\n".join(names) + "\n")
        init = tree / "init"
        init.write_text(INIT.replace("@ADDRESS@", self.ip).replace("@GATEWAY@", GATEWAY).replace("@PORT@", str(SHELL_PORT)))
        init.chmod(0o755)
        image = work / f"guest-{self.tap}.cpio"
        paths = "\0".join(sorted(str(path.relative_to(tree)) for path in tree.rglob("*")))
        with open(image, "wb") as out:
            subprocess.run(["cpio", "-0", "-o", "-H", "newc", "--quiet"], cwd=tree, input=paths.encode(), stdout=out, check=True)
        return image

    def run(self, command: str, timeout: float = 10) -> str:
        """Output of a shell command inside; empty if the guest does not answer."""
        code = ("import socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 2); s.settimeout(float(sys.argv[4]));"
                "s.sendall((sys.argv[3] + '\\nexit\\n').encode()); out = b''\n"
                "while True:\n    part = s.recv(4096)\n    if not part: break\n    out += part\n"
                "print(out.decode(errors='replace'), end='')")
        return self.host.run(sys.executable, "-c", code, self.ip, str(SHELL_PORT), command, str(timeout), check=False, timeout=timeout + 10).stdout

    def reaches(self, address: str, *flags: str) -> bool:
        return "0% packet loss" in self.run(f"ping -c 1 -W 2 {' '.join(flags)} {address}").replace("100% packet loss", "")
