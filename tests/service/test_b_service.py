# SPDX-License-Identifier: Apache-2.0
"""The package's life under traffic, and dockerd beside an agent that is late, stopped, killed or wrongly configured.

Runs after the document, which leaves host 1 without our package and host 2 with it, on etcd.
"""

import re
import time

import pytest
from lab import wait_until
from probes import Streams

HTTP_WAIT = 4  # seconds: no call of dockerd's may take longer, whatever state the agent is in
ENV = "/etc/calico/calico.env"


@pytest.fixture(scope="module")
def hosts(lab):
    """Both hosts on etcd, a container on each, their streams of packets set up."""
    one, two = lab.nodes()
    one.run("sh", "-c", f"mkdir -p /etc/calico; echo 'ETCD_ENDPOINTS=http://172.30.200.30:2379\nCALICO_IP={one.ip}' > {ENV}")
    one.run("dpkg", "-i", "--force-confold", "/run/work/calico-cpp_0.1.0_amd64.deb", timeout=90)
    one.run("docker", "rm", "-f", "test1")  # of the document
    two.run("docker", "network", "create", "--driver", "calico", "--ipam-driver", "calico-ipam", "net2")
    wait_until(lambda: one.run("docker", "network", "inspect", "net2", check=False).returncode == 0, "the agent of host 1 has made the network there, too", 30)
    for host, name in ((one, "test-a"), (two, "test-b")):
        host.run("docker", "run", "-tid", "--stop-timeout=1", f"--name={name}", "--net=net2", "busybox")
    wait_until(lambda: one.run("docker", "exec", "test-a", "ping", "-c1", "-W1", two.container_ip("test-b"), check=False).returncode == 0, "the containers reach each other")
    return one, two


def agent_pid(host) -> str:
    return host.out("systemctl", "show", "-P", "MainPID", "calico-node").strip()


def bird_pid(host) -> str:
    return host.out("cat", "/run/calico/bird.pid").strip()


def sessions_since(host) -> list[str]:
    """When each BGP session of a host's BIRD came up."""
    return [line.split()[4] for line in host.out("birdc", "-s", "/run/calico/bird.ctl", "show", "protocols").splitlines() if "Established" in line]


def routes(host) -> list[str]:
    return sorted(line for line in host.out("ip", "route").splitlines() if "docker" not in line)


def configure(host, *lines: str) -> None:
    host.run("sh", "-c", f"cat > {ENV}", stdin="\n".join(["ETCD_ENDPOINTS=http://172.30.200.30:2379", f"CALICO_IP={host.ip}", *lines]) + "\n")


def restart(host) -> None:
    host.run("systemctl", "restart", "calico-node", timeout=60)


def docker_says(host, *argv: str) -> tuple[str, float]:
    """What a refused docker command prints, and how long it took."""
    begun = time.monotonic()
    done = host.run("docker", *argv, check=False, timeout=60)
    assert done.returncode != 0, done.stdout
    return done.stderr, time.monotonic() - begun


def ps(name: str) -> str:
    return f"/run/work/calico-cpp_{name}_amd64.deb"


STEPS = {
    "restart": ["systemctl restart calico-node"],
    "kill -9": ["systemctl kill --kill-who=main -s KILL calico-node", "systemctl is-active --quiet calico-node || systemctl start calico-node"],
    "stop and start": ["systemctl stop calico-node", "systemctl start calico-node"],
    "upgrade": [f"dpkg -i {ps('0.1.1')}"],
    "downgrade": [f"dpkg -i {ps('0.1.0')}"],
    "removal": ["dpkg -r calico-cpp"],
    "installation again": [f"dpkg -i {ps('0.1.2')}"],
}


