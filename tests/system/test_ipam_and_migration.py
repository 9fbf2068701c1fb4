# SPDX-License-Identifier: Apache-2.0
"""calicoctl's IPAM verbs and migrations on real stores, with addresses that the agent has handed out."""

import json
import os
import socket
import subprocess
import urllib.parse
import urllib.request

import pytest
from lab import BIN, wait_until


def request_address(host):
    """What dockerd asks for before it makes an endpoint: without one the address is a leak."""
    answer = host.out("curl", "-s", "--unix-socket", "/run/docker/plugins/calico-ipam.sock", "-d",
                      json.dumps({"PoolID": "CalicoPoolIPv4", "Address": "", "Options": None}),
                      "http://plugin/IpamDriver.RequestAddress")
    return json.loads(answer)["Address"].split("/")[0]


@pytest.fixture(scope="module")
def agent(host):
    host.environment["CALICO_LIBNETWORK_ENABLED"] = "true"  # its IPAM driver is how an address is asked for
    host.start_calico_node()
    host.wait_calico_node()
    wait_until(lambda: host.run("test", "-S", "/run/docker/plugins/calico-ipam.sock", check=False).returncode == 0,
               "the plugin's socket")
    return host


def test_a_leak_is_found_reported_and_released(agent):
    address = request_address(agent)
    assert f"IP {address} is in use" in agent.calicoctl("ipam", "show", "--ip", address)
    assert f"{address} leaked; attrs" in agent.calicoctl("ipam", "check", "--show-problem-ips")
    agent.calicoctl("datastore", "migrate", "lock")
    agent.calicoctl("ipam", "check", "-o", "/run/report.json")
    report = json.loads(agent.out("cat", "/run/report.json"))
    assert report["datastoreLocked"] and not report["allocations"][address][0]["inUse"]
    released = agent.calicoctl("ipam", "release", "--from-report", "/run/report.json")
    assert "Released 1 IPs successfully\n" in released
    agent.calicoctl("datastore", "migrate", "unlock")
    assert agent.calicoctl("ipam", "show", "--ip", address) == f"{address} is not assigned\n"
    assert "Check complete; found 0 problems.\n" in agent.calicoctl("ipam", "check")
    assert request_address(agent) != address, "a released address is used again last"


def test_a_pool_is_split_under_its_addresses(agent):
    address = request_address(agent)
    agent.calicoctl("datastore", "migrate", "lock")
    agent.calicoctl("ipam", "split", "4", "--cidr=192.168.0.0/16")
    agent.calicoctl("datastore", "migrate", "unlock")
    assert "192.168.64.0/18" in agent.calicoctl("get", "ippools", "-o", "wide")
    assert f"IP {address} is in use" in agent.calicoctl("ipam", "show", "--ip", address)
    assert agent.calicoctl("ipam", "release", "--ip", address) == f"Successfully released IP address {address}\n"
    request_address(agent)


def test_export_and_import_are_equal_byte_by_byte(agent):
    agent.calicoctl("datastore", "migrate", "lock")
    exported = agent.calicoctl("datastore", "migrate", "export")
    agent.calicoctl("datastore", "migrate", "unlock")
    copy = {"DATASTORE_TYPE": "sqlite", "CALICO_SQLITE_PATH": "/run/copy.db"}
    agent.run("calicoctl", "datastore", "migrate", "import", "-f", "-", stdin=exported, env=copy)
    assert agent.calicoctl("datastore", "migrate", "export", env=copy) == exported
    again = agent.run("calicoctl", "datastore", "migrate", "import", "-f", "-", stdin=exported, env=copy, check=False)
    assert again.returncode == 1 and "datastore already has Calico resources" in again.stderr


