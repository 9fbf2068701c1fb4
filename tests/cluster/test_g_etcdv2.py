# SPDX-License-Identifier: Apache-2.0
"""The whole demo again in a lab of its own, on a store of Calico 2.6 (etcd's v2 API), and what that store holds then."""

import json
import os
from pathlib import Path

import pytest
from demo import Demo
from lab import Lab

STEPS = [what for what, _ in Demo(Lab.__new__(Lab), "etcdv2").steps()]


@pytest.fixture(scope="module")
def old_store():
    lab = Lab(Path(os.environ.get("CLUSTER_STATE", "/var/lib/calico-test") + "-etcdv2"))
    yield Demo(lab, "etcdv2")
    lab.destroy()


@pytest.mark.parametrize("number", range(len(STEPS)), ids=STEPS)
def test_demo_on_etcdv2(old_store, number):
    _, function = old_store.steps()[number]
    function()


def value(demo, key):
    out = demo.lab.store.out("etcdctl", "--endpoints", "http://127.0.0.1:2379", "get", key, env={"ETCDCTL_API": "2"})
    return out.rstrip("\n")


def children(demo, key):
    out = demo.lab.store.out("etcdctl", "--endpoints", "http://127.0.0.1:2379", "ls", key, env={"ETCDCTL_API": "2"})
    return sorted(line.rsplit("/", 1)[1] for line in out.splitlines())  # etcd v2 has no order


def test_start_up_writes_the_settings_of_calico_2(old_store):
    assert value(old_store, "/calico/v1/Ready") == "true"
    assert len(value(old_store, "/calico/v1/config/ClusterGUID")) == 32
    assert value(old_store, "/calico/v1/config/ReportingIntervalSecs") == "0"
    assert value(old_store, "/calico/v1/config/LogSeverityScreen") == "info"
    assert value(old_store, "/calico/v1/host/calico-node1/config/DefaultEndpointToHostAction") == "RETURN"
    assert value(old_store, "/calico/bgp/v1/global/node_mesh") == '{"enabled":true}'
    assert value(old_store, "/calico/bgp/v1/global/as_num") == "64512"
    assert value(old_store, "/calico/bgp/v1/global/loglevel") == "info"
    assert value(old_store, "/calico/v1/host/calico-node1/metadata") == "{}"
    assert value(old_store, "/calico/v1/host/calico-node1/bird_ip") == "172.30.200.36"
    assert value(old_store, "/calico/bgp/v1/host/calico-node1/ip_addr_v4") == "172.30.200.36"
    assert value(old_store, "/calico/bgp/v1/host/calico-node1/network_v4") == "172.30.200.0/24"
    assert children(old_store, "/calico/bgp/v1/global/custom_filters") == ["v4", "v6"]
    assert children(old_store, "/calico/ipam/v2/host/calico-node1") == ["ipv4", "ipv6"]


def test_the_plugin_writes_what_calico_2_wrote(old_store):
    assert value(old_store, "/calico/v1/policy/profile/net1/tags") == '["net1"]'
    assert value(old_store, "/calico/v1/policy/profile/net1/labels") == "{}"
    rules = '{"inbound_rules":[{"action":"allow","src_tag":"net1"}],"outbound_rules":[{"action":"allow"}]}'
    assert value(old_store, "/calico/v1/policy/profile/net1/rules") == rules
    networks = json.loads(old_store.node1.docker("inspect", "-f", "{{json .NetworkSettings.Networks}}", "test1"))
    endpoint = networks["net1"]["EndpointID"]
    key = f"/calico/v1/host/calico-node1/workload/libnetwork/libnetwork/endpoint/{endpoint}"
    assert value(old_store, key) == (
        f'{{"state":"active","name":"cali{endpoint[:11]}","active_instance_id":"","mac":"ee:ee:ee:ee:ee:ee",'
        f'"profile_ids":["net1"],"ipv4_nets":["{networks["net1"]["IPAddress"]}/32"],"ipv6_nets":[]}}')


def test_addresses_have_neither_handle_nor_attributes(old_store):
    block = str(old_store.block_of(old_store.node1)).replace("/", "-")
    stored = json.loads(value(old_store, f"/calico/ipam/v2/assignment/ipv4/block/{block}"))
    assert list(stored) == ["cidr", "affinity", "strictAffinity", "allocations", "unallocated", "attributes"]
    assert stored["affinity"] == "host:calico-node1"
    assert stored["attributes"] == [{"handle_id": None, "secondary": None}]
    assert len(stored["allocations"]) == 64
    assert value(old_store, f"/calico/ipam/v2/host/calico-node1/ipv4/block/{block}") == "{}"


def test_a_container_that_goes_leaves_nothing_behind(old_store):
    host = old_store.node3
    host.run_container("passing", "net1")
    workloads = "/calico/v1/host/calico-node3/workload/libnetwork/libnetwork/endpoint"
    before = len(children(old_store, workloads))
    host.docker("rm", "-f", "passing")
    assert len(children(old_store, workloads)) == before - 1
