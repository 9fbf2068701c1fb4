# SPDX-License-Identifier: Apache-2.0
"""Three hosts as the guide finds them: systemd, dockerd and a member of etcd as services, an iptables service as on CentOS 7, and
INPUT closed by policy. What the guide calls downloads lies in /root."""

from __future__ import annotations

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import ROOT, SUBNET, Host, Lab, wait_until

VERSION = re.search(r"^project\(\S+ VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(), re.M)[1]
IMAGE_ARCHIVE = ROOT / "build" / f"calico-node-{VERSION}.tar"
PEERS = ",".join(f"calico-node{n}=http://{SUBNET}.{35 + n}:2380" for n in (1, 2, 3))

UNITS = {
    "etcd": """\
[Unit]
Description=a member of etcd
[Service]
Type=notify
ExecStart=/usr/bin/etcd --name {host.name} --data-dir {host.state_dir}/etcd --enable-v2=true --log-level=warn \\
 --listen-client-urls http://0.0.0.0:2379 --advertise-client-urls http://{host.ip}:2379 \\
 --listen-peer-urls http://{host.ip}:2380 --initial-advertise-peer-urls http://{host.ip}:2380 --initial-cluster {peers}
[Install]
WantedBy=multi-user.target
""",
    "iptables": """\
[Unit]
Description=iptables rules
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/iptables-restore /etc/sysconfig/iptables
""",
    "docker": """\
[Unit]
Description=Docker Application Container Engine
After=network-online.target
[Service]
Type=notify
ExecStart=/usr/bin/dockerd
LimitCORE=infinity
TimeoutStartSec=0
Delegate=yes
KillMode=process
Restart=on-failure
[Install]
WantedBy=multi-user.target
""",
}
# CentOS 7's own, but for the policy of INPUT.
SYSCONFIG_IPTABLES = """\
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p icmp -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT
-A FORWARD -j REJECT --reject-with icmp-host-prohibited
COMMIT
"""
# --privileged asks for all capabilities. A machine that lacks some (a container itself) cannot give them.
RUNC = """\
#!/usr/bin/python3
import json, os, sys
words = sys.argv
path = words[words.index("--bundle") + 1] + "/config.json" if "create" in words else ""
path = words[words.index("--process") + 1] if "exec" in words else path
if path:
    config = json.load(open(path))
    capabilities = config.get("process", config).get("capabilities", {{}})
    for kind, wanted in capabilities.items():
        capabilities[kind] = [name for name in wanted if name not in {missing}]
    json.dump(config, open(path, "w"))
os.execv("/usr/sbin/runc.real", ["runc", *words[1:]])
"""
RARE_CAPABILITIES = {24: "CAP_SYS_RESOURCE"}


def missing_capabilities() -> list[str]:
    bounding = int(re.search(r"^CapBnd:\s+(\S+)", Path("/proc/self/status").read_text(), re.M)[1], 16)
    return [name for number, name in RARE_CAPABILITIES.items() if not bounding >> number & 1]


def on_all(hosts: list[Host], function) -> list:
    """Runs function(host) for all hosts at once; the first failure is raised."""
    with ThreadPoolExecutor(len(hosts)) as pool:
        return list(pool.map(function, hosts))


def write(host: Host, path: str, text: str) -> None:
    host.run("sh", "-c", f"mkdir -p $(dirname {path}); cat > {path}", stdin=text)


def prepare(host: Host, archive: Path, package: Path) -> None:
    host.environment = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin"}
    host.run("mount", "-t", "tmpfs", "tmpfs", "/root")
    # The machine's own may have other programs there.
    host.run("sh", "-c", "rm -rf /usr/local/bin/* /usr/local/src; mkdir -p /usr/local/src")
    host.run("ln", "-s", str(IMAGE_ARCHIVE), "/root/")
    host.run("ln", "-s", str(package), "/root/")
    host.run("ln", "-s", str(archive), "/root/busybox.tar")
    host.run("ln", "-s", "/usr/sbin/dockerd", "/usr/bin/dockerd")
    host.run("rm", "-rf", "/etc/docker")
    missing = missing_capabilities()
    if missing:
        host.run("mv", "/usr/sbin/runc", "/usr/sbin/runc.real")
        write(host, "/usr/sbin/runc", RUNC.format(missing=missing))
        host.run("chmod", "755", "/usr/sbin/runc")
    for name, text in UNITS.items():
        host.run("rm", "-f", f"/etc/systemd/system/{name}.service", f"/etc/systemd/system/{name}.socket")
        write(host, f"/usr/lib/systemd/system/{name}.service", text.format(host=host, peers=PEERS))
    write(host, "/etc/sysconfig/iptables", SYSCONFIG_IPTABLES)
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "start", "--no-block", "etcd")
    host.run("systemctl", "enable", "--now", "docker", timeout=60)


def build_hosts(state_dir: Path) -> Lab:
    image = subprocess.Popen(["/usr/bin/python3", str(ROOT / "tools" / "make_image.py")], stdout=subprocess.DEVNULL)
    lab = Lab(state_dir).create(3, systemd=True)
    # Not compressed: that takes longer than all the rest.
    deb = subprocess.Popen(["/usr/bin/python3", str(ROOT / "tools" / "make_deb.py"), "--output", str(state_dir)], stdout=subprocess.DEVNULL,
                           env=dict(os.environ, DPKG_DEB_COMPRESSOR_TYPE="none"))
    package = state_dir / f"calico-cpp_{VERSION}_amd64.deb"
    archive = lab.busybox_archive()
    on_all(lab.nodes(), lambda host: prepare(host, archive, package))
    endpoints = ",".join(f"http://{host.ip}:2379" for host in lab.nodes())
    wait_until(lambda: lab.nodes()[0].run("etcdctl", "--endpoints", endpoints, "endpoint", "health", check=False,
                                          env={"ETCDCTL_API": "3"}).returncode == 0, "three members of etcd are healthy", 30)
    assert image.wait() == 0 and deb.wait() == 0, "make image or make deb failed"
    return lab


def state_dir() -> Path:
    return Path(os.environ.get("GUIDE_STATE", "/var/lib/calico-test-guide"))
