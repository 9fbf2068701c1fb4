# SPDX-License-Identifier: Apache-2.0
"""The store goes away: containers notice nothing, plugin calls answer, and all is well when it is back."""

import json
import time

from lab import wait_until
from probes import Streams

PLUGIN_CALL = """
import http.client, socket, sys, time
class C(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX); self.sock.settimeout(10); self.sock.connect(sys.argv[1])
c = C("x"); t = time.monotonic()
c.request("POST", sys.argv[2], sys.argv[3]); r = c.getresponse(); b = r.read().decode()
print(r.status, "%.3f" % (time.monotonic() - t)); print(b)
"""


def plugin_call(host, socket_name, method, body):
    """(status, seconds, body) of one call on a plugin socket, as dockerd would make it."""
    text = host.out("python3", "-c", PLUGIN_CALL, f"/run/docker/plugins/{socket_name}.sock", method, json.dumps(body))
    first, _, rest = text.partition("\n")
    status, seconds = first.split()
    return int(status), float(seconds), rest


def test_etcd_away_for_a_minute_changes_nothing_for_running_containers(demo):
    streams = Streams((demo.node1, "test1"), (demo.node2, "test2"))
    demo.lab.store.stop_process("etcd", "KILL")
    gone = time.monotonic()
    network, endpoint = "a" * 64, "b" * 64
    calls = [
        ("calico-ipam", "/IpamDriver.RequestAddress", {"PoolID": "CalicoPoolIPv4", "Address": "", "Options": None}),
        ("calico", "/NetworkDriver.CreateEndpoint", {"NetworkID": network, "EndpointID": endpoint, "Options": {},
                                                      "Interface": {"Address": "10.254.0.9/32", "AddressIPv6": "", "MacAddress": ""}}),
        ("calico", "/NetworkDriver.DeleteEndpoint", {"NetworkID": network, "EndpointID": endpoint}),
        ("calico-ipam", "/IpamDriver.ReleaseAddress", {"PoolID": "CalicoPoolIPv4", "Address": "10.254.0.9"}),
    ]
    for socket_name, method, body in calls:
        status, seconds, text = plugin_call(demo.node1, socket_name, method, body)
        assert seconds < 3, f"{method} took {seconds} s"
        assert status == 500 and "172.30.200.30:2379" in json.loads(text)["Err"], f"{method}: {status} {text}"
    time.sleep(max(0.0, 60 - (time.monotonic() - gone)))
    counted = streams.end()
    assert all(sent > 55_000 and sent == received for sent, received in counted), f"(sent, received): {counted}"
    demo.lab.start_etcd()
    for host in demo.lab.nodes():
        host.wait_calico_node()
    # A new container shows that writes and watches work again on both sides.
    wait_until(lambda: demo.node1.run("docker", "run", "-tid", "--name=after", "--net=net1", "busybox",
                                      check=False).returncode == 0 or demo.node1.run("docker", "rm", "-f", "after", check=False) and False,
               "a container starts after the outage", 40, 1)
    address = demo.node1.container_ip("after")
    wait_until(lambda: demo.node2.ping("test2", address, 2) == (2, 2), "the new container is reached", 10)
    demo.node1.docker("rm", "-f", "after")


def test_restart_always_containers_do_not_hang_dockerd_at_boot(demo):
    host = demo.node3
    host.docker("run", "-tid", "--restart=always", "--name=always1", "--net=net1", "busybox")
    host.docker("run", "-tid", "--restart=always", "--name=always2", "--net=net2", "busybox")
    # As after a power cut: dockerd and its containers end at once. The names are forgotten, so that CreateEndpoint
    # has to ask the very dockerd that waits for it.
    for pid in host.out("pidof", "containerd-shim-runc-v2", "containerd", check=False).split():
        host.run("kill", "-KILL", pid, check=False)
    for name in ("always1", "always2", "test3"):
        pid = host.run("docker", "inspect", "-f", "{{.State.Pid}}", name, check=False).stdout.strip()
        if pid and pid != "0":
            host.run("kill", "-KILL", pid, check=False)
    host.stop_process("dockerd", "KILL")
    demo.lab.store.run("etcdctl", "--endpoints", "http://127.0.0.1:2379", "del", "--prefix", "/calico/docker/",
                       env={"ETCDCTL_API": "3"})
    begin = time.monotonic()
    host.start_dockerd()
    host.wait_dockerd(timeout=20)
    wait_until(lambda: host.docker("ps", "-q", "--filter", "name=always").count("\n") == 1, "both run again", 20)
    took = time.monotonic() - begin
    assert took < 20, f"dockerd needed {took:.0f} s"
    # The profiles carry the names in the end, and policy follows them.
    def renamed():
        items = json.loads(host.calicoctl("get", "workloadEndpoints", "-o", "json"))["items"]
        profiles = sorted(i["spec"]["profiles"][0] for i in items if i["spec"]["node"] == host.name)
        assert set(profiles) <= {"net1", "net2"}, profiles
        return True
    wait_until(renamed, "profiles are named by the networks' names", 10)
    wait_until(lambda: demo.node1.ping("test1", host.container_ip("always1"), 2) == (2, 2), "net1 reaches net1", 10)
    assert demo.node1.ping("test1", host.container_ip("always2"), 2) == (2, 0)
    host.docker("rm", "-f", "always1", "always2")
