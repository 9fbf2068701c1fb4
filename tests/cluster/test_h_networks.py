# SPDX-License-Identifier: Apache-2.0
"""Docker without a cluster store: the driver's scope is local, and calico-node keeps the networks alike on every host.

Three hosts run Debian 13's dockerd 26, a fourth, which joins later, the machine's 20.10 without --cluster-store. calico-node2's
dockerd asks calico-guard before it removes a network. The cluster store of old is what the demo runs on.
"""

import json
import os
import time
from pathlib import Path

import docker26
import pytest

from lab import BIN, Lab, wait_until

STATE = Path(os.environ.get("NETWORKS_LAB", "/var/lib/calico-networks-test"))
POOL = """
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: pool1}
spec: {cidr: 10.254.0.0/16, natOutgoing: true}
"""
POOL_V1 = """
apiVersion: v1
kind: ipPool
metadata: {cidr: 10.254.0.0/16}
spec: {nat-outgoing: true}
"""
CREATE = ("network", "create", "--driver", "calico", "--ipam-driver", "calico-ipam")


@pytest.fixture(scope="module")
def lab():
    lab = Lab(STATE)
    try:
        lab.create(4)
        for host in lab.nodes():
            host.environment["CALICO_LIBNETWORK_ENABLED"] = "true"
            if host.name != "calico-node4":
                host.environment["PATH"] = f"{docker26.programs()}:{BIN}:/usr/sbin:/usr/bin:/sbin:/bin"
        lab.save()
        lab.start_etcd()
        for host in lab.nodes()[:3]:
            start_docker(host)
            host.start_calico_node()
        for host in lab.nodes()[:3]:
            host.wait_calico_node()
            host.wait_dockerd()
            host.import_busybox(lab.busybox_archive())
        v1 = lab.nodes()[0].environment["DATASTORE_TYPE"] == "etcdv2"
        lab.nodes()[0].run("calicoctl", "create", "-f", "-", stdin=POOL_V1 if v1 else POOL)
        yield lab
    finally:
        lab.destroy()


def start_docker(host):
    guard = ["--authorization-plugin=calico-guard"] if host.name == "calico-node2" else []
    host.start_dockerd(*guard, cluster_store=False)


def network(host, name):
    """What this host's Docker says of a network; None: it has none of this name."""
    done = host.run("docker", "network", "inspect", name, check=False)
    return json.loads(done.stdout)[0] if done.returncode == 0 else None


def has(host, name, what="it is there"):
    return wait_until(lambda: network(host, name), f"{host.name}: network {name}: {what}", 20)


def is_gone(host, name):
    wait_until(lambda: network(host, name) is None, f"{host.name}: network {name} is gone", 10)


def shown(host, name):
    """The network in calicoctl: (spec, what each host says of it)."""
    listed = json.loads(host.calicoctl("get", "dockernetworks", "-o", "json"))
    for item in listed["items"]:
        if item["metadata"]["name"] == name:
            return item.get("spec", {}), {each["host"]: each for each in item.get("status", {}).get("hosts", [])}
    return None, {}


def is_ready(lab, name, hosts):
    wait_until(lambda: {host: each["state"] for host, each in shown(lab.nodes()[0], name)[1].items()}
               == {host.name: "Ready" for host in hosts}, f"network {name} is Ready on {[host.name for host in hosts]}", 10)


def remove_container(*pairs):
    for host, name in pairs:
        host.docker("rm", "-f", name)


def test_a_network_is_on_every_host_a_moment_after_it_was_made(lab):
    one, two, three = lab.nodes()[:3]
    one.docker(*CREATE, "--label", "team=blue", "net1")
    begin = time.monotonic()
    for host in (two, three):
        copy = has(host, "net1")
        assert (copy["Driver"], copy["Scope"], copy["IPAM"]["Driver"]) == ("calico", "local", "calico-ipam")
        assert copy["Labels"]["team"] == "blue" and copy["Labels"]["org.projectcalico.network.from"] == one.name
    assert time.monotonic() - begin < 5
    assert network(one, "net1")["Labels"] == {"team": "blue"}
    ids = {host.name: network(host, "net1")["Id"] for host in (one, two, three)}
    assert len(set(ids.values())) == 3
    is_ready(lab, "net1", (one, two, three))
    spec, hosts = shown(three, "net1")
    assert (spec["createdBy"], spec["generation"], spec["labels"]) == (one.name, 1, {"team": "blue"})
    assert {name: each["id"] for name, each in hosts.items()} == ids


