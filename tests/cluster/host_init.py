#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PID 1 of one lab host: prepares the host's private mounts, says "ready", then reaps orphans.

Started by lab.py inside fresh mount, UTS, PID and network namespaces. When it dies the kernel ends every
process of the host, containers included; its mounts and interfaces go with the namespaces.
"""

import ctypes
import os
import signal
import subprocess
import sys
import uuid

# Directories that hosts of one machine would otherwise share.
PRIVATE = ["/run", "/etc/calico", "/var/lib/calico", "/var/log/calico"]


def main() -> None:
    name, state_dir = sys.argv[1], sys.argv[2]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.sethostname(name.encode(), len(name)) != 0:
        raise OSError(ctypes.get_errno(), "sethostname")
    # resolv.conf may be a link into /run, which is about to disappear: nobody here asks a name server.
    for path in PRIVATE:
        os.makedirs(path, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", path], check=True)
    # A host has a life of its own: what tells one boot from another must change with it.
    with open("/run/boot_id", "w", encoding="ascii") as boot_id:
        boot_id.write(f"{uuid.uuid4()}\n")
    subprocess.run(["mount", "--bind", "/run/boot_id", "/proc/sys/kernel/random/boot_id"], check=True)
    # Docker's data must survive a restart of dockerd and needs a disk file system for overlayfs.
    os.makedirs(f"{state_dir}/docker", exist_ok=True)
    os.makedirs("/var/lib/docker", exist_ok=True)
    subprocess.run(["mount", "--bind", f"{state_dir}/docker", "/var/lib/docker"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    print("ready", flush=True)
    os.dup2(os.open("/dev/null", os.O_RDWR), 0)
    os.dup2(0, 1)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # makes sigwait return
    while True:
        signal.sigtimedwait([signal.SIGCHLD], 1)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass


main()
