#!/usr/bin/env python3
"""Time to detect, FastNetMon and Tadoru beside one another, from the same datagrams in the same run.

Usage: side_by_side.py TADORU [ROUNDS]        (root; needs fastnetmon 1.2 and iproute2; TADORU is the executable)

Runs in a network namespace of its own with nothing but loopback. NetFlow v9 leaves a made-up router every 0.1 s: 50,000
packets/s to 2,000 destinations all the time, and from the eighth second on an attack. Both receive every datagram; the
order in which they are sent turns with every datagram. Each attack is made anew for fresh processes, ROUNDS times (3);
printed are the lowest, median and highest seconds from the first datagram of the attack to the word of it: FastNetMon's
call of its script, Tadoru's event about the incident.

The thresholds are the defaults of both, but 20,000 packets/s on UDP for one address is what both have. FastNetMon
averages over five seconds by default; `1 s` is the same with its average over one second.
"""
import json, os, random, re, shutil, signal, socket, statistics, struct, subprocess, sys, tempfile, threading, time

if os.environ.get("SIDE_BY_SIDE") != "1":
    os.environ["SIDE_BY_SIDE"] = "1"
    inside = ["sh", "-c", 'ip link set lo up; exec "$@"', "-", sys.executable, os.path.abspath(__file__)]
    os.execvp("unshare", ["unshare", "-n", "--"] + inside + sys.argv[1:])

TADORU = os.path.abspath(sys.argv[1])
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
BASE_S, LIMIT_S, STEP_S = 8, 30, 0.1
TARGET, CARPET = 0x0A010203, 0x0A010400

# name: packets a second, targets, octets a packet, protocol, TCP flags
ATTACKS = {
    "UDP at 10 times the threshold": (200_000, [TARGET], 500, 17, 0),
    "UDP at 2 times": (40_000, [TARGET], 500, 17, 0),
    "UDP at 1.2 times": (24_000, [TARGET], 500, 17, 0),
    "UDP on 256 addresses, 3,000 packets/s each": (768_000, range(CARPET, CARPET + 256), 500, 17, 0),
    "SYN, 15,000 packets/s": (15_000, [TARGET], 40, 6, 2),
}

# ------------------------------------------------------------------------------------------------ Exports

FIELDS = ((8, 4), (12, 4), (10, 4), (14, 4), (2, 4), (1, 4), (22, 4), (21, 4), (7, 2), (11, 2), (4, 1), (6, 1))
TEMPLATE = struct.pack("!HHHH", 0, 8 + 4 * len(FIELDS), 256, len(FIELDS))
TEMPLATE += b"".join(struct.pack("!HH", *field) for field in FIELDS)


class Router:
    """Sends the same datagrams to several collectors."""

    def __init__(self, ports):
        self.sockets = []
        for port in ports:
            out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            out.connect(("127.0.0.1", port))
            self.sockets.append(out)
        self.sequence, self.boot = 0, time.time() - 100

    def header(self, count):
        self.sequence += 1
        now = time.time()
        return struct.pack("!HHIIII", 9, count, int((now - self.boot) * 1000), int(now), self.sequence, 1)

    def send(self, datagram):
        self.sockets.reverse()
        for out in self.sockets:
            try:
                out.send(datagram)
            except ConnectionRefusedError:
                pass

    def announce(self):
        self.send(self.header(1) + TEMPLATE)

    def export(self, rows):
        up = int((time.time() - self.boot) * 1000)
        for at in range(0, len(rows), 30):
            part = rows[at:at + 30]
            body = b"".join(struct.pack("!IIIIIIIIHHBB", *row[:6], up - 100, up, *row[6:]) for row in part)
            pad = -len(body) % 4
            self.send(self.header(len(part)) + struct.pack("!HH", 256, 4 + len(body) + pad) + body + b"\0" * pad)


# ------------------------------------------------------------------------------------------------ FastNetMon

class FastNetMon:
    def __init__(self, folder, port, average_s):
        self.log, self.port = folder + "/notify.log", port
        text = open("/etc/fastnetmon.conf").read()
        told = {
            "netflow": "on", "netflow_port": port, "netflow_host": "127.0.0.1", "netflow_sampling_ratio": 1,
            "networks_list_path": folder + "/nets", "networks_whitelist_path": folder + "/white",
            "notify_script_path": folder + "/notify.sh", "pid_path": folder + "/pid",
            "cli_stats_file_path": folder + "/a.dat", "cli_stats_ipv6_file_path": folder + "/b.dat",
            "disable_usage_report": "on", "average_calculation_time": average_s,
            "monitor_local_ip_addresses": "off", "prometheus": "off", "enable_api": "off", "interfaces": "",
        }
        for key, value in told.items():
            text, found = re.subn(rf"(?m)^{key}\s*=.*$", f"{key} = {value}", text)
            if not found:
                text += f"\n{key} = {value}\n"
        script = f'#!/bin/sh\nprintf "%s %s %s\\n" "$(date +%s.%N)" "$1" "$4" >>{self.log}\ncat >/dev/null\n'
        for name, content in (("conf", text), ("nets", "10.0.0.0/14\n"), ("white", ""), ("notify.sh", script)):
            with open(f"{folder}/{name}", "w") as out:
                out.write(content)
        os.chmod(folder + "/notify.sh", 0o755)
        self.process = subprocess.Popen(
            ["fastnetmon", "--configuration_file", folder + "/conf", "--log_file", folder + "/fnm.log"],
            stdout=open(folder + "/fnm.out", "w"), stderr=subprocess.STDOUT)
        wait_for(lambda: listens(port), 60, "FastNetMon")

    def heard(self):
        """When it told of a target first, and of which."""
        if os.path.exists(self.log):
            for line in open(self.log):
                at, target, what = (line.split() + ["", ""])[:3]
                if what == "ban":
                    return float(at), target
        return None

    def stop(self):
        end(self.process, signal.SIGINT)


