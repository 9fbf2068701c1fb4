# SPDX-License-Identifier: Apache-2.0
"""dockerd, calico-node, the store and the host end at every bad moment: what runs goes on, and nothing is left behind.

One host. LIFECYCLE_STORE=etcdv2 does it on a store of Calico 2.6; LIFECYCLE_CONTAINERS is how many come and go at once;
LIFECYCLE_SIDES=request,answer stops each step before the plugin has seen it, too.
"""

import json
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from demo import NODE_ENV
from lab import HERE, Lab, wait_until
from probes import pid_outside
from test_d_outage import plugin_call

STORE = os.environ.get("LIFECYCLE_STORE", "etcdv3")
CONTAINERS = int(os.environ.get("LIFECYCLE_CONTAINERS", "12"))
SIDES = os.environ.get("LIFECYCLE_SIDES", "answer").split(",")
POOL = "10.254.0.0/24"
STARTING = ("RequestAddress", "CreateEndpoint", "Join", "ProgramExternalConnectivity")
REMOVING = ("Leave", "DeleteEndpoint", "ReleaseAddress")
# What an agent that was killed leaves may be of a container on its way: a minute, and then it must stay suspect.
LONGEST = 160


class Life:
    def __init__(self, lab: Lab):
        self.lab = lab
        self.host = lab.nodes()[0]

    def start(self) -> None:
        self.lab.start_etcd()
        self.host.environment.update(NODE_ENV, DATASTORE_TYPE=STORE)
        self.host.start_dockerd()
        self.start_agent()
        self.host.wait_dockerd()
        self.host.import_busybox(self.lab.busybox_archive())
        self.host.run("calicoctl", "create", "-f", "-", stdin=json.dumps(
            {"apiVersion": "v1", "kind": "ipPool", "metadata": {"cidr": POOL}}))
        self.host.docker("network", "create", "--driver", "calico", "--ipam-driver", "calico-ipam", "net1")
        self.host.docker("network", "create", "--driver", "calico", "--ipam-driver", "calico-ipam", "--subnet", POOL, "fixed")
        # dockerd does one thing at a time in each network.
        for name in (*STARTING, *REMOVING):
            self.host.docker("network", "create", "--driver", "calico", "--ipam-driver", "calico-ipam", "step" + name.lower())

    def start_agent(self) -> None:
        self.host.start_calico_node(env={"CALICO_STARTUP_LOGLEVEL": "debug"})
        self.host.wait_calico_node()

    def run_container(self, name: str, *extra: str, network: str = "net1") -> None:
        # A `sleep` that is PID 1 takes no notice of SIGTERM, and dockerd would wait ten seconds for it.
        self.host.docker("run", "-d", "--stop-signal=KILL", f"--name={name}", f"--net={network}", *extra, "busybox", "sleep", "100000", timeout=60)

    def restart_dockerd(self, sig: str = "TERM", *extra: str) -> None:
        self.host.stop_process("dockerd", sig, timeout=60)
        if sig == "KILL" and "--live-restore" not in extra:
            self.end_containers()
        self.host.start_dockerd(*extra, same_containerd="--live-restore" in extra)
        self.host.wait_dockerd(timeout=60)

    def end_containers(self) -> None:
        """What systemd does with a unit that died: nothing of its control group stays."""
        pids = self.host.out("pidof", "containerd", "containerd-shim-runc-v2", check=False).split()
        pids += self.host.out("pgrep", "-f", "^sleep 100000", check=False).split()
        if pids:
            self.host.run("kill", "-KILL", *pids, check=False)

    # --- what there is, and what belongs there -----------------------------------------------------------

    def containers(self) -> dict[str, tuple[str, str]]:
        """Endpoint and address of each running container."""
        names = self.host.docker("ps", "--format", "{{.Names}}").split()
        if not names:
            return {}
        found = {}
        for entry in json.loads(self.host.docker("inspect", *names)):
            for network in entry["NetworkSettings"]["Networks"].values():
                found[network["EndpointID"]] = (entry["Name"], network["IPAddress"])
        return found

    def stored(self, *command: str) -> str:
        version = "2" if STORE == "etcdv2" else "3"
        return self.lab.store.out("etcdctl", "--endpoints", "http://127.0.0.1:2379", *command, env={"ETCDCTL_API": version})

    def values(self, prefix: str) -> dict[str, str]:
        if STORE == "etcdv2":
            listed = self.lab.store.run("etcdctl", "--endpoints", "http://127.0.0.1:2379", "ls", "-r", "-p", prefix,
                                        env={"ETCDCTL_API": "2"}, check=False).stdout.split()
            return {key: self.stored("get", key).rstrip("\n") for key in listed if not key.endswith("/")}
        lines = self.stored("get", "--prefix", prefix).splitlines()
        return dict(zip(lines[::2], lines[1::2]))

    def addresses(self) -> set[str]:
        found = set()
        for key, value in self.values("/calico/ipam/v2/assignment/ipv4/block").items():
            base = key.rsplit("/", 1)[1].rsplit("-", 1)[0].rsplit(".", 1)
            for number, slot in enumerate(json.loads(value)["allocations"]):
                if slot is not None:
                    found.add(f"{base[0]}.{int(base[1]) + number}")
        return found

    def leftovers(self) -> dict[str, set[str]]:
        """Everything beyond what the running containers have; and what they lack."""
        running = self.containers()
        endpoints = {i["spec"]["endpoint"] if "endpoint" in i["spec"] else i["metadata"]["name"]
                     for i in json.loads(self.host.calicoctl("get", "workloadEndpoints", "-o", "json")).get("items", [])} \
            if STORE != "etcdv2" else {key.rsplit("/", 1)[1] for key in self.values("/calico/v1/host/calico-node1/workload")}
        links = {link["ifname"] for link in json.loads(self.host.out("ip", "-j", "link"))}
        ours = {name for name in links if re.fullmatch("(cali|temp)[0-9a-f]{11}", name)}
        handles = {key.rsplit("/", 1)[1] for key in self.values("/calico/ipam/v2/handle")} if STORE != "etcdv2" else set()
        # A profile of a network stays as long as Calico 2.6 left it: for ever. One that stands in for an unknown name does not.
        profiles = {word for word in self.host.calicoctl("get", "profiles").split() if re.fullmatch("[0-9a-f]{64}", word)}
        return {
            "endpoints": endpoints ^ set(running),
            "addresses": self.addresses() ^ {address for _, address in running.values()},
            "interfaces": ours ^ {"cali" + endpoint[:11] for endpoint in running},
            "handles": {h for h in handles if h.startswith("libnetwork")} - {"libnetwork." + endpoint for endpoint in running},
            "profiles": profiles,
        }

    def wait_clean(self, timeout: float) -> None:
        def clean():
            left = {what: found for what, found in self.leftovers().items() if found}
            assert not left, left
            return True
        wait_until(clean, "nothing is left over and nothing is missing", timeout, 0.5)

    def ping(self, name: str, address: str | None = None) -> None:
        sent, received = self.host.ping(name, address or self.host.ip, 5)
        assert sent == received == 5, f"{name}: {received} of {sent} answered"

    def plugin_calls(self) -> int:
        return len(re.findall(r"libnetwork: /\w+\.\w+ \{", self.host.log("calico-node")))