def test_containers_of_the_three_copies_reach_each_other(lab):
    hosts = lab.nodes()[:3]
    addresses = [host.run_container(f"c{number}", "net1") for number, host in enumerate(hosts, 1)]
    for number, host in enumerate(hosts, 1):
        for address in addresses:
            wait_until(lambda h=host, n=number, a=address: h.ping(f"c{n}", a, 1) == (1, 1), f"{host.name} reaches {address}", 20)
            assert host.ping(f"c{number}", address, 5) == (5, 5)
    profiles = {each["spec"]["node"]: each["spec"]["profiles"] for each in
                json.loads(hosts[0].calicoctl("get", "workloadendpoints", "-o", "json", "--api-version=v3"))["items"]}
    assert profiles == {host.name: ["net1"] for host in hosts}


def test_removal_is_refused_where_dockerd_asks_the_guard(lab):
    one, two, three = lab.nodes()[:3]
    remove_container((two, "c2"))  # dockerd itself refuses while its own containers are on the network
    begin = time.monotonic()
    refused = two.run("docker", "network", "rm", "net1", check=False)
    assert refused.returncode != 0 and time.monotonic() - begin < 3
    assert "network net1 is still used by containers on calico-node1, calico-node3: remove them first" in refused.stderr
    assert two.run("docker", "network", "rm", network(two, "net1")["Id"][:12], check=False).returncode != 0
    assert network(two, "net1")["Id"] == shown(one, "net1")[1][two.name]["id"]


def test_removal_is_undone_at_once_elsewhere_with_the_users_hosts_named(lab):
    one, two, three = lab.nodes()[:3]
    remove_container((one, "c1"))
    before = network(one, "net1")["Id"]
    one.docker("network", "rm", "net1")
    again = has(one, "net1", "it is made again")
    assert again["Id"] != before and again["Labels"]["team"] == "blue"
    problem = "docker network rm was undone: containers on calico-node3 use the network, remove them first"
    wait_until(lambda: shown(two, "net1")[1][one.name]["state"] == "RemovalRefused", "the status tells", 10)
    assert shown(two, "net1")[1][one.name]["problem"] == problem
    assert problem in two.calicoctl("get", "dockernetworks", "-o", "wide")
    wait_until(lambda: problem in one.out("calico-node", "show", "status"), "show status tells", 5)
    # The copy that was made again is as good as any.
    address = one.run_container("c1", "net1")
    wait_until(lambda: three.ping("c3", address, 1) == (1, 1), "the new container is reached", 20)
    remove_container((one, "c1"), (three, "c3"))
    one.docker("network", "rm", "net1")
    for host in (two, three):
        is_gone(host, "net1")
    wait_until(lambda: shown(one, "net1") == (None, {}), "nothing is left of net1", 10)


def test_two_hosts_at_once_make_one_network_or_a_clash(lab):
    one, two, three = lab.nodes()[:3]
    for name, more in (("same", ([], [])), ("other", ([], ["--subnet", "10.254.0.0/16"]))):
        for host, options in zip((one, three), more):
            host.start_process("create", "docker", *CREATE, *options, name)
        for host in (one, two, three):
            has(host, name)
    is_ready(lab, "same", (one, two, three))
    clashing = wait_until(lambda: [each for each in shown(two, "other")[1].values() if each["state"] == "Clash"], "a clash is told", 10)
    assert len(clashing) == 1 and "this host has another network other: subnet" in clashing[0]["problem"], clashing
    subnets = {host.name: [pool["Subnet"] for pool in network(host, "other")["IPAM"]["Config"]] for host in (one, three)}
    assert subnets == {one.name: ["0.0.0.0/0"], three.name: ["10.254.0.0/16"]}, "neither was overwritten"
    loser = next(host for host in (one, three) if host.name == clashing[0]["host"])
    loser.docker("network", "rm", "other")
    has(loser, "other", "the other hosts' network came")
    is_ready(lab, "other", (one, two, three))


