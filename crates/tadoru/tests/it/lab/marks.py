"""Sends datagrams until the recorder has written one of them down, and for a while after that.

Usage: marks.py SERVER PORT ADDRESS RECORD SECONDS. So a record begins before what is asked of it, and ends after it.
Exits with 1 when nothing is written down within a quarter of a minute.
"""

import socket
import sys
import time

server, client, record, seconds = (sys.argv[1], int(sys.argv[2])), sys.argv[3], sys.argv[4], float(sys.argv[5])


def written():
    with open(record, encoding="ascii") as lines:
        return sum(f"src={client} " in line for line in lines)


before, began, until = written(), time.monotonic(), None
while until is None or time.monotonic() < until:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((client, 0))
        line.sendto(client.encode(), server)
    time.sleep(0.05)
    if until is None and written() > before:
        until = time.monotonic() + seconds
    if until is None and time.monotonic() > began + 15:
        sys.exit(1)
