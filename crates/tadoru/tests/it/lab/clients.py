"""Random clients that connect, one after the other, and say who they are.

Usage: clients.py SERVER PORT COUNT SEED ADDRESS... Each connection is of a random one of the addresses; one in eight is
a datagram. Exits with 1 when a connection came to nothing.
"""

import random
import socket
import sys
import time

server, count, seed, clients = (sys.argv[1], int(sys.argv[2])), int(sys.argv[3]), sys.argv[4], sys.argv[5:]
dice = random.Random(seed)
for _ in range(count):
    client = dice.choice(clients)
    kind = socket.SOCK_DGRAM if dice.randrange(8) == 0 else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as line:
        line.settimeout(10)
        line.bind((client, 0))
        line.connect(server)
        line.sendall(client.encode())
        if line.recv(2) != b"ok":
            sys.exit(1)
    time.sleep(dice.uniform(0, 0.02))