@pytest.fixture(scope="module")
def life():
    lab = Lab(Path(os.environ.get("LIFECYCLE_STATE", "/var/lib/calico-test-lifecycle"))).create(1)
    try:
        one = Life(lab)
        one.start()
        one.run_container("stays", "--restart=always")
        one.run_container("fixed", "--restart=always", "--ip=10.254.0.77", network="fixed")
        yield one
    finally:
        lab.destroy()


class Held:
    """The protocol, stopped at every step at once: each by a container of its own."""

    number = 0

    def __init__(self, life: Life, side: str):
        self.life, self.host = life, life.host
        # A dockerd that is killed between two steps keeps the endpoint's name in its cluster store, and would refuse it.
        Held.number += 1
        self.prefix = f"h{Held.number}-"
        for name in REMOVING:
            life.run_container(self.prefix + name.lower(), network="step" + name.lower())
        # An agent that has just started has no connection of dockerd's that would lead past the relay.
        self.host.stop_process("calico-node", "KILL")
        life.start_agent()
        directory = self.host.state_dir
        (directory / "held").unlink(missing_ok=True)
        self.relay = self.host.start_process("relay", sys.executable, str(HERE / "plugin_relay.py"), str(directory), side,
                                             *STARTING, *REMOVING)
        wait_until((directory / "held").exists, "the relay listens")
        self.commands = []
        for name in STARTING:
            self.begin(name, "docker", "run", "-d", f"--name={self.prefix}{name.lower()}", f"--net=step{name.lower()}", "busybox", "sleep", "100000")
        for name in REMOVING:
            self.begin(name, "docker", "rm", "-f", self.prefix + name.lower())

    def begin(self, method: str, *command: str) -> None:
        self.commands.append(subprocess.Popen(self.host.enter(*command), env=self.host.env(), stdout=subprocess.DEVNULL,
                                              stderr=subprocess.DEVNULL))
        wait_until(lambda: method in (self.host.state_dir / "held").read_text().split(), f"{method} is held", 20)

    def end(self) -> None:
        self.host.stop_process("relay")

    def wait_commands(self) -> None:
        for command in self.commands:
            command.wait(timeout=90)

    def remove_containers(self) -> None:
        self.host.run("docker", "rm", "-f", *[self.prefix + name.lower() for name in [*STARTING, *REMOVING]], check=False, timeout=60)


