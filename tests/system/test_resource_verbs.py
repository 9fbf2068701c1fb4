# SPDX-License-Identifier: Apache-2.0
"""The resource verbs of the built calicoctl on real stores: etcd by its v3 API, and SQLite."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
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


@pytest.fixture(params=["etcdv3", "sqlite"])
def store(request):
    directory = Path(tempfile.mkdtemp(prefix="calicoctl-verbs-"))
    server = None
    try:
        if request.param == "sqlite":
            # Only calico-node makes the file; an empty database will do.
            path = directory / "calico.db"
            path.touch()
            yield Store({"DATASTORE_TYPE": "sqlite", "CALICO_SQLITE_PATH": str(path)}, directory)
            return
        client, peer = free_port(), free_port()
        url = f"http://127.0.0.1:{client}"
        server = subprocess.Popen(
            ["etcd", "--data-dir", str(directory / "etcd"), "--listen-client-urls", url, "--advertise-client-urls", url,
             "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
             "--initial-cluster", f"default=http://127.0.0.1:{peer}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(url + "/health", timeout=1).read()
                break
            except OSError:
                assert time.monotonic() < deadline, "etcd does not answer"
                select_nothing(0.05)
        yield Store({"DATASTORE_TYPE": "etcdv3", "ETCD_ENDPOINTS": url}, directory)
    finally:
        if server is not None:
            server.kill()
            server.wait()
        shutil.rmtree(directory)


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
