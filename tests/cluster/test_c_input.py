# SPDX-License-Identifier: Apache-2.0
"""Bad input: one clear line that says what to do, a non-zero exit, nothing half-made left behind."""

import json
import time

import pytest
from demo import NODE_ENV
from lab import CommandFailed, STORE_IP


def failure(host, *argv, **kwargs):
    done = host.run(*argv, check=False, **kwargs)
    assert done.returncode != 0, done.stdout
    return (done.stderr or done.stdout).strip()


def everything(demo):
    """All keys of the store that a failed request could leave behind."""
    text = demo.lab.store.out("etcdctl", "--endpoints", "http://127.0.0.1:2379", "get", "--prefix", "/calico/",
                              env={"ETCDCTL_API": "3"})
    return text


def test_unknown_driver_option_is_named(demo):
    text = failure(demo.node1, "docker", "network", "create", "--driver", "calico", "--ipam-driver", "calico-ipam",
                   "-o", "color=red", "bad1")
    assert "Calico driver does not support the flag" in text and "color" in text
    assert "bad1" not in demo.node1.docker("network", "ls")


def test_unknown_ipam_option_and_gateway_are_refused(demo):
    text = failure(demo.node1, "docker", "network", "create", "--driver", "calico", "--ipam-driver", "calico-ipam",
                   "--ipam-opt", "a=b", "bad2")
    assert "Arbitrary options are not supported" in text
    text = failure(demo.node1, "docker", "network", "create", "--driver", "calico", "--ipam-driver", "calico-ipam",
                   "--subnet", "10.254.0.0/24", "--gateway", "10.254.0.1", "bad3")
    assert "Calico IPAM does not support specifying a gateway." in text


def test_subnet_that_is_no_pool_is_refused(demo):
    text = failure(demo.node1, "docker", "network", "create", "--driver", "calico", "--ipam-driver", "calico-ipam",
                   "--subnet", "10.99.0.0/24", "bad4")
    assert "The requested subnet must match the CIDR of a configured Calico IP Pool." in text


def test_overlapping_pool_names_both(demo):
    before = demo.node1.calicoctl("get", "ippools")
    text = failure(demo.node1, "calicoctl", "create", "-f", "-", stdin=json.dumps(
        {"apiVersion": "v1", "kind": "ipPool", "metadata": {"cidr": "10.254.0.128/25"}, "spec": {}}))
    assert "overlaps" in text and "10.254.0.128/25" in text and "10.254.0.0/24" in text
    assert demo.node1.calicoctl("get", "ippools") == before


def test_broken_yaml_names_file_line_and_column(demo):
    demo.node1.run("sh", "-c", "cat > /run/broken.yaml", stdin="apiVersion: v1\nkind: ipPool\nmetadata:\n  cidr: [10.0.0.0/8\n")
    text = failure(demo.node1, "calicoctl", "create", "-f", "/run/broken.yaml")
    assert "broken.yaml" in text and "line" in text and "column" in text, text
    assert len(text.splitlines()) == 1


def test_no_address_left_is_said_and_leaves_nothing(demo):
    host = demo.node3
    pool = {"apiVersion": "projectcalico.org/v3", "kind": "IPPool", "metadata": {"name": "tiny"},
            "spec": {"cidr": "10.253.0.0/31", "blockSize": 31}}
    host.run("calicoctl", "create", "-f", "-", stdin=json.dumps(pool))
    host.docker("network", "create", "--driver", "calico", "--ipam-driver", "calico-ipam", "--subnet", "10.253.0.0/31", "tiny")
    for name in ("full1", "full2"):
        host.docker("run", "-tid", f"--name={name}", "--net=tiny", "busybox")
    links, keys = host.out("ip", "-o", "link").count("cali"), everything(demo).count("\n")
    text = failure(host, "docker", "run", "-tid", "--name=full3", "--net=tiny", "busybox")
    assert "10.253.0.0/31" in text, text
    host.docker("rm", "-f", "full3")
    assert host.out("ip", "-o", "link").count("cali") == links
    assert everything(demo).count("\n") == keys
    host.docker("rm", "-f", "full1", "full2")
    host.docker("network", "rm", "tiny")
    host.run("calicoctl", "delete", "ippool", "tiny")


