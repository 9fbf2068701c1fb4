# SPDX-License-Identifier: Apache-2.0
"""BGP as Calico 2.6 has it: an etcdv2 store, v1 bgpPeers of both scopes, and a reflector that finds its clients in the store as
2.6's container does."""

import json

from lab import ETCD, wait_until
from network import POOL, routes
from test_bgp import established

REFLECTOR, TOR = "172.30.200.1", "172.30.200.2"


def v1_peer(peer, as_number, node=None):
    scope = {"scope": "node", "node": node} if node else {"scope": "global"}
    return {"apiVersion": "v1", "kind": "bgpPeer", "metadata": {**scope, "peerIP": peer}, "spec": {"asNumber": as_number}}


def apply(network, document):
    network.nodes()[0].run("calicoctl", "apply", "-f", "-", stdin=json.dumps(document))


def etcd(network, *command):
    return network.store.out("etcdctl", "--endpoints", ETCD, *command, env={"ETCDCTL_API": "2"}, check=False).strip()


def reflector_config(network):
    """What 2.6's container makes of the store: reflector for each node that has it as global peer or as its own."""
    me = json.loads(etcd(network, "get", f"/calico/bgp/v1/rr_v4/{REFLECTOR}"))
    as_number = etcd(network, "get", "/calico/bgp/v1/global/as_num")
    everybody = json.loads(etcd(network, "get", f"/calico/bgp/v1/global/peer_v4/{me['ip']}") or "{}").get("as_num") == as_number
    text = f"router id {me['ip']};\nprotocol device {{ }}\nprotocol direct {{ ipv4; }}\nprotocol kernel {{ ipv4 {{ export where source = RTS_BGP; }}; }}\n"
    for host in etcd(network, "ls", "/calico/bgp/v1/host").split():
        ip = etcd(network, "get", f"{host}/ip_addr_v4")
        if ip and (everybody or etcd(network, "get", f"{host}/peer_v4/{me['ip']}")):
            text += (f"protocol bgp node_{ip.replace('.', '_')} {{ local {me['ip']} as {as_number}; neighbor {ip} as {as_number}; multihop; rr client; "
                     f"rr cluster id {me['cluster_id']}; connect retry time 1; error wait time 1,1; strict bind on; "
                     f"ipv4 {{ import all; export all; add paths on; }}; }}\n")
    return text


def runs(network, name, config):
    path = network.router.state_dir / f"{name}.cfg"
    path.write_text(config)
    network.router.stop_process(name, "KILL")
    network.router.start_process(name, "bird", "-f", "-c", str(path), "-s", str(path.with_suffix(".ctl")), "-P", str(path.with_suffix(".bpid")))


def test_a_reflector_registered_in_the_store_serves_who_has_it_as_global_peer(network):
    for host in network.nodes():
        host.environment["DATASTORE_TYPE"] = "etcdv2"
    etcd(network, "set", f"/calico/bgp/v1/rr_v4/{REFLECTOR}", json.dumps({"ip": REFLECTOR, "cluster_id": "1.0.0.1"}))
    apply(network, {"apiVersion": "v1", "kind": "ipPool", "metadata": {"cidr": POOL}, "spec": {"nat-outgoing": False}})
    network.start_agents()
    network.w = [network.workload(host, f"w{number}") for number, host in enumerate(network.nodes(), 1)]
    node1, node2, node3 = network.nodes()
    wait_until(lambda: len(established(node1)) == 2, "the mesh", network.patience * 2)
    apply(network, v1_peer(REFLECTOR, 64512))
    node1.run("calicoctl", "config", "set", "nodeToNodeMesh", "off")
    assert json.loads(etcd(network, "get", "/calico/bgp/v1/global/node_mesh")) == {"enabled": False}
    runs(network, "reflector", reflector_config(network))
    for host in network.nodes():
        wait_until(lambda: established(host) == {REFLECTOR: "global"}, f"{host.name} has a session with the reflector and nobody else", network.patience * 2)
    wait_until(lambda: routes(node1, "route", "show", network.block(node2), "proto", "bird") == [f"{network.block(node2)} via {node2.ip} dev eth0 metric 32"],
               "the way leads to the node", network.patience)
    for target in network.w[1:]:
        wait_until(lambda: network.w[0].reaches(target.ip), f"w1 reaches {target.name}", network.patience)
    told = node1.out("birdc", "-s", "/var/run/calico/bird.ctl", "show", "route", "all", network.block(node2))
    assert "BGP.cluster_list: 1.0.0.1" in told


def test_the_registration_stays_as_it_was_written(network):
    assert json.loads(etcd(network, "get", f"/calico/bgp/v1/rr_v4/{REFLECTOR}")) == {"ip": REFLECTOR, "cluster_id": "1.0.0.1"}
    for host in network.nodes():
        assert "rr_v4" not in host.log("calico-node")


def test_a_peer_of_one_node_is_a_peer_of_no_other(network):
    node1, node2, _ = network.nodes()
    network.router.run("ip", "addr", "add", f"{TOR}/24", "dev", "br200")
    apply(network, v1_peer(TOR, "65000.1", node=node1.name))
    assert json.loads(etcd(network, "get", f"/calico/bgp/v1/host/{node1.name}/peer_v4/{TOR}")) == {"ip": TOR, "as_num": "4259840001"}
    runs(network, "tor", f"""router id {TOR};
protocol device {{ }}
protocol direct {{ ipv4; }}
protocol static {{ ipv4; route 10.98.0.0/24 blackhole; }}
protocol bgp node1 {{ local {TOR} as 4259840001; neighbor {node1.ip} as 64512; multihop; connect retry time 1; error wait time 1,1; strict bind on;
  ipv4 {{ import all; export where source = RTS_STATIC; }}; }}
""")
    wait_until(lambda: established(node1) == {REFLECTOR: "global", TOR: "node specific"}, "node1 has both", network.patience * 2)
    assert established(node2) == {REFLECTOR: "global"}
    wait_until(lambda: routes(node1, "route", "show", "10.98.0.0/24", "proto", "bird"), "what it tells", network.patience)


def test_a_reflector_that_is_a_peer_of_some_nodes_serves_those(network):
    node1, node2, node3 = network.nodes()
    for host in (node1, node2):
        apply(network, v1_peer(REFLECTOR, 64512, node=host.name))
    node1.run("calicoctl", "delete", "bgppeer", REFLECTOR, "--scope=global")
    runs(network, "reflector", reflector_config(network))
    wait_until(lambda: established(node2) == {REFLECTOR: "node specific"}, "node2 has its own", network.patience * 2)
    wait_until(lambda: established(node3) == {}, "node3 has none", network.patience)
    wait_until(lambda: network.w[0].reaches(network.w[1].ip), "w1 reaches w2", network.patience)
