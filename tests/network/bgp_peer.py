#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A BGP router that does what it is told, right or wrong: `bgp_peer.py ADDRESS AS WORD…` waits for calls on port 179 of an address.

    announce PREFIX…   tells these prefixes
    flood COUNT        tells so many /32s from 100.64.0.0 on; from when there is a line "N PREFIX" in the file that the variable
                       LATER names only the first N, and the prefix
    marker, length, type, open, attributes, random
                       takes part up to there, and then sends something of that kind which no router may send

Prints "ready", then a line for each thing that happens. Every call is treated alike; KEEPALIVEs are answered.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
import sys
import threading
import time

MARKER = b"\xff" * 16
OPEN, UPDATE, NOTIFICATION, KEEPALIVE = 1, 2, 3, 4


def message(kind: int, body: bytes = b"", marker: bytes = MARKER, length: int | None = None) -> bytes:
    return marker + struct.pack("!HB", len(body) + 19 if length is None else length, kind) + body


def open_message(address: str, number: int) -> bytes:
    capabilities = struct.pack("!BBHBB", 1, 4, 1, 0, 1) + struct.pack("!BBI", 65, 4, number)  # IPv4 unicast, four-byte AS
    parameter = struct.pack("!BB", 2, len(capabilities)) + capabilities
    return message(OPEN, struct.pack("!BHH4sB", 4, min(number, 23456), 90, socket.inet_aton(address), len(parameter)) + parameter)


def prefix(text: str) -> bytes:
    network = ipaddress.ip_network(text)
    return bytes([network.prefixlen]) + network.network_address.packed[:(network.prefixlen + 7) // 8]


def update(address: str, number: int, prefixes: bytes, origin: int = 0) -> bytes:
    attributes = (struct.pack("!BBBB", 0x40, 1, 1, origin) + struct.pack("!BBBBBI", 0x40, 2, 6, 2, 1, number) +
                  struct.pack("!BBB4s", 0x40, 3, 4, socket.inet_aton(address)))
    return message(UPDATE, struct.pack("!HH", 0, len(attributes)) + attributes + prefixes)


def many(first: int, last: int) -> list[bytes]:
    """/32s from 100.64.0.0 on, as parts that fit into a message each."""
    start = int(ipaddress.ip_address("100.64.0.0"))
    return [b"".join(b"\x20" + struct.pack("!I", start + n) for n in range(at, min(at + 700, last))) for at in range(first, last, 700)]


class Peer:
    def __init__(self, address: str, number: int, words: list[str]):
        self.address, self.number, self.words = address, number, words

    def serve(self) -> None:
        listener = socket.create_server((self.address, 179))
        if "PASSWORD_OF" in os.environ:  # "10.0.0.1 s3cret": of calls from there, RFC 2385
            caller, key = os.environ["PASSWORD_OF"].split()
            peer = struct.pack("!HH4s120x", 0, 0, socket.inet_aton(caller))
            peer = struct.pack("=H", socket.AF_INET) + peer[2:]
            listener.setsockopt(socket.IPPROTO_TCP, 14, peer + struct.pack("=BBHi80s", 0, 0, len(key), 0, key.encode()))
        print("ready", flush=True)
        while True:
            call, caller = listener.accept()
            threading.Thread(target=self.treat, args=(call, caller[0]), daemon=True).start()

    def treat(self, call: socket.socket, caller: str) -> None:
        print(f"call {caller}", flush=True)
        try:
            self.wrong_before_open(call)
            call.sendall(open_message(self.address, self.number) + message(KEEPALIVE))
            told = False
            while (kind := self.receive(call)) is not None:
                if kind != KEEPALIVE:
                    continue
                if not told:
                    told = True
                    print(f"established {caller}", flush=True)
                    self.tell(call)
                call.sendall(message(KEEPALIVE))
        except OSError:
            pass
        print(f"end {caller}", flush=True)

    @staticmethod
    def receive(call: socket.socket) -> int | None:
        header = call.recv(19, socket.MSG_WAITALL)
        if len(header) < 19:
            return None
        length, kind = struct.unpack("!HB", header[16:])
        body = call.recv(length - 19, socket.MSG_WAITALL) if length > 19 else b""
        if kind == NOTIFICATION:
            print(f"notification {body[0]} {body[1]}", flush=True)
        return kind

    def wrong_before_open(self, call: socket.socket) -> None:
        if self.words[0] == "open":
            call.sendall(message(OPEN, b"\x09" + os.urandom(9)))  # version 9
        if self.words[0] == "random":
            call.sendall(os.urandom(4000))

    def tell(self, call: socket.socket) -> None:
        kind, *rest = self.words
        if kind == "announce":
            call.sendall(update(self.address, self.number, b"".join(map(prefix, rest))))
        elif kind == "flood":
            count = int(rest[0])
            for part in many(0, count) if not os.path.exists(os.environ["LATER"]) else []:
                call.sendall(update(self.address, self.number, part))
            print(f"told {count}", flush=True)
            threading.Thread(target=self.later, args=(call, count), daemon=True).start()
        elif kind == "marker":
            call.sendall(message(KEEPALIVE, marker=b"\xfe" * 16))
        elif kind == "length":
            call.sendall(message(UPDATE, b"\0" * 4, length=65535))
        elif kind == "type":
            call.sendall(message(77))
        elif kind == "attributes":  # longer than the message that has them
            call.sendall(message(UPDATE, struct.pack("!HH", 0, 400) + os.urandom(40)))
        time.sleep(0.1)

    def later(self, call: socket.socket, count: int) -> None:
        while not os.path.exists(os.environ["LATER"]):
            time.sleep(0.05)
        with open(os.environ["LATER"]) as file:
            left, more = file.read().split()
        for part in many(int(left), count):
            call.sendall(message(UPDATE, struct.pack("!H", len(part)) + part + struct.pack("!H", 0)))
        for part in many(0, int(left)):
            call.sendall(update(self.address, self.number, part))
        call.sendall(update(self.address, self.number, prefix(more)))
        print("told later", flush=True)


if __name__ == "__main__":
    Peer(sys.argv[1], int(sys.argv[2]), sys.argv[3:]).serve()