# ------------------------------------------------------------------------------------------------ Tadoru

class Tadoru:
    def __init__(self, folder, port):
        data, self.first = folder + "/data", None
        with open(folder + "/tadoru.toml", "w") as out:
            out.write(CONFIG.format(port=port))
        self.process = subprocess.Popen(
            [TADORU, "--data", data, "--config", folder + "/tadoru.toml", "serve"],
            stdout=open(folder + "/tadoru.out", "w"), stderr=subprocess.STDOUT, cwd=folder)
        wait_for(lambda: listens(port) and os.path.exists(data + "/desk.sock"), 60, "Tadoru")
        threading.Thread(target=self.listen, args=(data + "/desk.sock",), daemon=True).start()

    def listen(self, path):
        desk = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        desk.connect(path)
        desk.sendall(b"GET /v1/incidents/stream HTTP/1.1\r\nHost: desk\r\nAccept: text/event-stream\r\n\r\n")
        for line in desk.makefile("r", encoding="utf-8", errors="replace"):
            if self.first is None and line.startswith("data:") and "opened" in line:
                self.first = time.time(), line[5:].strip()

    def heard(self):
        return self.first

    def stop(self):
        end(self.process, signal.SIGTERM)


CONFIG = """
[api]
listen = "127.0.0.1:0"

[sources.flows]
udp = ["127.0.0.1:{port}"]
exporters = [{{ from = "127.0.0.1/32" }}]

[desk]
own_prefixes = ["10.0.0.0/14"]
"""


# ------------------------------------------------------------------------------------------------ The run

def wait_for(condition, seconds, whom):
    until = time.time() + seconds
    while not condition():
        if time.time() > until:
            sys.exit(f"{whom} did not start")
        time.sleep(0.1)


def listens(port):
    lines = [line.split() for name in ("udp", "udp6") for line in open("/proc/net/" + name)]
    return any(words[1].endswith(":%04X" % port) for words in lines)


def end(process, how):
    process.send_signal(how)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def base(dice):
    rows = []
    for _ in range(100):
        source, target = 0x50000000 + dice.getrandbits(24), 0x0A000000 + dice.randrange(2000)
        rows.append((source, target, 1, 2, 50, 50 * 700, 443, 40000, 6, 0x18))
    return rows


def attack(dice, pps, targets, octets, proto, flags):
    rows, records = [], max(20, len(targets))
    packets = int(pps * STEP_S / records)
    for n in range(records):
        target = targets[n % len(targets)]
        source = 0x60000000 + dice.getrandbits(26)
        port = dice.randrange(1024, 65536)
        rows.append((source, target, 1, 2, packets, packets * octets, port, 80, proto, flags))
    return rows


def round_of(name, number):
    dice, folder = random.Random(number), tempfile.mkdtemp(prefix="side-by-side-")
    parts = [folder + "/" + part for part in ("five", "one", "tadoru")]
    for part in parts:
        os.mkdir(part)
    peers = {
        "FastNetMon": FastNetMon(parts[0], 20055, 5),
        "FastNetMon, 1 s": FastNetMon(parts[1], 20056, 1),
        "Tadoru": Tadoru(parts[2], 20057),
    }
    router, began, ticks = Router([20055, 20056, 20057]), time.time(), 0
    flood, wrong = None, {}
    while time.time() - began < BASE_S + LIMIT_S:
        if ticks % 50 == 0:
            router.announce()
        rows = base(dice)
        if time.time() - began >= BASE_S:
            rows += attack(dice, *ATTACKS[name])
            flood = flood or time.time()
        elif any(peer.heard() for peer in peers.values()):
            wrong = {whom: peer.heard() for whom, peer in peers.items() if peer.heard()}
        router.export(rows)
        ticks += 1
        if flood and all(peer.heard() for peer in peers.values()):
            break
        time.sleep(max(0, began + ticks * STEP_S - time.time()))
    found = {whom: peer.heard() for whom, peer in peers.items()}
    for peer in peers.values():
        peer.stop()
    shutil.rmtree(folder, ignore_errors=True)
    if wrong:
        print(f"  before the attack: {wrong}", flush=True)
    return {whom: round(heard[0] - flood, 2) if heard else None for whom, heard in found.items()}, found


def main():
    for name in ATTACKS:
        rounds = []
        for number in range(ROUNDS):
            seconds, found = round_of(name, number)
            rounds.append(seconds)
            print(json.dumps({"attack": name, "seconds": seconds, "told": found["Tadoru"] and found["Tadoru"][1]}), flush=True)
        for whom in rounds[0]:
            seen = sorted(one[whom] for one in rounds if one[whom] is not None)
            figures = f"{seen[0]:.2f} / {statistics.median(seen):.2f} / {seen[-1]:.2f} s" if seen else "not detected"
            print(f"{name}: {whom}: {figures} ({len(seen)} of {ROUNDS})", flush=True)


if __name__ == "__main__":
    main()