@pytest.mark.parametrize("side", SIDES)
def test_agent_killed_in_the_middle_of_every_step(life, side):
    held = Held(life, side)
    life.host.stop_process("calico-node", "KILL")
    held.end()
    life.start_agent()
    held.wait_commands()
    held.remove_containers()
    life.ping("stays")
    life.ping("fixed")


@pytest.mark.parametrize("side", SIDES)
def test_dockerd_killed_in_the_middle_of_every_step(life, side):
    held = Held(life, side)
    life.host.stop_process("dockerd", "KILL")
    held.end()
    life.end_containers()
    life.host.start_dockerd()
    life.host.wait_dockerd(timeout=60)
    held.wait_commands()
    held.remove_containers()
    for name in ("stays", "fixed"):
        wait_until(lambda n=name: life.ping(n) is None, f"{name} is back", 20)
    assert life.host.container_ip("fixed") == "10.254.0.77"


def test_fixed_address_survives_a_restart_of_its_container_and_of_dockerd(life):
    life.host.docker("restart", "-t", "0", "fixed")
    assert life.host.container_ip("fixed") == "10.254.0.77"
    life.restart_dockerd()
    wait_until(lambda: life.ping("fixed") is None, "fixed is back", 20)
    assert life.host.container_ip("fixed") == "10.254.0.77"


def test_live_restore_means_no_call_and_no_lost_packet(life):
    life.restart_dockerd("TERM", "--live-restore")
    wait_until(lambda: life.ping("stays") is None, "stays is back", 20)
    before, calls, running = life.leftovers()["interfaces"], life.plugin_calls(), life.containers()
    pid = life.host.container_pid("stays")
    life.host.start_process("pings", "nsenter", "-t", str(pid), "-n", "--", "ping", "-q", "-i", "0.05", life.host.ip)
    for sig in ("TERM", "KILL"):
        life.restart_dockerd(sig, "--live-restore")
        assert life.host.container_pid("stays") == pid
    life.host.stop_process("pings", "INT")
    words = life.host.log("pings").split()
    at = words.index("transmitted,")
    sent, received = int(words[at - 2]), int(words[at + 1])
    assert sent == received > 20, f"{received} of {sent} answered"
    assert life.plugin_calls() == calls
    assert life.containers() == running and life.leftovers()["interfaces"] == before
    life.restart_dockerd()


def call(life: Life, method: str, body: dict, stored: bool = True) -> dict:
    socket_name = "calico-ipam" if method.startswith("Ipam") else "calico"
    status, seconds, text = plugin_call(life.host, socket_name, "/" + method, body)
    assert seconds < 3, f"{method} took {seconds} s"
    if stored:
        assert status == 200, text
        return json.loads(text)
    assert status == 500 and "172.30.200.30:2379" in json.loads(text)["Err"], f"{method}: {status} {text}"
    return {}


