# SPDX-License-Identifier: Apache-2.0
"""Firewalls that a host has besides us: what policy allows gets through iptables, nothing else does; a firewall written for
nf_tables is named, and edited only on request."""

import json
import re

from lab import wait_until
from network import NODES, resource

FOREIGN = """table inet filter {
  chain forward { type filter hook forward priority 0; policy drop;
    tcp dport 22 accept comment "of the owner"
  }
}
"""
# As firewalld writes it: a policy of accept, and a reject at the end.
FIREWALLD = """table inet firewalld {
  chain filter_FORWARD { type filter hook forward priority filter + 10; policy accept;
    ct state { established, related } accept
    iifname "lo" accept
    jump filter_FORWARD_POLICIES
    reject with icmpx admin-prohibited
  }
  chain filter_FORWARD_POLICIES { iifname "nothing" accept
  }
}
"""


def felix(network, name="default", **spec):
    network.nodes()[0].run("calicoctl", "patch", "felixconfiguration", name, "-p", json.dumps({"spec": spec}))


def reached(network):
    return network.w[0].reaches(network.w[1].ip)


def stays_unreached(network):
    return not any(reached(network) for _ in range(3))


def forwarding_of_others(network):
    """Whether node1 forwards for somebody who is no workload: from the store's host to node3."""
    store, far = network.store, NODES["calico-node3"][0]
    store.run("sysctl", "-qw", "net.ipv4.conf.all.accept_redirects=0", "net.ipv4.conf.eth0.accept_redirects=0")
    store.run("ip", "route", "replace", f"{far}/32", "via", network.nodes()[0].ip)
    done = store.run("ping", "-c", "1", "-W", "1", far, check=False).returncode == 0
    store.run("ip", "route", "del", f"{far}/32")
    return done


def test_without_any_firewall(network):
    network.pool(vxlanMode="Always")
    network.start_agents(CALICO_NETWORKING_BACKEND="vxlan")
    network.w = [network.workload(host, f"w{number}") for number, host in enumerate(network.nodes(), 1)]
    wait_until(lambda: reached(network), "w1 reaches w2", network.patience)
    assert forwarding_of_others(network)


def test_iptables_of_either_back_end_lets_through_what_policy_allows_and_nothing_else(network):
    node1 = network.nodes()[0]
    for command in ("iptables-nft", "iptables-legacy"):
        for close in (("-P", "FORWARD", "DROP"), ("-A", "FORWARD", "-j", "REJECT")):
            node1.run(command, *close)
            wait_until(lambda: reached(network), f"w1 reaches w2 behind {command} {' '.join(close)}", 5)
            assert not forwarding_of_others(network), f"{command} {' '.join(close)} still holds for others"
            rules = node1.out(command, "-S", "FORWARD").splitlines()
            assert [rule for rule in rules if "calico" in rule] == [rules[1]], "one rule of ours, and it is the first"
            node1.run(command, "-P", "FORWARD", "ACCEPT")
            node1.run(command, "-D", "FORWARD", "-j", "REJECT", check=False)


def test_policy_still_says_no(network):
    node1 = network.nodes()[0]
    node1.run("iptables-nft", "-P", "FORWARD", "DROP")
    network.apply(resource("GlobalNetworkPolicy", "no-ping", selector="all()", types=["Egress"], egress=[{"action": "Deny", "protocol": "ICMP"}, {"action": "Allow"}]))
    wait_until(lambda: not reached(network), "policy denies", network.patience)
    network.delete("globalnetworkpolicy", "no-ping")
    wait_until(lambda: reached(network), "policy allows again", network.patience)
    node1.run("iptables-nft", "-P", "FORWARD", "ACCEPT")


def test_dockers_rules_do_no_harm(network):
    node1 = network.nodes()[0]
    for rule in ("-N DOCKER-USER", "-N DOCKER-ISOLATION-STAGE-1", "-A DOCKER-USER -j RETURN", "-A DOCKER-ISOLATION-STAGE-1 -j RETURN",
                 "-I FORWARD -j DOCKER-ISOLATION-STAGE-1", "-I FORWARD -j DOCKER-USER", "-P FORWARD DROP"):
        node1.run("iptables", *rule.split())
    wait_until(lambda: reached(network), "w1 reaches w2", 5)
    wait_until(lambda: "calico" in node1.out("iptables", "-S", "FORWARD").splitlines()[1], "dockerd puts its own first; ours is again", 5)
    node1.run("iptables", "-P", "FORWARD", "ACCEPT")
    node1.run("iptables", "-F")
    node1.run("iptables", "-X")


def reaches_the_host(network):
    node1 = network.nodes()[0]
    return network.w[0].reaches(node1.ip), network.store.run("ping", "-c", "1", "-W", "1", node1.ip, check=False).returncode == 0


