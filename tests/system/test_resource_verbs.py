# SPDX-License-Identifier: Apache-2.0
"""The resource verbs of the built calicoctl on real stores: etcd by its v3 API, SQLite, and etcd as Calico 2.6 used it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CALICOCTL = ROOT / "build" / "bin" / "calicoctl"

POLICY = """\
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata:
  name: allow-dns
spec:
  order: 100
  selector: role == 'dns'
  ingress:
  - action: Allow
    protocol: UDP
    destination:
      ports: [53]
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Store:
    """calicoctl on one store."""

    def __init__(self, environment: dict[str, str], directory: Path):
        self.environment = {"PATH": "/usr/bin:/bin", **environment}
        self.directory = directory

    def run(self, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(CALICOCTL), *words], input=text, env=self.environment, cwd=self.directory,
                              capture_output=True, text=True, timeout=60, check=False)

    def ok(self, *words: str, text: str = "") -> str:
        done = self.run(*words, text=text)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        assert done.stderr == ""
        return done.stdout


@contextmanager
def etcd(directory: Path):
    """The URL of a real etcd that serves both of its APIs."""
    client, peer = free_port(), free_port()
    url = f"http://127.0.0.1:{client}"
    server = subprocess.Popen(
        ["etcd", "--enable-v2", "--data-dir", str(directory / "etcd"), "--listen-client-urls", url, "--advertise-client-urls", url,
         "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
         "--initial-cluster", f"default=http://127.0.0.1:{peer}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(url + "/health", timeout=1).read()
                break
            except OSError:
                assert time.monotonic() < deadline, "etcd does not answer"
                select_nothing(0.05)
        yield url
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def directory():
    path = Path(tempfile.mkdtemp(prefix="calicoctl-verbs-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(params=["etcdv3", "sqlite"])
def store(request, directory):
    if request.param == "sqlite":
        # Only calico-node makes the file; an empty database will do.
        path = directory / "calico.db"
        path.touch()
        yield Store({"DATASTORE_TYPE": "sqlite", "CALICO_SQLITE_PATH": str(path)}, directory)
        return
    with etcd(directory) as url:
        yield Store({"DATASTORE_TYPE": "etcdv3", "ETCD_ENDPOINTS": url}, directory)


@pytest.fixture
def store26(directory):
    """A store of Calico 2.6, and the URL of its etcd."""
    with etcd(directory) as url:
        yield Store({"DATASTORE_TYPE": "etcdv2", "ETCD_ENDPOINTS": url}, directory), url


def select_nothing(seconds: float) -> None:
    """Between two questions to a server that is starting."""
    import select

    select.select([], [], [], seconds)


def test_a_resource_lives_from_create_to_delete(store):
    assert store.ok("create", "-f", "-", text=POLICY) == "Successfully created 1 'GlobalNetworkPolicy' resource(s)\n"
    again = store.run("create", "-f", "-", text=POLICY)
    assert again.returncode == 1 and again.stdout == ""
    assert again.stderr == ("failed to create 'GlobalNetworkPolicy' resource: "
                            "[resource already exists: GlobalNetworkPolicy(allow-dns) with error: <nil>]\n")
    assert store.ok("get", "gnp", "-o", "wide") == ("NAME        TIER      ORDER   SELECTOR        \n"
                                                    "allow-dns   default   100     role == 'dns'   \n\n")
    assert store.ok("apply", "-f", "-", text=POLICY.replace("100", "200")).startswith("Successfully applied 1")
    assert store.ok("patch", "gnp", "allow-dns", "-p", '{"spec": {"order": 300}}')
    assert store.ok("label", "gnp", "allow-dns", "team=net") == "Successfully set label team on gnp allow-dns\n"
    shown = json.loads(store.ok("get", "gnp", "allow-dns", "-o", "json"))
    assert shown["spec"]["order"] == 300 and shown["metadata"]["labels"]["team"] == "net"
    # What get printed can be applied: its resourceVersion still is the stored one.
    assert store.ok("apply", "-f", "-", text=store.ok("get", "gnp", "-o", "yaml"))
    assert store.ok("delete", "gnp", "allow-dns") == "Successfully deleted 1 'GlobalNetworkPolicy' resource(s)\n"
    assert store.run("get", "gnp", "allow-dns").returncode == 1


def test_one_bad_document_stores_nothing(store):
    bad = POLICY + "---\n" + POLICY.replace("allow-dns", "other").replace("selector:", "selektor:")
    done = store.run("apply", "-f", "-", text=bad)
    assert done.returncode == 1 and "selektor" in done.stderr and "line" in done.stderr
    assert store.run("get", "gnp").stdout == "NAME   TIER   \n\n"


def test_many_are_written_and_shown(store):
    text = "---\n".join(POLICY.replace("allow-dns", f"p{i:04}") for i in range(1500))
    assert store.ok("apply", "-f", "-", text=text) == "Successfully applied 1500 'GlobalNetworkPolicy' resource(s)\n"
    names = store.ok("get", "gnp", "-o", "name").splitlines()
    assert names == [f"globalnetworkpolicy/p{i:04}" for i in range(1500)]
    listed = json.loads(store.ok("get", "gnp", "-o", "json"))
    assert listed["kind"] == "GlobalNetworkPolicyList" and len(listed["items"]) == 1500
    template = "{{range .}}{{len .Items}} {{(index .Items 7).ObjectMeta.Name}}{{end}}"
    assert store.ok("get", "gnp", "-o", f"go-template={template}") == "1500 p0007"
    assert store.ok("delete", "-f", "-", text=text) == "Successfully deleted 1500 'GlobalNetworkPolicy' resource(s)\n"


def test_settings_are_fields(store):
    assert store.ok("config", "get", "asNumber") == "64512\n"
    assert store.ok("config", "set", "asNumber", "65001") == ""
    assert store.ok("config", "set", "nodeToNodeMesh", "off") == ""
    assert store.ok("config", "get", "nodeToNodeMesh") == "off\n"
    assert store.ok("get", "bgpconfig", "-o", "custom-columns=ASNUMBER,MESHENABLED").split() == [
        "ASNUMBER", "MESHENABLED", "65001", "false"]


V1_PROFILE = """\
apiVersion: v1
kind: profile
metadata:
  name: Web_1
  tags: [web]
spec:
  ingress:
  - action: allow
    source: {tag: web}
"""
V1_POOL = "{apiVersion: v1, kind: ipPool, metadata: {cidr: 10.77.0.0/16}, spec: {nat-outgoing: true}}"


def raw26(url: str, key: str):
    """What stands in etcd v2, read with nothing of ours."""
    return json.loads(json.load(urllib.request.urlopen(f"{url}/v2/keys{key}", timeout=5))["node"]["value"])


def test_a_store_of_calico_26_speaks_v1(store26):
    store, url = store26
    assert store.ok("create", "-f", "-", text=V1_PROFILE) == "Successfully created 1 'profile' resource(s)\n"
    assert raw26(url, "/calico/v1/policy/profile/Web_1/tags") == ["web"]
    assert store.ok("get", "profile", "-o", "wide") == "NAME    TAGS   \nWeb_1   web    \n\n"
    again = store.run("create", "-f", "-", text=V1_PROFILE)
    assert again.returncode == 1 and "resource already exists: ProfileTags(name=Web_1)" in again.stderr
    assert store.ok("create", "--skip-exists", "-f", "-", text=V1_PROFILE)
    # What it prints it takes back.
    assert store.ok("replace", "-f", "-", text=store.ok("get", "profile", "Web_1", "-o", "yaml"))
    assert store.ok("apply", "-f", "-", text=V1_POOL) == "Successfully applied 1 'ipPool' resource(s)\n"
    assert raw26(url, "/calico/v1/ipam/v4/pool/10.77.0.0-16")["masquerade"] is True
    # A document of v3 that says nothing 2.6 lacks; the success line is the file's.
    assert store.ok("apply", "-f", "-", text=POLICY) == "Successfully applied 1 'GlobalNetworkPolicy' resource(s)\n"
    assert store.ok("get", "policy", "-o", "wide") == ("NAME        ORDER   SELECTOR        \n"
                                                       "allow-dns   100     role == 'dns'   \n\n")
    tier = store.run("create", "-f", "-", text="{apiVersion: projectcalico.org/v3, kind: Tier, metadata: {name: t}}")
    assert tier.returncode == 1
    assert "etcdv2 stores Calico 2.6 resources only: Tier needs etcdv3; see calicoctl datastore migrate" in tier.stderr
    assert store.ok("config", "set", "asNumber", "65001") == ""
    assert store.ok("config", "get", "asNumber") == "65001\n"
    assert store.ok("delete", "ipPool", "10.77.0.0/16") == "Successfully deleted 1 'ipPool' resource(s)\n"
    missing = store.run("delete", "profile", "nope")
    assert missing.returncode == 1 and "resource does not exist: Profile(name=nope)" in missing.stderr
    assert store.ok("get", "ipPool") == "CIDR   \n\n"


def test_many_are_written_to_a_store_of_calico_26(store26):
    store, _ = store26
    text = "---\n".join(V1_PROFILE.replace("Web_1", f"p{i:03}") for i in range(200))
    assert store.ok("apply", "-f", "-", text=text) == "Successfully applied 200 'profile' resource(s)\n"
    assert len(json.loads(store.ok("get", "profile", "-o", "json"))) == 200
    assert store.ok("delete", "-f", "-", text=text) == "Successfully deleted 200 'profile' resource(s)\n"
