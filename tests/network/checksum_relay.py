# SPDX-License-Identifier: Apache-2.0
"""A network card that spoils checksums inside VXLAN: what is left to it to compute there, it does not.

    checksum_relay.py CARD WIRE    passes frames between both interfaces; prints "ready"

Frames from CARD keep what the kernel left inside VXLAN; all other checksums of TCP and UDP are computed, in both directions. The
kernel leaves them to any virtual interface, and a packet socket shows them as they are.
"""

import select
import socket
import struct
import sys

VXLAN_PORT, TCP, UDP = 4789, 6, 17
PACKET_OUTGOING = 4


def sum_of(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def complete(frame: bytearray, inside: bool, at: int = 14) -> None:
    """Computes the checksum of the TCP or UDP packet whose IPv4 header is at `at`; inside VXLAN only if asked to."""
    if frame[at - 2:at] != b"\x08\x00" or len(frame) < at + 20:
        return
    header, length, protocol = (frame[at] & 15) * 4, struct.unpack_from("!H", frame, at + 2)[0], frame[at + 9]
    begin, end = at + header, at + length
    if protocol == UDP and struct.unpack_from("!H", frame, begin + 2)[0] == VXLAN_PORT:
        if inside:
            complete(frame, False, begin + 8 + 8 + 14)
        frame[begin + 6:begin + 8] = b"\0\0"  # none, which the outer packet may have
        return
    if protocol not in (TCP, UDP):
        return
    place = begin + (16 if protocol == TCP else 6)
    frame[place:place + 2] = b"\0\0"
    pseudo = bytes(frame[at + 12:at + 20]) + struct.pack("!HH", protocol, end - begin)
    value = ~sum_of(pseudo + bytes(frame[begin:end])) & 0xFFFF
    struct.pack_into("!H", frame, place, value or 0xFFFF)


def main() -> None:
    sockets = []
    for name in sys.argv[1:3]:
        one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        one.bind((name, 0))
        sockets.append(one)
    card, wire = sockets
    print("ready", flush=True)
    while True:
        for source in select.select(sockets, [], [])[0]:
            data, address = source.recvfrom(65536)
            if address[2] == PACKET_OUTGOING:
                continue
            frame = bytearray(data)
            complete(frame, inside=source is wire)
            try:
                (wire if source is card else card).send(frame)
            except OSError:
                pass  # larger than the link: lost, as on any wire


main()