def test_second_host_with_the_same_address_is_refused(demo):
    host = demo.lab.store  # has no agent of its own
    text = failure(host, "calico-node", "run", timeout=20,
                   env={"ETCD_ENDPOINTS": f"http://{STORE_IP}:2379", "NODENAME": "twin", "IP": demo.node1.ip})
    assert "already using the IPv4 address" in text and demo.node1.name in text
    assert "twin" not in demo.node1.calicoctl("get", "nodes")


def test_no_address_to_detect_says_what_to_set(demo):
    host = demo.lab.store
    text = failure(host, "calico-node", "run", timeout=20,
                   env={"ETCD_ENDPOINTS": f"http://{STORE_IP}:2379", "NODENAME": "lost", "IP_AUTODETECTION_METHOD": "interface=nope.*"})
    last = text.splitlines()[-1]
    assert "IP" in last and ("IP=" in last or "IP_AUTODETECTION_METHOD" in last), text
    assert "lost" not in demo.node1.calicoctl("get", "nodes")


def test_no_route_to_the_can_reach_address_says_so(demo):
    host = demo.lab.store
    host.run("ip", "route", "del", "default")
    try:
        text = failure(host, "calico-node", "run", timeout=20,
                       env={"ETCD_ENDPOINTS": f"http://{STORE_IP}:2379", "NODENAME": "lost",
                            "IP_AUTODETECTION_METHOD": "can-reach=203.0.113.1"})
        assert "203.0.113.1" in text.splitlines()[-1], text
    finally:
        host.run("ip", "route", "add", "default", "via", "172.30.200.1")


def test_unreachable_store_is_named_by_calicoctl(demo):
    text = failure(demo.node1, "calicoctl", "get", "nodes", env={"ETCD_ENDPOINTS": "http://172.30.200.99:2379"}, timeout=30)
    assert "172.30.200.99:2379" in text and len(text.splitlines()) == 1, text


def test_agent_without_its_store_waits_and_names_it(demo):
    host = demo.lab.store
    with pytest.raises(CommandFailed):  # it keeps waiting: the test ends it
        host.run("timeout", "-k", "1", "4", "calico-node", "run", env={"ETCD_ENDPOINTS": "http://172.30.200.99:2379", "NODENAME": "x"})
    done = host.run("timeout", "-k", "1", "4", "calico-node", "run", check=False,
                    env={"ETCD_ENDPOINTS": "http://172.30.200.99:2379", "NODENAME": "x"})
    assert "172.30.200.99:2379" in done.stderr + done.stdout


def test_a_pool_whose_tunnel_the_kernel_lacks_holds_nothing_else_up(demo):
    """IPIP: the kernel of this machine need not have it. What works is tested in tests/network/stock_kernel."""
    pool = {"apiVersion": "v1", "kind": "ipPool", "metadata": {"cidr": "10.252.0.0/24"},
            "spec": {"ipip": {"enabled": True, "mode": "cross-subnet"}}}
    demo.node1.run("calicoctl", "create", "-f", "-", stdin=json.dumps(pool))
    try:
        assert "CrossSubnet" in demo.node1.calicoctl("get", "ippool", "-o", "wide")
        time.sleep(2)  # the agents have tried
        if demo.node1.run("ip", "link", "show", "tunl0", check=False).returncode != 0:
            said = "tunl0: a pool asks for IPIP, which this kernel lacks (module ipip); it can do: no encapsulation, VXLAN"
            status = demo.node1.run("calicoctl", "node", "status", check=False)
            assert f"WARNING: not ready: {said}" in status.stderr and "Established" in status.stdout
            assert said in demo.node1.log("calico-node") and said in demo.node1.out("calico-node", "show", "status")
            assert said in demo.node1.out("curl", "-s", "http://127.0.0.1:9099/readiness")
        states = demo.node1.out("calico-node", "show", "endpoints").splitlines()[1:]
        assert states and all(line.split()[1:] == ["programmed"] for line in states), states
    finally:
        demo.node1.run("calicoctl", "delete", "ippool", "10.252.0.0/24")
