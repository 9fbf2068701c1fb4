# SPDX-License-Identifier: Apache-2.0
"""Policy on one host with a real agent: under changes and restarts, when somebody meddles with the rules, when the store holds
what is no policy, and what `calicoctl trace --live` says of it."""

import json
import signal
import subprocess
import sys
import threading
import time

import pytest
from lab import wait_until
from probes import PROBE

ADDRESS = "192.168.78.{}"


def document(kind, name, spec, **metadata):
    return {"apiVersion": "projectcalico.org/v3", "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}


def endpoint(number, role):
    return document("WorkloadEndpoint", f"calico--node1-vm-pol{number}-eth0",
                    {"node": "calico-node1", "orchestrator": "vm", "workload": f"pol{number}", "endpoint": "eth0",
                     "interfaceName": f"calipol{number}", "ipNetworks": [ADDRESS.format(number) + "/32"]},
                    namespace="default", labels={"role": role})


SERVER = document("GlobalNetworkPolicy", "server",
                  {"selector": "role == 'server'", "types": ["Ingress"],
                   "ingress": [{"action": "Allow", "protocol": "UDP", "source": {"selector": "role == 'client'"},
                                "destination": {"ports": [9000]}}]})
CLIENT = document("GlobalNetworkPolicy", "client",
                  {"selector": "role == 'client'", "types": ["Egress"], "egress": [{"action": "Allow"}]})


def apply(host, *documents):
    host.run("calicoctl", "apply", "-f", "-", stdin=json.dumps(list(documents)), timeout=120)


def box(number, *argv, host):
    """argv that runs a program in a box, and becomes it: a signal reaches it."""
    return ["nsenter", "-t", str(host.pid), "-m", "-n", "--", "ip", "netns", "exec", f"pol{number}", *argv]


@pytest.fixture(scope="module")
def boxes(host):
    """A client (1) and a server (2) on a host with an agent."""
    host.start_calico_node()
    host.wait_calico_node()
    for number in (1, 2):
        host.run("sh", "-ec", f"""
            ip netns add pol{number}
            ip link add calipol{number} type veth peer name eth0 netns pol{number}
            ip link set calipol{number} up
            ip -n pol{number} link set lo up
            ip -n pol{number} link set eth0 up
            ip -n pol{number} addr add {ADDRESS.format(number)}/32 dev eth0
            ip -n pol{number} route add 169.254.1.1 dev eth0 scope link
            ip -n pol{number} route add default via 169.254.1.1""")
    apply(host, endpoint(1, "client"), endpoint(2, "server"), SERVER, CLIENT)
    wait_until(lambda: trace(host, 9000, "--live").returncode == 0, "the policies are in the kernel", 5)
    yield host
    host.stop_process("calico-node")
    host.run("calico-node", "clean")


def trace(host, port, *options):
    return host.run("calicoctl", "trace", "--from", ADDRESS.format(1), "--to", ADDRESS.format(2), "--protocol", "udp",
                    "--port", str(port), *options, check=False)


class OneWay:
    """1 000 UDP packets a second from the client to a port of the server."""

    def __init__(self, host, port):
        self.receiver = subprocess.Popen(box(2, sys.executable, PROBE, "receive", str(port), host=host), stdout=subprocess.PIPE, text=True)
        assert self.receiver.stdout.readline() == "ready\n"
        self.sender = subprocess.Popen(box(1, sys.executable, PROBE, "send", ADDRESS.format(2), str(port), "1000", host=host),
                                       stdout=subprocess.PIPE, text=True)
        assert self.sender.stdout.readline() == "ready\n"

    def end(self):
        self.sender.send_signal(signal.SIGTERM)
        sent = int(self.sender.communicate(timeout=20)[0].split()[1])
        self.receiver.send_signal(signal.SIGTERM)
        return sent, int(self.receiver.communicate(timeout=20)[0].split()[1])


def test_changes_and_restarts_cost_no_allowed_packet_and_pass_no_denied_one(boxes):
    """10 000 changes of policies that the two are under; the agent is ended and killed meanwhile."""
    host = boxes
    written = [0]

    def write():
        for batch in range(20):
            documents = [document("GlobalNetworkPolicy", f"stream{i % 25}",
                                  {"order": 1 + i % 7, "selector": "role in {'client', 'server'}",
                                   "types": ["Ingress"] if i % 2 else ["Ingress", "Egress"],
                                   "ingress": [{"action": "Deny", "protocol": "TCP", "destination": {"ports": [10000 + batch * 500 + i]}}],
                                   "egress": [{"action": "Pass" if i % 3 == 0 else "Log", "protocol": "SCTP"}]})
                         for i in range(500)]
            apply(host, *documents)
            written[0] += len(documents)

    allowed, denied = OneWay(host, 9000), OneWay(host, 9001)
    writer = threading.Thread(target=write)
    begin = time.monotonic()
    writer.start()
    restarts = 0
    while writer.is_alive():
        time.sleep(2)
        host.stop_process("calico-node", "KILL" if restarts % 2 else "TERM")
        restarts += 1
        host.start_calico_node()
        host.wait_calico_node()
    writer.join()
    seconds = time.monotonic() - begin
    (sent, received), (tried, passed) = allowed.end(), denied.end()
    print(f"{written[0]} changes in {seconds:.1f} s, {restarts} restarts: {received} of {sent} allowed packets, {passed} of {tried} denied ones")
    assert written[0] == 10_000 and restarts >= 2
    assert sent > 3000 and received == sent
    assert tried > 3000 and passed == 0
    for i in range(25):
        host.run("calicoctl", "delete", "globalNetworkPolicy", f"stream{i}")


def test_trace_live_agrees_with_the_kernel(boxes):
    yes = trace(boxes, 9000, "--live")
    assert yes.returncode == 0, yes.stderr
    assert "calico-node1: in the kernel: let through\n  decided by rule 1 of chain cali-pi-gnp/server (rule 1)\n  as the policies say\n" in yes.stdout
    no = trace(boxes, 9001, "--live", "-o", "json")
    assert no.returncode == 1, no.stderr
    kernel = json.loads(no.stdout)["kernel"]
    assert [(one["dropped"], one["agrees"]) for one in kernel] == [(True, True)]
    assert kernel[0]["decidedBy"]["comment"] == "end of tier default"


def test_trace_live_refuses_what_it_cannot_answer(boxes):
    done = trace(boxes, 9000, "--live", "-f", "x.yaml")
    assert done.returncode == 2 and "--live asks the kernel" in done.stderr
    done = boxes.run("calicoctl", "trace", "--from", ADDRESS.format(1), "--to", ADDRESS.format(2), "--protocol", "udp",
                     "--port", "9000", "--live", check=False, env={"NODENAME": "elsewhere"})
    assert done.returncode == 2
    assert done.stderr == "--live: this host is elsewhere, and the connection goes through calico-node1: ask there\n"


def meddle(host):
    host.run("nft", "flush", "chain", "ip", "calico", "cali-pi-gnp/server")
    host.run("nft", "add", "rule", "ip", "calico", "cali-pi-gnp/server", "ip", "ttl", "7", "counter", "accept")


def test_a_rule_that_somebody_changes_is_seen_by_trace_and_repaired_within_a_second(boxes):
    host = boxes
    host.stop_process("calico-node")
    try:
        meddle(host)
        done = trace(host, 9000, "--live")
        assert done.returncode == 2, done.stdout
        assert "  rule 1 of chain cali-pi-gnp/server (foreign) is not of our making" in done.stdout
        assert "  NOT what the policies say\n" in done.stdout
        assert "the kernel does not do what the policies say" in done.stderr
    finally:
        host.start_calico_node()
        host.wait_calico_node()
    assert trace(host, 9000, "--live").returncode == 0
    meddle(host)
    wait_until(lambda: "ttl 7" not in host.out("nft", "list", "table", "ip", "calico"), "the foreign rule is gone", 1.0)
    assert trace(host, 9000, "--live").returncode == 0


WRITE = """
import sqlite3, sys
db = sqlite3.connect("/var/lib/calico/calico.db", timeout=10)
key, value = sys.argv[1], sys.argv[2].encode()
with db:
    db.execute("UPDATE store SET revision = revision + 1")
    revision = db.execute("SELECT revision FROM store").fetchone()[0]
    db.execute("INSERT INTO events VALUES (?, 'put', ?, ?)", (revision, key, value))
    db.execute("INSERT OR REPLACE INTO kv VALUES (?, ?, ?)", (key, value, revision))
"""


def put(host, name, value):
    """Past all checks, as another program may write."""
    host.run("/usr/bin/python3", "-c", WRITE, f"/calico/resources/v3/projectcalico.org/globalnetworkpolicies/{name}", value)


@pytest.mark.parametrize(("value", "why"), [
    ('{"metadata":{"name":"broken"},"spec":{"selector":"role == \'server\'","types":["Ingress"],"ingress":{"action":"Allow"}}}', "ingress"),
    ('{"metadata":{"name":"broken"},"spec":{"selector":"role =="}}', "selector"),
    ("{", "not JSON"),
], ids=["bad rules", "bad selector", "no JSON"])
def test_a_policy_that_cannot_be_read_denies_and_is_reported_everywhere(boxes, value, why):
    host = boxes
    assert trace(host, 9000, "--live").returncode == 0
    put(host, "broken", value)
    wait_until(lambda: trace(host, 9000, "--live").returncode == 1, "it denies, in the kernel as well", 5)
    status = host.out("calico-node", "show", "status")
    assert "policy that cannot be read, and denies instead:\n  GlobalNetworkPolicy(broken)" in status and why in status
    assert host.metric("calico_policy_problems") == 1
    shown = host.run("calicoctl", "get", "globalNetworkPolicy", "broken", check=False)
    assert "GlobalNetworkPolicy(broken)" in shown.stderr and "den" in shown.stderr, shown.stderr
    listed = host.run("calicoctl", "get", "globalNetworkPolicies", check=False)
    assert "broken" in listed.stdout + listed.stderr and "server" in listed.stdout
    assert "cannot be read" in trace(host, 9000).stdout
    host.run("calicoctl", "delete", "globalNetworkPolicy", "broken")
    wait_until(lambda: trace(host, 9000, "--live").returncode == 0, "it is gone", 5)
    assert host.metric("calico_policy_problems") == 0
    assert "policy that cannot be read" not in host.out("calico-node", "show", "status")