# --- from Calico 2.6


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Etcd:
    def __init__(self, directory):
        self.url, peer = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
        self.log = open(directory / "etcd.log", "wb")
        self.process = subprocess.Popen(
            ["etcd", "--data-dir", str(directory / "etcd"), "--enable-v2=true", "--listen-client-urls", self.url,
             "--advertise-client-urls", self.url, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
             "--initial-cluster", f"default={peer}"], stdout=self.log, stderr=self.log)

    def alive(self):
        return json.load(urllib.request.urlopen(self.url + "/health"))["health"] == "true"

    def put(self, key, value):
        body = urllib.parse.urlencode({"value": value}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/v2/keys{key}", body, method="PUT")).close()

    def contents(self):
        found = {}

        def walk(node):
            if not node.get("dir"):
                found[node["key"]] = (node["value"], node["modifiedIndex"])
            for child in node.get("nodes", ()):
                walk(child)

        walk(json.load(urllib.request.urlopen(f"{self.url}/v2/keys/calico?recursive=true"))["node"])
        return found

    def get(self, key):
        done = subprocess.run(["etcdctl", "--endpoints", self.url, "get", "--print-value-only", key], check=True,
                              capture_output=True, text=True, env={**os.environ, "ETCDCTL_API": "3"})
        return done.stdout.rstrip("\n")

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


@pytest.fixture
def old(tmp_path):
    """A cluster of Calico 2.6 as its programs left it."""
    etcd = Etcd(tmp_path)
    try:
        wait_until(etcd.alive, "etcd is healthy", 20)
        host, bgp = "/calico/v1/host/Rack1_Host7", "/calico/bgp/v1/host/Rack1_Host7"
        slots = [None] * 64
        slots[5], slots[6] = 0, 1
        block = {"cidr": "10.77.3.0/26", "affinity": "host:Rack1_Host7", "strictAffinity": False, "allocations": slots,
                 "unallocated": [n for n in range(64) if slots[n] is None],
                 "attributes": [{"handle_id": None, "secondary": None},
                                {"handle_id": "net.1337", "secondary": None}]}
        for key, value in {
                "/calico/v1/Ready": "true",
                "/calico/v1/config/ClusterGUID": "b6fdd27c0e6f4cbb97b6c0e6b1a4d2a9",
                "/calico/v1/config/ClusterType": "docker,bgp",
                "/calico/v1/config/CalicoVersion": "v2.6.10",
                "/calico/v1/config/LogSeverityScreen": "warning",
                "/calico/v1/config/ReportingIntervalSecs": "0",
                "/calico/bgp/v1/global/as_num": "64600",
                "/calico/bgp/v1/global/node_mesh": '{"enabled":false}',
                "/calico/bgp/v1/global/peer_v4/10.20.0.1": '{"ip":"10.20.0.1","as_num":"64567"}',
                host + "/metadata": "{}",
                host + "/bird_ip": "10.20.0.7",
                host + "/config/IpInIpTunnelAddr": "10.77.3.5",
                host + "/config/DefaultEndpointToHostAction": "RETURN",
                bgp + "/ip_addr_v4": "10.20.0.7",
                bgp + "/ip_addr_v6": "",
                bgp + "/network_v4": "10.20.0.0/24",
                host + "/workload/libnetwork/libnetwork/endpoint/e1": json.dumps(
                    {"state": "active", "name": "cali1", "active_instance_id": "", "mac": "ee:ee:ee:ee:ee:ee",
                     "profile_ids": ["net_1"], "ipv4_nets": ["10.77.3.6/32"], "ipv6_nets": []}),
                "/calico/v1/policy/profile/net_1/tags": '["net_1"]',
                "/calico/v1/policy/profile/net_1/labels": '{}',
                "/calico/v1/policy/profile/net_1/rules":
                    '{"inbound_rules":[{"action":"allow","src_tag":"net_1"}],"outbound_rules":[{"action":"allow"}]}',
                "/calico/v1/policy/tier/default/policy/prod.web":
                    '{"order":100,"inbound_rules":[{"action":"next-tier"}],"selector":"role == \'web\'"}',
                "/calico/v1/policy/tier/default/policy/knp.default.shop.x": '{"selector":""}',
                "/calico/v1/ipam/v4/pool/10.77.0.0-16":
                    '{"cidr":"10.77.0.0/16","ipip":"tunl0","ipip_mode":"cross-subnet","masquerade":true,"ipam":true,'
                    '"disabled":false}',
                "/calico/ipam/v2/assignment/ipv4/block/10.77.3.0-26": json.dumps(block),
                "/calico/ipam/v2/host/Rack1_Host7/ipv4/block/10.77.3.0-26": "{}",
                "/calico/ipam/v2/handle/net.1337": '{"block":{"10.77.3.0/26":1}}',
                "/calico/ipam/v2/config": '{"auto_allocate_blocks":true}'}.items():
            etcd.put(key, value)
        yield etcd
    finally:
        etcd.stop()


@pytest.mark.parametrize("target", ["etcdv3", "sqlite"])
def test_a_2_6_cluster_becomes_one_of_v3(old, tmp_path, target):
    config = tmp_path / "old.cfg"
    config.write_text("apiVersion: v1\nkind: calicoApiConfig\nmetadata:\nspec:\n  datastoreType: etcdv2\n"
                      f"  etcdEndpoints: {old.url}\n")
    env = {"PATH": os.environ["PATH"], "DATASTORE_TYPE": target}
    env.update({"ETCD_ENDPOINTS": old.url} if target == "etcdv3" else {"CALICO_SQLITE_PATH": str(tmp_path / "new.db")})

    def calicoctl(*words):
        return subprocess.run([str(BIN / "calicoctl"), *words], env=env, capture_output=True, text=True)

    def migrate(*more):
        done = calicoctl("datastore", "migrate", "from-2.6", f"--source-config={config}", *more)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    before = old.contents()
    dry = migrate("--dry-run")
    assert "Rack1_Host7" in dry and "rack1-host7" in dry and "renamed" in dry
    assert calicoctl("get", "nodes").stdout.count("rack1") == 0
    first = migrate()
    assert "Renamed node Rack1_Host7 to rack1-host7\n" in first
    assert "Skipped policy knp.default.shop.x: its controller makes it again\n" in first
    assert "Successfully migrated 0 object(s)" in migrate()
    assert old.contents() == before, "the source is only read"

    assert calicoctl("datastore", "migrate", "unlock").returncode == 0
    node = json.loads(calicoctl("get", "node", "rack1-host7", "-o", "json").stdout)
    assert node["spec"]["bgp"]["ipv4Address"] == "10.20.0.7/24"
    assert node["spec"]["bgp"]["ipv4IPIPTunnelAddr"] == "10.77.3.5"
    assert json.loads(calicoctl("get", "bgpconfig", "default", "-o", "json").stdout)["spec"]["asNumber"] == 64600
    pool = json.loads(calicoctl("get", "ippool", "10-77-0-0-16", "-o", "json").stdout)["spec"]
    assert pool["ipipMode"] == "CrossSubnet" and pool["blockSize"] == 26
    check = calicoctl("ipam", "check").stdout
    assert "IPAM block 10.77.3.0/26 affinity=host:rack1-host7:" in check
    assert "Check complete; found 0 problems.\n" in check
    if target == "etcdv3":
        assert old.get("/calico/ipam/v2/host/rack1-host7/ipv4/block/10.77.3.0-26") == \
            '{"state":"confirmed","deleted":false}'
        assert old.get("/calico/ipam/v2/handle/net.1337") == '{"block":{"10.77.3.0/26":1},"deleted":false}'