def test_every_call_is_answered_while_the_store_hangs_and_no_deletion_is_lost(life):
    network, endpoint, other = "a" * 64, "e" * 64, "f" * 64
    address = call(life, "IpamDriver.RequestAddress", {"PoolID": POOL, "Address": ""})["Address"]
    kept = call(life, "IpamDriver.RequestAddress", {"PoolID": POOL, "Address": "10.254.0.99"})["Address"]
    call(life, "NetworkDriver.CreateNetwork", {"NetworkID": network, "IPv4Data": [
        {"AddressSpace": "CalicoGlobalAddressSpace", "Gateway": "0.0.0.0/0", "Pool": POOL, "AuxAddresses": {"a": kept}}]})
    interface = {"Interface": {"Address": address, "AddressIPv6": "", "MacAddress": ""}}
    ids = {"NetworkID": network, "EndpointID": endpoint}
    call(life, "NetworkDriver.CreateEndpoint", {**ids, **interface})
    call(life, "NetworkDriver.Join", {**ids, "SandboxKey": "/var/run/docker/netns/0123456789ab"})
    pid = life.lab.store.pid_of("etcd")
    life.lab.store.run("kill", "-STOP", str(pid))
    try:
        call(life, "NetworkDriver.Leave", ids)
        with ThreadPoolExecutor(8) as pool:
            answers = [pool.submit(call, life, method, body, False) for method, body in (
                ("IpamDriver.RequestPool", {"Pool": POOL}),
                ("IpamDriver.RequestAddress", {"PoolID": "CalicoPoolIPv4", "Address": ""}),
                ("NetworkDriver.CreateEndpoint", {"NetworkID": network, "EndpointID": other, **interface}),
                ("NetworkDriver.Join", {**ids, "SandboxKey": "/var/run/docker/netns/0123456789ab"}),
                ("NetworkDriver.DeleteEndpoint", ids),
                ("IpamDriver.ReleaseAddress", {"PoolID": POOL, "Address": address.split("/")[0]}),
                ("IpamDriver.ReleaseAddress", {"PoolID": POOL, "Address": "10.254.0.99"}))]
            for answer in answers:
                answer.result()
    finally:
        life.lab.store.run("kill", "-CONT", str(pid))
        # nsenter has stopped with its child, and would not see it end.
        stat = Path(f"/proc/{pid_outside(life.lab.store, pid)}/stat").read_text()
        os.kill(int(stat.rsplit(")", 1)[1].split()[1]), signal.SIGCONT)
    life.host.wait_calico_node()
    # Some of the refused requests may have been carried out in the end: theirs goes, too, after a while.
    wait_until(lambda: not {address.split("/")[0], "10.254.0.99"} & life.addresses(), "both addresses are free", 30)
    wait_until(lambda: endpoint not in life.leftovers()["endpoints"], "the endpoint is gone", 30)


def test_many_containers_start_and_go_at_once(life):
    names = [f"many{number}" for number in range(CONTAINERS)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(life.run_container, names))
        assert len(life.containers()) == CONTAINERS + 2
    with ThreadPoolExecutor(CONTAINERS) as pool:
        list(pool.map(lambda name: life.host.docker("rm", "-f", name, timeout=120), names))
    assert not [name for name, _ in life.containers().values() if "many" in name]


def test_a_host_that_loses_power_comes_back_clean(life):
    for number in range(2):
        life.run_container(f"gone{number}")
    life.host.docker("run", "-d", "--name=once", "--net=fixed", "--ip=10.254.0.78", "busybox", "sleep", "100000")
    life.lab.reboot(life.host)
    life.start_agent()
    life.host.start_dockerd()
    life.host.wait_dockerd(timeout=60)
    for name in ("stays", "fixed"):
        wait_until(lambda n=name: life.ping(n) is None, f"{name} is back", 20)
    assert life.host.container_ip("fixed") == "10.254.0.77"
    life.host.docker("start", "once")
    assert life.host.container_ip("once") == "10.254.0.78"
    life.host.docker("rm", "-f", "once", "gone0", "gone1")


def test_nothing_is_left_over_in_the_end(life):
    life.wait_clean(LONGEST)
    life.ping("stays")