def test_input_of_iptables_lets_in_what_hosts_tunnel_and_what_workloads_may_send_to_the_host(network):
    node1 = network.nodes()[0]
    for command in ("iptables-nft", "iptables-legacy"):
        node1.run(command, "-A", "INPUT", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT")
        node1.run(command, "-P", "INPUT", "DROP")
        wait_until(lambda: "calico" in node1.out(command, "-S", "INPUT"), "our rule is there", 5)
        # Untracked, so that the owner's own rule does not help.
        assert all(network.w[1].reaches(network.w[0].ip) for _ in range(3)), f"w2 reaches w1 behind {command}"
        assert reaches_the_host(network) == (False, False), "nothing else is opened"
        for action, reached in (("Accept", True), ("Drop", False), ("Return", False)):
            felix(network, "node.calico-node1", defaultEndpointToHostAction=action)
            wait_until(lambda: reaches_the_host(network) == (reached, False), f"{action}: who has the last word", network.patience)
        node1.run(command, "-P", "INPUT", "ACCEPT")
        node1.run(command, "-F", "INPUT")


def test_a_foreign_input_chain_is_reported_where_there_are_tunnels(network):
    node1 = network.nodes()[0]
    node1.run("nft", "-f", "-", stdin=FOREIGN.replace("forward", "input").replace("tcp dport 22", "ct state established"))
    wait_until(lambda: "table inet filter, chain input: policy drop" in node1.out("calico-node", "show", "status"), "the status names it")
    assert not network.w[1].reaches(network.w[0].ip)
    told = node1.run("calicoctl", "node", "checksystem", check=False)
    assert "may drop what other hosts tunnel to it: table inet filter, chain input" in told.stderr
    node1.run("sh", "-c", re.search(r"^    (nft insert rule .*)$", told.stdout, re.M)[1])
    wait_until(lambda: network.w[1].reaches(network.w[0].ip), "the command lets it in", 5)
    node1.run("nft", "delete", "table", "inet", "filter")


def listed(host, table="filter"):
    return host.out("nft", "list", "table", "inet", table)


def test_a_foreign_table_is_reported_with_the_command_that_helps(network):
    node1 = network.nodes()[0]
    for text, table, chain, named in ((FOREIGN, "filter", "forward", "policy drop"), (FIREWALLD, "firewalld", "filter_FORWARD", "rule handle")):
        node1.run("nft", "-f", "-", stdin=text)
        before = listed(node1, table)
        wait_until(lambda: f"table inet {table}, chain {chain}: {named}" in node1.out("calico-node", "show", "status"), "the status names it")
        assert stays_unreached(network)
        assert listed(node1, table) == before, "it is not edited"
        told = node1.run("calicoctl", "node", "checksystem", check=False)
        command = re.search(r"^    (nft insert rule .*)$", told.stdout, re.M)[1]
        assert f"table inet {table}, chain {chain}" in told.stderr
        node1.run("sh", "-c", command)
        wait_until(lambda: reached(network), "the command lets it through", 5)
        assert not forwarding_of_others(network), "nothing else is opened"
        wait_until(lambda: f"table inet {table}" not in node1.out("calico-node", "show", "status"), "no more to report")
        node1.run("nft", "delete", "table", "inet", table)


def test_insert_edits_it_and_keeps_it(network):
    node1 = network.nodes()[0]
    felix(network, foreignFirewall="Insert")
    node1.run("nft", "-f", "-", stdin=FOREIGN)
    wait_until(lambda: reached(network), "our rule was inserted", 5)
    assert not forwarding_of_others(network), "nothing else is opened"
    # The owner loads his rules anew.
    node1.run("nft", "delete", "table", "inet", "filter")
    node1.run("nft", "-f", "-", stdin=FOREIGN)
    wait_until(lambda: reached(network), "and again", 5)
    assert listed(node1).count("calico: accept what policy allowed") == 1
    node1.stop_process("calico-node", "KILL")
    network.start_agent(node1)
    network.wait_ready(node1)
    assert listed(node1).count("calico: accept what policy allowed") == 1


def test_back_to_report_takes_the_rule_away(network):
    node1 = network.nodes()[0]
    felix(network, foreignFirewall=None)
    wait_until(lambda: "calico" not in listed(node1), "the table is as its owner wrote it", network.patience)
    assert 'comment "of the owner"' in listed(node1)
    wait_until(lambda: not reached(network), "and drops", 5)


def test_clean_leaves_nothing_in_anybodys_table(network):
    node1 = network.nodes()[0]
    felix(network, foreignFirewall="Insert")
    wait_until(lambda: "calico" in listed(node1), "inserted", network.patience)
    node1.run("iptables-nft", "-P", "FORWARD", "DROP")
    wait_until(lambda: "calico" in node1.out("iptables-nft", "-S", "FORWARD"), "inserted there, too")
    node1.stop_process("calico-node")
    node1.run("calico-node", "clean")
    assert "calico" not in node1.out("nft", "list", "ruleset") + node1.out("ip", "link")
    assert [line for line in node1.out("ip", "route").splitlines() if "10.65." in line] == []