def test_no_packet_is_lost_whatever_happens_to_the_package(hosts):
    one, two = hosts
    bird, routes_before = bird_pid(one), (routes(one), routes(two))
    since = wait_until(lambda: sessions_since(two), "a session")
    streams = Streams((one, "test-a"), (two, "test-b"))
    told = {}
    for name, commands in STEPS.items():
        for command in commands:
            one.run("sh", "-c", command, timeout=90)
        told[name] = (bird_pid(one), sessions_since(two), (routes(one), routes(two)))
    wait_until(lambda: one.run("calico-node", "-felix-ready", check=False).returncode == 0, "the agent is in sync")
    counts = streams.end()
    assert all(sent == received and sent > 1000 for sent, received in counts), counts
    for name, (pid, sessions, now) in told.items():
        assert pid == bird, f"{name}: BIRD is another one"
        assert sessions == since, f"{name}: sessions came up anew"
        assert now == routes_before, f"{name}: routes differ"


def test_an_upgrade_leaves_alone_what_somebody_has_stopped(hosts):
    one, _ = hosts
    one.run("systemctl", "stop", "calico-node.socket", "calico-node.service")
    one.run("dpkg", "-i", ps("0.1.2"), timeout=90)
    assert one.run("systemctl", "is-active", "--quiet", "calico-node.service", check=False).returncode != 0
    one.run("systemctl", "start", "calico-node")
    assert one.out("systemctl", "is-active", "calico-node.socket").strip() == "active"


def test_the_agent_and_bird_run_with_little(hosts):
    one, _ = hosts
    for pid in (agent_pid(one), bird_pid(one)):
        status = dict(line.split(":\t", 1) for line in one.out("cat", f"/proc/{pid}/status").splitlines() if ":\t" in line)
        assert int(status["CapEff"], 16) == 1 << 2 | 1 << 10 | 1 << 12 | 1 << 13, status["CapEff"]  # DAC_READ_SEARCH, NET_BIND_SERVICE, NET_ADMIN, NET_RAW
        assert status["NoNewPrivs"].strip() == "1" and status["Seccomp"].strip() == "2"
        mounts = {line.split()[4]: line.split()[5].split(",") for line in one.out("cat", f"/proc/{pid}/mountinfo").splitlines()}
        assert "ro" in mounts["/"] and "ro" in mounts["/proc/sys"] and "rw" in mounts["/proc/sys/net"]
    score = float(re.search(r"level for calico-node.service: ([0-9.]+)", one.out("systemd-analyze", "security", "--no-pager", "calico-node.service"))[1])
    assert score < 3


def test_the_service_may_write_what_it_is_for(hosts):
    """iptables' older back end takes a lock in /run, which is read-only there but for that file; GoBGP is another program."""
    one, two = hosts
    one.run("iptables-legacy", "-P", "FORWARD", "DROP")
    wait_until(lambda: "0x10000" in one.out("iptables-legacy", "-S", "FORWARD"), "our rule is in the older back end", 20)
    one.run("iptables-legacy", "-P", "FORWARD", "ACCEPT")
    configure(one, "CALICO_NETWORKING_BACKEND=gobgp")
    restart(one)
    wait_until(lambda: "Established" in one.out("calicoctl", "node", "status"), "GoBGP has a session", 60)
    configure(one)
    restart(one)
    wait_until(lambda: sessions_since(two), "BIRD has one again", 60)


def test_dockerd_may_restart_while_the_agent_is_stopped(hosts):
    one, two = hosts
    one.run("docker", "run", "-tid", "--stop-timeout=1", "--name=always", "--restart=always", "--net=net2", "busybox")
    one.run("systemctl", "stop", "calico-node")
    begun = time.monotonic()
    one.run("systemctl", "restart", "docker", timeout=90)
    took = time.monotonic() - begun
    assert took < 14, took  # a single call to a missing plugin takes 15 s
    wait_until(lambda: one.run("docker", "exec", "always", "ping", "-c1", "-W1", two.container_ip("test-b"), check=False).returncode == 0,
               "the container is back and connected")
    assert one.out("systemctl", "is-active", "calico-node").strip() == "active"  # the first call has started it
    one.run("docker", "start", "test-a")


