"""Answers whoever connects, and writes down what it saw: time, address, port, protocol, and who the client says it is.

Usage: server.py PORT LOG. Prints `ready` once it listens. TCP and UDP; the time is taken when the client is first seen.
"""

import datetime
import selectors
import socket
import sys

port, log = int(sys.argv[1]), open(sys.argv[2], "w", buffering=1)


def write(now, peer, proto, client):
    log.write(f"{now.isoformat(timespec='microseconds')},{peer[0]},{peer[1]},{proto},{client.decode()}\n")


def now():
    return datetime.datetime.now(datetime.timezone.utc)


stream = socket.create_server(("0.0.0.0", port), backlog=128)
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("0.0.0.0", port))
doors = selectors.DefaultSelector()
doors.register(stream, selectors.EVENT_READ)
doors.register(datagrams, selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for door, _ in doors.select():
        if door.fileobj is stream:
            connection, peer = stream.accept()
            seen = now()
            with connection:
                connection.settimeout(5)
                write(seen, peer, "tcp", connection.recv(64))
                connection.sendall(b"ok")
                connection.recv(1)  # The client hangs up first.
        else:
            client, peer = datagrams.recvfrom(64)
            write(now(), peer, "udp", client)
            datagrams.sendto(b"ok", peer)
