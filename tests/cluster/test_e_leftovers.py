# SPDX-License-Identifier: Apache-2.0
"""`make demo-down` leaves nothing, and a second `make demo` starts from scratch."""

import subprocess
from pathlib import Path

from lab import Lab

SMALL = Path("/var/lib/calico-leftover-test")


def machine() -> dict[str, str]:
    """What a lab could leave behind on the machine itself."""
    def out(*argv: str) -> str:
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout

    processes = sorted(line for line in out("ps", "-eo", "pid,args").splitlines()
                       if any(word in line for word in ("calico-leftover", "dockerd", "containerd", "/etcd", "bird ")))
    return {
        "processes": "\n".join(processes),
        "namespaces": out("lsns", "-n", "-t", "net", "-o", "NS") + out("ip", "netns", "list"),
        "mounts": Path("/proc/self/mountinfo").read_text(),
        "links": out("ip", "-o", "link"),
        "routes": out("ip", "route", "show", "table", "all") + out("ip", "-6", "route"),
        "nftables": out("nft", "list", "tables"),
        "cgroups": "\n".join(str(p) for p in Path("/sys/fs/cgroup").glob("**/*calico-leftover*")),
        "state": str(SMALL.exists()),
    }


def test_a_lab_can_be_made_twice_and_leaves_nothing(demo):
    before = machine()
    for _ in range(2):
        lab = Lab(SMALL).create(1)
        lab.start_etcd()
        node = lab.nodes()[0]
        node.environment["CALICO_LIBNETWORK_ENABLED"] = "true"
        node.start_dockerd()
        node.wait_dockerd()
        node.start_calico_node()
        node.wait_calico_node()
        node.import_busybox(lab.busybox_archive())
        node.docker("network", "create", "--driver", "calico", "--ipam-driver", "calico-ipam", "net1")
        node.docker("run", "-tid", "--name=one", "--net=net1", "busybox")
    Lab(SMALL).destroy()  # a new object, as `make demo-down` has
    after = machine()
    for what, text in before.items():
        # The other lab of this session runs on: only what is new counts.
        new = set(after[what].splitlines()) - set(text.splitlines())
        assert not new, f"{what} left behind: {new}"
