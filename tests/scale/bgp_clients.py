# SPDX-License-Identifier: Apache-2.0
"""Many BGP speakers in one process, each from an address of its own: bgp_clients.py AS FIRST_ADDRESS COUNT BLOCKS SEED.

Each announces one prefix and learns those of all others; then clients chosen at random announce one more, BLOCKS times; at last
one of them is gone. Prints a JSON object of seconds.
"""

from __future__ import annotations

import ipaddress
import json
import random
import selectors
import socket
import struct
import sys
import time

OPEN, UPDATE, KEEPALIVE = 1, 2, 4
MARKER = b"\xff" * 16
PATIENCE = 120


def message(kind: int, body: bytes = b"") -> bytes:
    return MARKER + struct.pack("!HB", 19 + len(body), kind) + body


def prefix(number: int) -> bytes:
    """10.64.0.0/26 and on."""
    return bytes([26, 10, 64 + (number >> 10), (number >> 2) & 255, (number & 3) << 6])


class Client:
    """The reflector calls. (If all called at once, most would have to call again and again: BIRD keeps 8 waiting.)"""

    def __init__(self, asn: int, address: str):
        self.asn, self.address = asn, socket.inet_aton(address)
        self.socket = socket.create_server((address, 179))  # until somebody has called
        self.buffer, self.opened, self.established, self.keepalive_at = b"", False, False, 0.0
        self.known: set[bytes] = set()

    def accept(self) -> None:
        called = self.socket.accept()[0]
        self.socket.close()
        self.socket, self.opened = called, True
        self.socket.setblocking(False)
        capabilities = b"\x01\x04\x00\x01\x00\x01" + b"\x41\x04" + struct.pack("!I", self.asn)  # IPv4 unicast, AS numbers of four bytes
        parameters = bytes([2, len(capabilities)]) + capabilities
        self.send(message(OPEN, struct.pack("!BHH", 4, self.asn, 90) + self.address + bytes([len(parameters)]) + parameters))

    def send(self, data: bytes) -> None:
        """Little is sent: it always fits."""
        assert self.socket.send(data) == len(data)

    def announce(self, number: int) -> None:
        # ORIGIN IGP, no AS_PATH, NEXT_HOP, LOCAL_PREF 100
        attributes = b"\x40\x01\x01\x00" + b"\x40\x02\x00" + b"\x40\x03\x04" + self.address + b"\x40\x05\x04" + struct.pack("!I", 100)
        self.send(message(UPDATE, struct.pack("!HH", 0, len(attributes)) + attributes + prefix(number)))
        self.known.add(prefix(number))

    def receive(self) -> None:
        try:
            data = self.socket.recv(1 << 20)
        except BlockingIOError:
            return
        assert data, "the reflector has closed a session"
        data, at = self.buffer + data, 0
        while len(data) - at >= 19:
            length, kind = struct.unpack_from("!HB", data, at + 16)
            if len(data) - at < length:
                break
            self.take(kind, data[at + 19:at + length])
            at += length
        self.buffer = data[at:]

    def take(self, kind: int, body: bytes) -> None:
        if kind == OPEN:
            self.send(message(KEEPALIVE))
        elif kind == KEEPALIVE:
            self.established = True
        elif kind == UPDATE:
            withdrawn = struct.unpack_from("!H", body)[0]
            attributes = struct.unpack_from("!H", body, 2 + withdrawn)[0]
            self.known.difference_update(prefixes(body[2:2 + withdrawn]))
            self.known.update(prefixes(body[4 + withdrawn + attributes:]))
        else:
            raise AssertionError(f"the reflector says {kind}: {body.hex()}")


def prefixes(data: bytes):
    at = 0
    while at < len(data):
        size = 1 + (data[at] + 7) // 8
        yield data[at:at + size]
        at += size


def main() -> None:
    asn, first, count, blocks, seed = int(sys.argv[1]), ipaddress.ip_address(sys.argv[2]), *map(int, sys.argv[3:6])
    chance = random.Random(seed)
    selector = selectors.DefaultSelector()
    clients = [Client(asn, str(first + number)) for number in range(count)]
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
    print("listening", flush=True)
    began = time.monotonic()

    def until(condition, what: str) -> float:
        """Since `began`."""
        while not condition():
            now = time.monotonic()
            assert now - began < PATIENCE, f"not within {PATIENCE} s: {what}"
            for key, _ in selector.select(1):
                client = key.data
                if client.opened:
                    client.receive()
                else:
                    selector.unregister(client.socket)
                    client.accept()
                    selector.register(client.socket, selectors.EVENT_READ, client)
            for client in clients:
                if client.established and now > client.keepalive_at:
                    client.keepalive_at = now + 30
                    client.send(message(KEEPALIVE))
        return time.monotonic() - began

    result: dict = {"established": until(lambda: all(client.established for client in clients), "all sessions are up")}
    began = time.monotonic()
    for number, client in enumerate(clients):
        client.announce(number)
    result["all know all"] = until(lambda: all(len(client.known) == count for client in clients), "all know all prefixes")
    result["one more"] = []
    for number in range(count, count + blocks):
        began = time.monotonic()
        chance.choice(clients).announce(number)
        result["one more"].append(until(lambda: all(prefix(number) in client.known for client in clients), "all know one more"))
    began = time.monotonic()
    gone = clients.pop(chance.randrange(len(clients)))
    selector.unregister(gone.socket)
    gone.socket.close()
    lost = [number for number in range(count) if str(first + number) == socket.inet_ntoa(gone.address)][0]
    result["one less"] = until(lambda: all(prefix(lost) not in client.known for client in clients), "all have lost what one had")
    print(json.dumps(result), flush=True)
    sys.stdin.read()  # the sessions stay until nobody looks any more


main()
