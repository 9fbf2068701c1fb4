# SPDX-License-Identifier: Apache-2.0
"""One host, nothing configured: calico-node and calicoctl work on the embedded store."""

import json
import time

from lab import wait_until
from probes import KernelWrites

PROFILE = {"apiVersion": "projectcalico.org/v3", "kind": "Profile", "metadata": {"name": "web"},
           "spec": {"ingress": [{"action": "Allow", "source": {"selector": "role == 'client'"}}],
                    "egress": [{"action": "Allow"}], "labelsToApply": {"role": "client"}}}


def endpoint(number, profiles=("web",)):
    return {"apiVersion": "projectcalico.org/v3", "kind": "WorkloadEndpoint",
            "metadata": {"name": f"calico--node1-vm-box{number}-eth0", "namespace": "default"},
            "spec": {"node": "calico-node1", "orchestrator": "vm", "workload": f"box{number}", "endpoint": "eth0",
                     "interfaceName": f"cali{number:011d}", "ipNetworks": [f"192.168.77.{number}/32"],
                     "profiles": list(profiles)}}


def add_box(host, number):
    """A namespace that stands for a virtual machine: routed, /32, on-link gateway."""
    host.run("sh", "-ec", f"""
        ip netns add box{number}
        ip link add cali{number:011d} type veth peer name eth0 netns box{number}
        ip link set cali{number:011d} up
        ip -n box{number} link set eth0 up
        ip -n box{number} addr add 192.168.77.{number}/32 dev eth0
        ip -n box{number} route add 169.254.1.1 dev eth0 scope link
        ip -n box{number} route add default via 169.254.1.1""")


def ping(host, number, address):
    return host.run("ip", "netns", "exec", f"box{number}", "ping", "-q", "-c", "2", "-i", "0.1", "-W", "0.5", address,
                    check=False).returncode == 0


def test_calicoctl_before_calico_node_says_what_to_do(host):
    done = host.run("calicoctl", "get", "nodes", check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == ("no datastore configured: set ETCD_ENDPOINTS or /etc/calico/calicoctl.cfg, "
                                   "or start calico-node for a local store")


def test_calico_node_starts_on_sqlite_with_nothing_configured(host):
    host.start_calico_node()
    host.wait_calico_node()
    assert "calico-node1" in host.calicoctl("get", "nodes")
    assert "192.168.0.0/16" in host.calicoctl("get", "ippools", "-o", "wide")
    assert "sqlite" in host.calicoctl("version").lower()


def test_second_calico_node_on_the_host_is_refused(host):
    done = host.run("calico-node", "run", check=False, timeout=10)
    assert done.returncode != 0 and "already" in done.stderr + done.stdout


def test_workloads_are_routed_and_policed(host):
    for number in (1, 2, 3):
        add_box(host, number)
    for document in (PROFILE, endpoint(1), endpoint(2)):
        host.run("calicoctl", "create", "-f", "-", stdin=json.dumps(document))
    wait_until(lambda: ping(host, 1, "192.168.77.2") and ping(host, 2, "192.168.77.1"), "two boxes of one profile", 5)
    # The third has an interface but no endpoint: nothing of it passes.
    assert not ping(host, 3, "192.168.77.1")
    host.run("calicoctl", "create", "-f", "-", stdin=json.dumps(endpoint(3, profiles=())))
    time.sleep(0.3)
    assert not ping(host, 3, "192.168.77.1")
    host.run("calicoctl", "apply", "-f", "-", stdin=json.dumps(endpoint(3)))
    wait_until(lambda: ping(host, 3, "192.168.77.1"), "the third box once it has the profile", 5)


def test_restart_of_the_agent_writes_nothing(host):
    time.sleep(0.5)  # a change's new generation of policy follows it 200 ms later
    writes = KernelWrites(host)
    host.stop_process("calico-node", "KILL")
    host.start_calico_node()
    host.wait_calico_node()
    time.sleep(1)
    assert writes.seen() == ""
    assert ping(host, 1, "192.168.77.2")


def test_probes_answer_by_exit_status(host):
    for probe in ("-felix-live", "-felix-ready", "-bird-live", "-bird-ready"):
        host.run("calico-node", probe)


def test_clean_removes_every_trace(host):
    host.stop_process("calico-node")
    host.run("calico-node", "clean")
    assert "calico" not in host.out("nft", "list", "ruleset")
    assert host.run("pidof", "bird", check=False).returncode != 0
    assert "192.168.77." not in host.out("ip", "route")
    assert "proto 80" not in host.out("ip", "route")
