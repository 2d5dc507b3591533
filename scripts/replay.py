"""Sends the UDP payloads of a pcap that `generate` made to a collector, not faster than it reads.

Usage: replay.py FILE ADDRESS PORT [DATAGRAMS_A_SECOND]
"""

import mmap
import socket
import struct
import sys
import time

HEADERS = 14 + 20 + 8  # Ethernet, IPv4 without options, UDP: what the generator writes.


def main() -> None:
    path, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    rate = int(sys.argv[4]) if len(sys.argv) > 4 else 40_000
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.connect((address, port))
    sent, begun = 0, time.monotonic()
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = 24
        while at < len(data):
            (length,) = struct.unpack_from("<I", data, at + 8)
            sender.send(data[at + 16 + HEADERS : at + 16 + length])
            at += 16 + length
            sent += 1
            if sent % 200 == 0:
                ahead = sent / rate - (time.monotonic() - begun)
                if ahead > 0:
                    time.sleep(ahead)
    print(f"sent {sent} datagrams in {time.monotonic() - begun:.1f} s")


main()
