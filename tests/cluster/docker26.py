# SPDX-License-Identifier: Apache-2.0
"""Debian 13's Docker, which knows no cluster store, beside the machine's own: unpacked into build/docker26, not installed.

Its packages come from the archive that the machine's own apt is set up for, checked against Debian's keys, through an apt whose
lists, cache and sources are in the folder. dockerd, containerd, its shim and the command need no newer libraries than Debian 12
has. runc does: the machine's own is used.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent.parent / "build" / "docker26"
PACKAGES = ["docker.io", "docker-cli", "containerd"]
SOURCES = """Types: deb
URIs: {archive}
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""


def output_of(*argv: str, cwd: Path | None = None) -> str:
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: exit {done.returncode}: {done.stderr.strip()[-600:]}")
    return done.stdout


def archive() -> str:
    """Where this machine gets Debian from."""
    for line in output_of("apt-get", "indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)", "Created-By: Packages").splitlines():
        words = line.split()
        if words[:2] == ["Debian", "Debian"]:
            return words[2]
    raise RuntimeError("apt has no list of Debian's archive: run apt-get update")


def private_apt(folder: Path) -> list[str]:
    """Options for an apt that reads and writes below `folder` alone."""
    for directory in ("sources", "lists/partial", "cache/archives/partial"):
        (folder / directory).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "sources" / "trixie.sources").write_text(SOURCES.format(archive=archive()))
    settings = {
        "Dir::Etc::SourceList": "/dev/null", "Dir::Etc::SourceParts": folder / "sources", "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null", "Dir::State": folder, "Dir::State::status": folder / "status",
        "Dir::State::Lists": folder / "lists", "Dir::Cache": folder / "cache", "Acquire::Languages": "none",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false", "APT::Sandbox::User": "root",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def programs() -> Path:
    """A directory for PATH with dockerd, docker, containerd and what they start. Downloads on the first call: 65 MB."""
    done = FOLDER / "bin"
    if done.exists():
        return done
    partial = FOLDER.with_name("docker26.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    apt = ["apt-get", "-q", *private_apt(partial)]
    output_of(*apt, "update")
    output_of(*apt, "download", *PACKAGES, cwd=partial)
    for package in partial.glob("*.deb"):
        output_of("dpkg", "-x", str(package), str(partial / "tree"))
        package.unlink()
    (partial / "bin").mkdir()
    for name in ("dockerd", "docker-proxy"):
        shutil.move(partial / "tree" / "usr" / "sbin" / name, partial / "bin" / name)
    for name in ("docker", "containerd", "containerd-shim-runc-v2"):
        shutil.move(partial / "tree" / "usr" / "bin" / name, partial / "bin" / name)
    (partial / "status").unlink()
    for directory in ("tree", "lists", "cache", "sources"):
        shutil.rmtree(partial / directory)
    shutil.rmtree(FOLDER, ignore_errors=True)
    partial.rename(FOLDER)
    return done


if __name__ == "__main__":
    print(programs())