def test_a_bridge_of_the_same_name_is_left_alone(lab):
    one, two, three = lab.nodes()[:3]
    three.docker("network", "create", "mine")
    one.docker(*CREATE, "mine")
    wait_until(lambda: shown(one, "mine")[1].get(three.name, {}).get("state") == "Clash", "the clash is told", 10)
    assert network(three, "mine")["Driver"] == "bridge"
    one.docker("network", "rm", "mine")
    is_gone(two, "mine")
    wait_until(lambda: shown(one, "mine") == (None, {}), "the clash is forgotten", 10)
    assert network(three, "mine")["Driver"] == "bridge"
    three.docker("network", "rm", "mine")


def test_a_host_that_joins_later_gets_all_networks_whatever_its_docker(lab):
    one, two, three, four = lab.nodes()
    four.start_calico_node()
    four.wait_calico_node()
    start_docker(four)
    four.wait_dockerd()
    for name in ("same", "other"):
        has(four, name)
    assert four.docker("version", "-f", "{{.Server.Version}}").startswith("20.10")
    four.import_busybox(lab.busybox_archive())
    # Networks of the old Docker and of the new one are each other's.
    four.docker(*CREATE, "--ipv6", "old")
    assert has(two, "old")["EnableIPv6"] is True
    addresses = four.run_container("c4", "other"), one.run_container("c1", "other")
    wait_until(lambda: one.ping("c1", addresses[0], 1) == (1, 1), "calico-node1 reaches calico-node4", 20)
    assert four.ping("c4", addresses[1], 5) == (5, 5) and one.ping("c1", addresses[0], 5) == (5, 5)
    remove_container((four, "c4"), (one, "c1"))


def test_a_host_that_was_away_removes_and_makes_what_it_missed(lab):
    one, two, three, four = lab.nodes()
    three.stop_process("calico-node", "KILL")
    three.stop_process("dockerd")
    one.docker("network", "rm", "same")
    two.docker("network", "rm", "other")
    for host in (one, two, four):
        is_gone(host, "same")
        is_gone(host, "other")
    two.docker(*CREATE, "--subnet", "10.254.0.0/16", "other")
    has(one, "other")
    assert shown(one, "other")[0]["generation"] == 2, "calico-node3 still has generation 1"
    start_docker(three)
    three.start_calico_node()
    three.wait_dockerd()
    is_gone(three, "same")
    wait_until(lambda: network(three, "other")["IPAM"]["Config"][0]["Subnet"] == "10.254.0.0/16", "other is the new one", 10)
    is_ready(lab, "other", (one, two, three, four))


def test_a_host_that_lost_its_data_gets_its_own_networks_again(lab):
    one, two, three, four = lab.nodes()
    assert shown(one, "other")[0]["createdBy"] == two.name
    before = network(two, "other")["Id"]
    two.stop_process("dockerd")
    two.run("sh", "-c", "rm -rf /var/lib/docker/*")
    start_docker(two)
    two.wait_dockerd()
    assert has(two, "other")["Id"] != before
    for name in ("other", "old"):
        is_ready(lab, name, (one, two, three, four))
    # Then a removal is one again.
    two.docker("network", "rm", "other")
    for host in (one, three, four):
        is_gone(host, "other")


def test_users_only_delete_networks_in_calicoctl(lab):
    one, two = lab.nodes()[:2]
    stored = json.loads(one.calicoctl("get", "dockernetwork", "old", "-o", "json", *(
        ["--api-version=v3"] if one.environment["DATASTORE_TYPE"] == "etcdv2" else [])))
    stored = stored["items"][0] if "items" in stored else stored
    del stored["status"]
    refused = one.run("calicoctl", "apply", "-f", "-", stdin=json.dumps(stored), check=False)
    assert refused.returncode != 0 and "networks are made with docker network create on any host" in refused.stderr
    one.calicoctl("delete", "dockernetwork", "old")
    for host in lab.nodes():
        is_gone(host, "old")