def test_calls_are_answered_while_the_store_is_away(hosts):
    one, _ = hosts
    configure(one, "ETCD_ENDPOINTS=http://172.30.200.30:4", "DATASTORE_TYPE=etcdv3")
    one.run("systemctl", "restart", "--no-block", "calico-node")
    wait_until(lambda: "waiting" in one.out("systemctl", "show", "-P", "StatusText", "calico-node"), "the agent waits")
    text, took = docker_says(one, "run", "--rm", "--net=net2", "busybox", "true")
    assert "calico-node is starting: waiting for the datastore: " in text and "172.30.200.30:4" in text, text
    assert took < HTTP_WAIT + 1, took
    # The boot does not wait for ever either.
    wait_until(lambda: one.out("systemctl", "show", "-P", "ActiveState", "calico-node").strip() == "active", "the service counts as started", 30)
    configure(one)
    restart(one)


def test_calls_are_answered_while_the_agent_cannot_start(hosts):
    one, _ = hosts
    configure(one, "AS=abc")
    assert one.run("systemctl", "restart", "calico-node", check=False, timeout=60).returncode != 0
    for _ in range(3):  # in whatever moment of its next attempt
        text, took = docker_says(one, "run", "--rm", "--net=net2", "busybox", "true")
        assert "calico-node cannot start: " in text and "abc" in text, text
        assert took < HTTP_WAIT, took
    assert one.out("systemctl", "is-active", "calico-node.socket").strip() == "active"
    configure(one)
    restart(one)


def test_calls_are_refused_at_once_where_docker_is_not_served(hosts):
    one, _ = hosts
    configure(one, "CALICO_LIBNETWORK_ENABLED=false")
    restart(one)
    text, took = docker_says(one, "run", "--rm", "--net=net2", "busybox", "true")
    assert "CALICO_LIBNETWORK_ENABLED" in text and took < HTTP_WAIT, (text, took)
    configure(one)
    restart(one)


def test_logs_go_to_files_unless_switched_off(hosts):
    one, _ = hosts
    for part, word in {"felix": "in sync", "confd": "BIRD", "libnetwork": "calico-node cannot start"}.items():
        assert word in one.out("cat", f"/var/log/calico/{part}/current"), part
    one.run("sh", "-c", "find /var/log/calico -mindepth 1 -delete")
    configure(one, "CALICO_DISABLE_FILE_LOGGING=true")
    restart(one)
    assert one.out("ls", "/var/log/calico") == ""
    assert "in sync" in one.out("journalctl", "-u", "calico-node", "-o", "cat", "-n", "20")
    configure(one)
    restart(one)


def test_after_a_boot_everything_is_back_in_its_order(lab, hosts):
    one, two = hosts
    lab.reboot(one)
    # Over the default pool's NAT: the other host's BIRD takes up to 30 s to see that its old session is dead.
    wait_until(lambda: one.run("docker", "exec", "always", "ping", "-c1", "-W1", two.ip, check=False).returncode == 0,
               "the container that restarts always is connected again", 40)
    began = {unit: int(one.out("systemctl", "show", "-P", "ActiveEnterTimestampMonotonic", unit)) for unit in
             ("calico-node.socket", "calico-node.service", "docker.service")}
    assert 0 < began["calico-node.socket"] < began["calico-node.service"] < began["docker.service"], began


def test_purge_takes_everything_back(hosts):
    one, two = hosts
    one.run("sh", "-c", "echo mine > /etc/calico/ca.pem")
    one.run("dpkg", "-P", "calico-cpp", timeout=90)
    assert one.out("nft", "list", "tables").count("calico") == 0
    assert one.out("ip", "route", "show", "proto", "bird") + one.out("ip", "route", "show", "proto", "80") == ""
    assert "0x10000" not in one.out("iptables", "-S", "FORWARD")
    assert one.run("pgrep", "-x", "bird|calico-node", check=False).returncode != 0
    assert one.out("ls", "-A", "/etc/calico", "/var/lib/calico").split() == ["/etc/calico:", "ca.pem", "/var/lib/calico:"]
    assert not one.out("systemctl", "list-unit-files", "calico*", "--no-legend", check=False).strip()
    assert one.run("test", "-e", "/run/docker/plugins/calico.sock", check=False).returncode != 0
    assert two.out("systemctl", "is-active", "calico-node").strip() == "active"
