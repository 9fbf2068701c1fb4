# SPDX-License-Identifier: Apache-2.0
"""`calicoctl node run` with a real dockerd. The image is not calico/node: it says what that says, and stays."""

import os
import shutil
from pathlib import Path

import pytest
from lab import Lab, wait_until

IMAGE = "calico/node:of-the-test"
STARTED = "Calico node started successfully"
STORE = {"DATASTORE_TYPE": "etcdv3", "ETCD_ENDPOINTS": "http://127.0.0.1:2379"}  # nothing connects
MODULES = Path("/lib/modules")
# A machine that is a container itself may lack capabilities that --privileged hands out: this docker notes the
# option and leaves it away.
DOCKER = """#!/bin/sh
for word; do
  shift
  if [ "$word" = --privileged ]; then echo privileged >> {notes}; else set -- "$@" "$word"; fi
done
exec {docker} "$@"
"""


@pytest.fixture(scope="module")
def host():
    had_modules = MODULES.exists()
    lab = Lab(Path("/var/lib/calico-node-run-test")).create(1)
    try:
        host = lab.nodes()[0]
        host.start_dockerd(cluster_store=False)
        host.wait_dockerd()
        archive = lab.busybox_archive()
        for tag, script in [("", f"echo Starting; echo {STARTED}; exec tail -f /dev/null"), ("-broken", "echo no store; exit 1")]:
            host.docker("import", "-c", f'CMD ["sh", "-c", "{script}"]', str(archive), IMAGE + tag)
        programs = host.state_dir / "programs"
        programs.mkdir()
        (programs / "docker").write_text(DOCKER.format(docker=shutil.which("docker"), notes=host.state_dir / "notes"))
        (programs / "docker").chmod(0o755)
        host.environment["PATH"] = f"{programs}:{host.env()['PATH']}"
        yield host
    finally:
        lab.destroy()
        if not had_modules and MODULES.exists():  # docker makes what it mounts
            os.rmdir(MODULES)


def node_run(host, *options):
    return host.run("calicoctl", "node", "run", *options, check=False, env=STORE, timeout=60)


def test_the_container_is_started_and_followed(host):
    done = node_run(host, f"--node-image={IMAGE}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(f"Container started, checking progress logs.\n\nStarting\n{STARTED}\n")
    assert host.run("sysctl", "-n", "net.ipv4.ip_forward").stdout == "1\n"
    shown = host.docker("inspect", "-f", "{{.HostConfig.NetworkMode}} {{.HostConfig.RestartPolicy.Name}} {{.Config.Env}}",
                        "calico-node")
    assert shown.startswith("host always ")
    assert (host.state_dir / "notes").read_text() == "privileged\n"
    assert "NODENAME=calico-node1" in shown and "ETCD_ENDPOINTS=http://127.0.0.1:2379" in shown


def test_a_second_run_replaces_the_container(host):
    before = host.docker("inspect", "-f", "{{.Id}}", "calico-node")
    done = node_run(host, f"--node-image={IMAGE}", "--backend=none")
    assert done.returncode == 0, done.stdout + done.stderr
    assert host.docker("inspect", "-f", "{{.Id}}", "calico-node") != before


def test_a_container_that_ends_is_a_failure(host):
    done = node_run(host, f"--node-image={IMAGE}-broken", "--init-system")
    assert done.returncode == 1
    assert done.stdout.endswith("not available locally.\nno store\n")
    assert done.stderr.endswith("Error executing command: exit status 1\n")
    wait_until(lambda: host.docker("ps", "-aq", "--filter", "name=calico-node") == "", "the container is removed")


def test_what_docker_says_is_shown(host):
    done = node_run(host, "--node-image=Not/An/Image")
    assert done.returncode == 1
    assert "Error executing command: exit status 125\n | " in done.stderr
