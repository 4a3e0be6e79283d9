"""Random clients that connect, one after the other, and say who they are.

Usage: clients.py SERVER PORT COUNT SEED PAUSE ADDRESS... Each connection is of a random one of the addresses; one in eight is
a datagram; after each comes a pause of up to PAUSE seconds. Exits with 1 when a connection came to nothing.
"""

import random
import socket
import sys
import time

server, count, seed = (sys.argv[1], int(sys.argv[2])), int(sys.argv[3]), sys.argv[4]
pause, clients = float(sys.argv[5]), sys.argv[6:]
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
    time.sleep(dice.uniform(0, pause))
