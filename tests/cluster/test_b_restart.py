# SPDX-License-Identifier: Apache-2.0
"""The agent goes away and comes back under traffic: no packet lost, nothing written, BIRD untouched."""

import os
import time

import pytest
from lab import wait_until
from probes import KernelWrites, Streams, bird_config


@pytest.mark.parametrize("sig", ["TERM", "KILL"] * max(1, int(os.environ.get("CALICO_RESTARTS", "2")) // 2))
def test_agent_restart_loses_no_packet_and_writes_nothing(demo, sig):
    host = demo.node1
    bird_before, config_before = host.out("pidof", "bird"), bird_config(host)
    streams = Streams((demo.node1, "test1"), (demo.node2, "test2"))
    time.sleep(1)
    writes = KernelWrites(host)
    host.stop_process("calico-node", sig, timeout=5)
    time.sleep(1)
    host.start_calico_node()
    host.wait_calico_node()
    time.sleep(2)
    seen = writes.seen()
    counted = streams.end()
    assert all(sent > 3000 and sent == received for sent, received in counted), f"(sent, received): {counted}"
    assert seen == "", f"written while nothing had changed:\n{seen}"
    assert bird_config(host) == config_before, "bird.cfg was rewritten"
    assert host.out("pidof", "bird") == bird_before, "BIRD was restarted"


def test_both_agents_restart_and_new_containers_still_work(demo):
    for host in (demo.node1, demo.node2):
        host.stop_process("calico-node", "KILL")
        host.start_calico_node()
    for host in (demo.node1, demo.node2):
        host.wait_calico_node()
    demo.node1.docker("run", "-tid", "--name=late1", "--net=net1", "busybox")
    sent, received = demo.node2.ping("test2", demo.node1.container_ip("late1"), 3)
    assert sent == received == 3
    demo.node1.docker("rm", "-f", "late1")


def test_removed_container_leaves_no_endpoint_address_or_interface(demo):
    host = demo.node2
    host.docker("run", "-tid", "--name=gone", "--net=net1", "busybox")
    interface, address = host.endpoint_interface("gone"), host.container_ip("gone")
    host.docker("rm", "-f", "gone")
    assert host.run("ip", "link", "show", interface, check=False).returncode != 0
    assert host.out("ip", "route", "show", address).strip() == ""
    assert interface not in host.calicoctl("get", "workloadEndpoints")
    assert f"{address} is not assigned" in host.calicoctl("ipam", "show", f"--ip={address}")
    wait_until(lambda: interface not in host.out("nft", "list", "ruleset"), "the dispatch element goes", 3)


def test_foreign_flush_of_the_ruleset_is_repaired_within_a_second(demo):
    host = demo.node2
    before = host.out("nft", "list", "table", "ip", "calico")
    host.run("nft", "delete", "table", "ip", "calico")
    wait_until(lambda: "cali" in host.out("nft", "list", "table", "ip", "calico"), "table ip calico is back", 1.0)
    names = [line.strip() for line in before.splitlines() if line.strip().startswith("chain")]
    after = host.out("nft", "list", "table", "ip", "calico")
    assert all(name in after for name in names)


def test_a_new_pool_reconfigures_bird_without_dropping_a_session(demo):
    host = demo.node1
    sessions = [line for line in host.calicoctl("node", "status").splitlines() if "Established" in line]
    bird, config = host.out("pidof", "bird"), bird_config(host)
    host.run("calicoctl", "create", "-f", "-", stdin='{"apiVersion": "v1", "kind": "ipPool", "metadata": {"cidr": "10.251.0.0/24"}}')
    try:
        wait_until(lambda: "10.251.0.0/24" in bird_config(host)[1], "the pool is in bird.cfg", 5)
        assert bird_config(host) != config
        time.sleep(1)
        now = host.calicoctl("node", "status")
        assert all(line in now for line in sessions), f"a session came up anew:\n{sessions}\n{now}"
        assert host.out("pidof", "bird") == bird
    finally:
        host.run("calicoctl", "delete", "ippool", "10.251.0.0/24")
