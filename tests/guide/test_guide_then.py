# SPDX-License-Identifier: Apache-2.0
"""After the guide, on its hosts: FORWARD refuses, agents meet, a service takes the place of the container and the other way round."""

import os
import signal
import subprocess

import pytest
from lab import BIN, Host, wait_until

ENVIRONMENT = {"DATASTORE_TYPE": "etcdv2", "ETCD_ENDPOINTS": "http://172.30.200.36:2379", "CALICO_LIBNETWORK_ENABLED": "true"}
RUNS = "calico-node is already running on this host"


def agent_argv() -> str:
    return str(BIN / "calico-node")


class Pings:
    """20 a second from one container to another while something happens."""

    def __init__(self, host: Host, container: str, address: str):
        words = ["nsenter", "-t", str(host.container_pid(container)), "-n", "ping", "-q", "-i", "0.05", address]
        self.process = subprocess.Popen(host.enter(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, env=host.env(), start_new_session=True)

    def lost(self) -> str:
        os.killpg(self.process.pid, signal.SIGINT)
        out, _ = self.process.communicate(timeout=20)
        return next((line for line in out.splitlines() if "packet loss" in line), out)


def test_the_guide_was_walked(walk):
    assert walk.real, "these tests go on where test_guide.py ends: run the whole directory"


def test_traffic_passes_with_the_line_that_refuses_in_forward_left_in(walk):
    for host in walk.nodes:
        host.run("sed", "-i", "s/^#-A FORWARD/-A FORWARD/", "/etc/sysconfig/iptables")
        host.run("service", "iptables", "restart")
        host.run("sysctl", "-qw", "net.ipv4.ip_forward=1")

    def first(host):
        rules = host.out("iptables", "-S", "FORWARD").splitlines()[1:]
        return "calico" in rules[0] and rules[-1] == "-A FORWARD -j REJECT --reject-with icmp-host-prohibited"
    for host in walk.nodes:
        wait_until(lambda h=host: first(h), f"our rule is before the REJECT of {host.name}", 20)
    assert walk.node1.ping("test1", walk.node2.container_ip("test2"), 5) == (5, 5)
    assert walk.node2.ping("test2", walk.node1.container_ip("test1"), 5) == (5, 5)
    # And it does refuse: what is no workload of ours is not forwarded.
    walk.node1.run("sh", "-ec", "ip netns add stranger; ip link add vethstranger type veth peer name eth0 netns stranger; "
                   "ip addr add 198.51.100.1/28 dev vethstranger; ip link set vethstranger up; ip -n stranger link set eth0 up; "
                   "ip -n stranger addr add 198.51.100.2/28 dev eth0; ip -n stranger route add default via 198.51.100.1")
    done = walk.node1.run("ip", "netns", "exec", "stranger", "ping", "-c", "1", "-W", "1", walk.node2.ip, check=False)
    assert "Prohibited" in done.stdout, done.stdout


def test_an_agent_on_the_host_refuses_beside_the_container(walk):
    for more in ({}, {"CALICO_NETWORKING_BACKEND": "none"}):
        done = walk.node3.run(agent_argv(), "run", check=False, env={**ENVIRONMENT, **more})
        assert done.returncode == 1
        pid = walk.node3.docker("inspect", "-f", "{{.State.Pid}}", "calico-node")
        assert done.stderr == f"calico-node: {RUNS}, in a container (pid {pid}); end it with: docker rm -f calico-node\n"


@pytest.mark.parametrize("options", [[], ["-v", "/var/run/calico:/var/run/calico"]], ids=["alone", "with /var/run/calico"])
def test_a_second_container_refuses(walk, options):
    variables = [word for name, value in ENVIRONMENT.items() for word in ("-e", f"{name}={value}")]
    done = walk.node3.run("docker", "run", "--rm", "--net=host", "--privileged", *variables, *options, "calico/node:v2.6.10", check=False)
    assert done.returncode == 1
    assert done.stderr == f"calico-node: {RUNS}, outside this container; end it with: systemctl stop calico-node\n"


def test_stopping_the_service_stops_the_container_and_cuts_nothing(walk):
    walk.node3.docker("run", "-tid", "--name=test3", "--net=net1", "busybox")
    walk.before["test3"] = walk.node3.container_ip("test3")
    assert walk.node1.ping("test1", walk.before["test3"], 5) == (5, 5)
    pings = Pings(walk.node1, "test1", walk.before["test3"])
    walk.node3.run("systemctl", "stop", "calico")
    assert walk.node3.docker("ps", "-q", "--filter", "name=calico-node") == ""
    # A service on the host takes over, with another BIRD.
    walk.node3.start_process("calico-node", agent_argv(), "run", env=ENVIRONMENT)
    wait_until(lambda: walk.node3.calicoctl("node", "status").count("Established") == 2, "the mesh of calico-node3", 60)
    lost = pings.lost()
    assert ", 0% packet loss" in lost, lost


def test_the_container_refuses_beside_a_service_and_does_not_try_for_ever(walk):
    host = walk.node3
    host.run("systemctl", "start", "calico", check=False, timeout=60)
    wait_until(lambda: host.run("systemctl", "is-failed", "calico", check=False).stdout.strip() == "failed", "systemd gives up", 60)
    assert host.out("systemctl", "show", "-p", "NRestarts", "--value", "calico").strip() == "2"
    said = [line for line in host.out("journalctl", "-u", "calico", "-o", "cat", "--no-pager").splitlines() if RUNS in line]
    assert said and set(said) == {f"calico-node: {RUNS}, outside this container; end it with: systemctl stop calico-node"}


def test_calicoctl_node_run_refuses_beside_a_service(walk):
    done = walk.node3.run("calicoctl", "node", "run", "--node-image=calico/node:v2.6.10", check=False)
    assert done.returncode == 1
    assert done.stderr.endswith(f"error executing command: {RUNS} (pid {walk.node3.pid_of('calico-node')})\n"), done.stderr
    assert walk.node3.docker("ps", "-aq", "--filter", "name=calico-node") == ""


def test_the_container_takes_over_from_a_service_and_cuts_nothing(walk):
    host = walk.node3
    pings = Pings(walk.node1, "test1", walk.before["test3"])
    host.stop_process("calico-node")  # its BIRD goes on
    assert host.run("pgrep", "-x", "bird").returncode == 0
    host.run("systemctl", "reset-failed", "calico")
    host.run("systemctl", "start", "calico")

    def taken_over() -> bool:
        pids = host.out("pgrep", "-x", "bird").split()
        inside = host.docker("top", "calico-node", "-o", "pid,comm")
        return len(pids) == 1 and f"{pids[0]} " in inside and host.calicoctl("node", "status").count("Established") == 2
    wait_until(taken_over, "the container's BIRD has the sessions", 60)
    lost = pings.lost()
    assert ", 0% packet loss" in lost, lost
