#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands between dockerd and the plugin's sockets, so that a test can stop the protocol at an exact step.

    plugin_relay.py DIRECTORY request|answer METHOD…

Moves calico.sock and calico-ipam.sock aside and listens in their place. The first call of each METHOD is held for
ever: its request before the plugin has seen it, or its answer before dockerd has. DIRECTORY/held has a line for each.
All other calls pass. Ended by SIGTERM it puts the sockets back, unless somebody has bound them anew.
"""

import os
import signal
import socket
import sys
import threading

PLUGINS = "/run/docker/plugins"
NAMES = ("calico", "calico-ipam")


def read_message(connection: socket.socket) -> bytes:
    """One HTTP message: its head and as many bytes as that announces."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return data
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        part = connection.recv(65536)
        if not part:
            break
        body += part
    return head + b"\r\n\r\n" + body


class Relay:
    def __init__(self, directory: str, side: str, methods: list[str]):
        self.held_file, self.side, self.methods = os.path.join(directory, "held"), side, set(methods)
        self.lock = threading.Lock()

    def hold(self, method: str) -> None:
        with self.lock:
            if method not in self.methods:
                return
            self.methods.discard(method)
            with open(self.held_file, "a", encoding="ascii") as out:
                out.write(method + "\n")
        threading.Event().wait()

    def serve(self, connection: socket.socket, real: str) -> None:
        with connection:
            request = read_message(connection)
            if not request:
                return
            method = request.split(b" ", 2)[1].decode().rsplit(".", 1)[1]
            if self.side == "request":
                self.hold(method)
            with socket.socket(socket.AF_UNIX) as plugin:
                plugin.connect(real)
                plugin.sendall(request)
                answer = read_message(plugin)
            if self.side == "answer":
                self.hold(method)
            # One call a connection: dockerd must not keep one that leads past a later relay.
            connection.sendall(answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))

    def listen(self, name: str) -> None:
        path, real = f"{PLUGINS}/{name}.sock", f"{PLUGINS}/../{name}-real.sock"
        os.rename(path, real)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(64)

        def accept() -> None:
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=self.serve, args=(connection, real), daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()


def main() -> None:
    relay = Relay(sys.argv[1], sys.argv[2], sys.argv[3:])
    for name in NAMES:
        relay.listen(name)
    mine = {name: os.stat(f"{PLUGINS}/{name}.sock").st_ino for name in NAMES}
    with open(relay.held_file, "w", encoding="ascii"):
        pass
    signal.sigwait({signal.SIGTERM})
    for name in NAMES:
        path = f"{PLUGINS}/{name}.sock"
        if os.path.exists(path) and os.stat(path).st_ino == mine[name]:
            os.rename(f"{PLUGINS}/../{name}-real.sock", path)
    os._exit(0)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main()
