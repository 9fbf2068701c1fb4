# SPDX-License-Identifier: Apache-2.0
"""What becomes of packets of each size that nobody may fragment.

    mtu_probe.py echo ADDRESS PORT                  answers each packet
    mtu_probe.py send ADDRESS PORT SMALLEST LARGEST prints "answered A told T lost L", sizes counted with IP header

"told": this host or one on the way said that the packet is too large. "lost": nobody said anything.
"""

import errno
import select
import socket
import sys

# Of the kernel's headers; Python does not name them.
IP_MTU_DISCOVER, IP_RECVERR, IPV6_MTU_DISCOVER, IPV6_RECVERR, PROBE = 10, 11, 23, 25, 3
UDP_HEADER = 8


def open_socket(address: str) -> tuple[socket.socket, int]:
    """A socket that always forbids fragments, and the size of its headers."""
    if ":" in address:
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PROBE)
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        return sock, 40 + UDP_HEADER
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PROBE)
    sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    return sock, 20 + UDP_HEADER


def outcome(sock: socket.socket, size: int, headers: int) -> str:
    try:
        sock.send(b"x" * (size - headers))
    except OSError as error:
        return "told" if error.errno == errno.EMSGSIZE else "lost"
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLERR)
    for _, event in poll.poll(1000):
        if event & select.POLLERR:
            try:
                sock.recvmsg(1, 512, socket.MSG_ERRQUEUE)
                return "told"
            except OSError as error:
                return "told" if error.errno == errno.EMSGSIZE else "lost"
        try:
            if len(sock.recv(65536)) == size - headers:
                return "answered"
        except OSError as error:
            if error.errno == errno.EMSGSIZE:
                return "told"
    return "lost"


def main() -> None:
    address, port = sys.argv[2], int(sys.argv[3])
    sock, headers = open_socket(address)
    if sys.argv[1] == "echo":
        sock.bind((address, port))
        print("ready", flush=True)
        while True:
            try:
                data, peer = sock.recvfrom(65536)
                sock.sendto(data, peer)
            except OSError:
                continue  # the answer is too large, and that has been told
    sock.connect((address, port))
    sizes = range(int(sys.argv[4]), int(sys.argv[5]) + 1)
    found = {size: outcome(sock, size, headers) for size in sizes}
    counts = {word: sum(one == word for one in found.values()) for word in ("answered", "told", "lost")}
    largest = max((size for size, word in found.items() if word == "answered"), default=0)
    print(" ".join(f"{word} {count}" for word, count in counts.items()), "largest", largest)


main()
