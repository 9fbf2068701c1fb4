# SPDX-License-Identifier: Apache-2.0
"""What `make image` writes. That it starts is seen in the rest of this directory."""

import hashlib
import json
import subprocess
import tarfile

import pytest
from guide_hosts import VERSION
from lab import ROOT


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("image") / "image.tar"
    subprocess.run(["/usr/bin/python3", str(ROOT / "tools" / "make_image.py"), "--output", str(path)], check=True)
    return path


def test_it_is_an_archive_for_docker_load(archive):
    with tarfile.open(archive) as tar:
        manifest, = json.load(tar.extractfile("manifest.json"))
        assert manifest["RepoTags"] == [f"calico/node:{VERSION}"]
        text = tar.extractfile(manifest["Config"]).read()
        assert manifest["Config"] == hashlib.sha256(text).hexdigest() + ".json"
        config = json.loads(text)
        layer, = manifest["Layers"]
        assert config["rootfs"]["diff_ids"] == ["sha256:" + hashlib.file_digest(tar.extractfile(layer), "sha256").hexdigest()]
        assert config["config"]["Cmd"] == ["calico-node", "run"]


def test_it_is_small(archive):
    assert archive.stat().st_size < 80e6


def test_the_same_sources_and_packages_give_the_same_bytes(archive):
    assert archive.read_bytes() == (ROOT / "build" / f"calico-node-{VERSION}.tar").read_bytes()
