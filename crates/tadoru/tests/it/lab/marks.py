"""Sends datagrams until each record has one of them, and for a while after that.

Usage: marks.py SERVER PORT ADDRESS SECONDS RECORD... So a record begins before what is asked of it, and ends after it.
Exits with 1 when nothing is written down within two minutes.
"""

import socket
import sys
import time

server, client, seconds, records = (sys.argv[1], int(sys.argv[2])), sys.argv[3], float(sys.argv[4]), sys.argv[5:]


def written(record):
    with open(record, encoding="ascii") as lines:
        return sum(f"={client} " in line or f"={client}," in line for line in lines)


before, began, until = [written(record) for record in records], time.monotonic(), None
while until is None or time.monotonic() < until:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((client, 0))
        line.sendto(client.encode(), server)
    time.sleep(0.05)
    if until is None and all(written(record) > n for record, n in zip(records, before)):
        until = time.monotonic() + seconds
    if until is None and time.monotonic() > began + 120:
        sys.exit(1)
