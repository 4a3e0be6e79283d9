#!/usr/bin/env python3
"""Asks Tadoru about records whose truth is known, and counts what it gets right, what wrong, and what it declines.

Usage: score.py FOLDER BINARY [PART...]

FOLDER has any of the parts `radius` (FreeRADIUS detail files, sessions.truth.csv), `dhcp-kea` and `dhcp-isc` (lease
files, clients.truth.csv) and `e2e` (conntrack events, NAT rules, a web server's log, clients.truth.csv). Each part is
imported into a folder of its own that is removed afterwards.

A unique answer is right when it names who really held the address, and wrong otherwise, also where nobody held it.
Every other answer is declined, with its reason. Ends with 1 when a unique answer was wrong.
"""

import csv
import datetime
import gzip
import ipaddress
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

WEEK_S = 7 * 86400
# How long a DHCP client's program runs at most.
RUN_S = 10
SAYS = ["--case", "score", "--purpose", "P-CLEAN", "--fact", "complaint.id=1", "--fact", "complaint.substantiated=yes"]


class Desk:
    """The program with a folder of data of its own."""

    def __init__(self, binary, folder):
        self.command = [binary, "--data", str(folder / "data")]
        self.folder = folder

    def bring(self, kind, files, *options):
        done = subprocess.run([*self.command, "import", kind, *options, *map(str, files)], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"import {kind}: {done.stderr or done.stdout}")
        print(*(f"  {line}" for line in done.stdout.splitlines()[:6]), sep="\n")

    def bring_subscribers(self, column, names):
        """A contract for each name, so that answers go all the way to the subscriber."""
        file = self.folder / "subscribers.csv"
        with file.open("w", newline="") as out:
            csv.writer(out).writerows([("subscriber", column), *((contract(name), name) for name in sorted(names))])
        self.bring("subscribers", [file])

    def ask(self, questions):
        file = self.folder / "questions.csv"
        with file.open("w", newline="") as out:
            table = csv.writer(out)
            table.writerow(("ref", "address", "port", "time", "proto", "dst_address"))
            for number, q in enumerate(questions):
                table.writerow((number, q["address"], q.get("port", ""), q["time"], q.get("proto", ""), q.get("to", "")))
        done = subprocess.run([*self.command, "who", *SAYS, "--batch", str(file)], capture_output=True, text=True)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        if [a.get("ref") for a in answers] != [str(n) for n in range(len(questions))]:
            sys.exit(f"not one answer for each question, in order: {done.stderr}")
        return answers


def contract(name):
    return f"C-{name}"


def stamp(epoch):
    """RFC 3339, with as many digits as are told."""
    seconds, _, digits = str(epoch).partition(".")
    text = datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{digits}Z" if digits else f"{text}Z"


def lines(path):
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8", errors="surrogateescape") as file:
        yield from file


def question(kind, about, holder, address, time, **more):
    return {"kind": kind, "about": about, "holder": holder, "address": address, "time": stamp(time), **more}


def around(kind, about, spans, address, known_until):
    """Questions about one address, whose holders are the `spans` (from, until, name), whole seconds; what was after
    `known_until` nobody wrote down."""
    spans = sorted(spans)

    def holder(at):
        return {name for begin, end, name in spans if begin <= at < end}

    for begin, end, _ in spans:
        for word, at in (
            ("middle", (begin + end) // 2),
            ("2 s after the beginning", begin + 2),
            ("2 s before the end", end - 2),
            ("60 s after the beginning", begin + 60),
            ("60 s before the end", end - 60),
        ):
            if begin <= at < end:
                yield question(f"{kind}, {word}", about(begin), holder(at), address, at)
        for word, at in (("2 s before the beginning", begin - 2), ("2 s after the end", end + 2)):
            if word.endswith("beginning") or end < known_until:
                yield question(f"{kind}, {word}", about(begin), holder(at), address, at)
        later = min((b for b, _, _ in spans if b >= end), default=None)
        if later is not None and later - end > 4:
            yield question(f"{kind}, between two holders", about(begin), holder((end + later) // 2), address, (end + later) // 2)


# --- parts ----------------------------------------------------------------------------------------------------------


def radius(folder, desk):
    """Accounting sessions. Dates are moved by whole weeks where they are old: retention would decline everything."""
    details = sorted(p for p in folder.iterdir() if p.name.startswith("detail"))
    truth = list(csv.DictReader(lines(folder / "sessions.truth.csv")))
    newest = max(int(row["stop_epoch"] or row["start_epoch"]) for row in truth)
    now = int(datetime.datetime.now(datetime.timezone.utc).timestamp())
    shift = max(0, (now - newest) // WEEK_S) * WEEK_S
    if shift:
        print(f"  records moved by {shift // WEEK_S} weeks, to within their retention")
        details = [moved(path, desk.folder / f"moved-{path.name.removesuffix('.gz')}", shift) for path in details]
    desk.bring("radius-detail", details, "--zone", "UTC")
    desk.bring_subscribers("login", {row["user"] for row in truth})

    held = defaultdict(list)
    circumstances = {}
    for row in truth:
        begin, end = int(row["start_epoch"]) + shift, int(row["stop_epoch"] or newest) + shift
        skewed = f", clock {row['nas_clock_skew_s']} s off" if row["nas_clock_skew_s"] not in ("", "0") else ""
        for address in (row["ip"], row["v6_prefix"]):
            if address:
                held[address].append((begin, end, row["user"]))
                circumstances[address, begin] = " ".join(filter(None, [row["how_ended"], row["flags"]])) + skewed
    for address, spans in held.items():
        kind, one = ("prefix", inside(address)) if "/" in address else ("address", address)
        yield from around(kind, lambda begin, a=address: circumstances[a, begin], spans, one, newest + shift)


def inside(prefix):
    """An address far inside of a prefix."""
    network = ipaddress.ip_network(prefix)
    return str(network[network.num_addresses * 5 // 7])


def moved(path, to, shift):
    """A detail file with all of its dates moved."""

    def reckoned(text, form):
        return (datetime.datetime.strptime(text, form) + datetime.timedelta(seconds=shift)).strftime(form)

    with to.open("w", encoding="utf-8", errors="surrogateescape") as out:
        for line in lines(path):
            if found := re.fullmatch(r"(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4})(\s*)", line):
                line = reckoned(found[1], "%a %b %d %H:%M:%S %Y") + found[2]
            elif found := re.fullmatch(r'(\s+Event-Timestamp = ")(.*) (\w+)("\s*)', line):
                line = f"{found[1]}{reckoned(found[2], '%b %d %Y %H:%M:%S')} {found[3]}{found[4]}"
            elif found := re.fullmatch(r"(\s+(?:Event-)?Timestamp = )(\d+)(\s*)", line):
                line = f"{found[1]}{int(found[2]) + shift}{found[3]}"
            out.write(line)
    return to


def leases(kind, name):
    def part(folder, desk):
        desk.bring(kind, [folder / name], "--source", "dhcp-1")
        truth = sorted(csv.DictReader(lines(folder / "clients.truth.csv")), key=lambda row: int(row["epoch"]))
        desk.bring_subscribers("mac", {row["mac"] for row in truth})
        last = int(truth[-1]["epoch"])
        had, held, ended = {}, defaultdict(list), {}

        def end(mac, at, how):
            address, begin = had.pop(mac)
            if at > begin:
                held[address].append((begin, at, mac))
                ended[address, begin] = how

        for row in truth:
            mac, at = row["mac"], int(row["epoch"])
            if row["event"] == "lease" and had.get(mac, ("",))[0] == row["address"]:
                continue  # A renewal.
            if mac in had:
                end(mac, at, row["event"])
            if row["event"] == "lease" and row["address"]:
                had[mac] = (row["address"], at)
        for mac in list(had):
            end(mac, last, "held to the end")
        for address, spans in held.items():
            for q in around("lease", lambda begin, a=address: ended[a, begin], spans, address, last):
                # The truth has when a client's program was done, which is seconds after it got the lease; and a client
                # that vanished keeps its lease. Around those times the client's name is as true as none.
                soon = {s[2] for s in spans if stamp(s[0] - RUN_S) <= q["time"] < stamp(s[0])}
                left = [s for s in spans if stamp(s[1]) <= q["time"] and ended[address, s[0]].startswith("vanish")]
                yield q | {"also": soon | {s[2] for s in left[-1:]}}

    return part


def e2e(folder, desk):
    """A web server's log lines, through the gateway's log to the client."""
    desk.bring("conntrack", [folder / "conntrack.events.txt"], "--source", "cgn-1", "--inside-realm", "access")
    desk.bring("cgn-rules", [folder / "nat.rules.txt"], "--source", "cgn-1", "--inside-realm", "access")
    truth = defaultdict(list)
    for row in csv.DictReader(lines(folder / "clients.truth.csv")):
        truth[row["path"]].append((float(row["epoch"]), row["subscriber_ip"]))
    clients = {ip for rows in truth.values() for _, ip in rows}
    table = desk.folder / "static.csv"
    rows = (f"{ip},access,{contract(ip)},,\n" for ip in sorted(clients))
    table.write_text("address_or_prefix,realm,subscriber,from,until\n" + "".join(rows))
    desk.bring("static", [table])

    for line in lines(folder / "server.access.log"):
        found = re.match(r'(\S+):(\d+) \[(\S+)\] ([\d.]+) "\w+ (\S+)', line)
        if not found:
            continue
        address, port, whole, exact, path = found.groups()
        who = {ip for at, ip in truth[path] if abs(float(exact) - at) < 1.0}
        if len(who) != 1:
            continue  # Several clients fetched the same page within a second: the log alone does not tell which.
        more = {"port": port, "proto": "tcp"}
        yield question("line, to the millisecond", "", who, address, exact, **more)
        yield question("line, whole seconds", "", who, address, exact, **more) | {"time": whole}
        yield question("line, without a protocol", "", who, address, exact, port=port)
        yield question("line, without a port", "", who, address, exact)


# --- counting -------------------------------------------------------------------------------------------------------


def judge(q, answer):
    """`right`, `wrong`, or why nothing was told."""
    outcome = answer.get("outcome", "unreadable")
    told = {c["subscriber"] for c in answer.get("candidates", [])}
    true = {contract(name) for name in q["holder"]}
    if outcome == "unique":
        right = told <= true | {contract(name) for name in q.get("also", ())}
        return ("right" if right and told else "wrong"), ""
    if outcome == "none" and not true:
        return "right", ""
    why = outcome
    if narrow := answer.get("narrow_by"):
        why += f", would be decided by {', '.join(narrow)}"
    if true and outcome in ("none", "not-ours"):
        why += ": BUT SOMEBODY HELD IT"
    elif outcome == "ambiguous" and true and not true & told and "missing-log" not in answer.get("narrow_by", []):
        why += ": HOLDER NOT AMONG THE CANDIDATES"
    return "declined", why


def score(name, part, folder, binary):
    print(f"\n== {name}")
    with tempfile.TemporaryDirectory(prefix="tadoru-score-") as own:
        desk = Desk(binary, Path(own))
        questions = list(part(folder, desk))
        answers = desk.ask(questions)
    by_kind, reasons, wrong = defaultdict(Counter), defaultdict(Counter), []
    for q, answer in zip(questions, answers):
        verdict, why = judge(q, answer)
        by_kind[q["kind"]][verdict] += 1
        if verdict == "declined":
            reasons[why][q["about"]] += 1
        elif verdict == "wrong":
            wrong.append((q, answer))
    print(f"\n  {'question':42}{'asked':>8}{'right':>8}{'wrong':>8}{'declined':>10}")
    total = sum(by_kind.values(), Counter())
    for kind, counts in [*by_kind.items(), ("all", total)]:
        cells = f"{counts['right']:8}{counts['wrong']:8}{counts['declined']:10}"
        print(f"  {kind:42}{sum(counts.values()):8}{cells}")
    if reasons:
        print("\n  declined, and why; below it, what had happened to the record")
    for why, count in Counter({why: sum(c.values()) for why, c in reasons.items()}).most_common():
        print(f"  {count:8}  {why}")
        for about, cases in reasons[why].most_common():
            print(f"  {cases:16}  {about or 'nothing out of the ordinary'}")
    for q, answer in wrong[:20]:
        told = [(c["subscriber"], c["certainty"]) for c in answer["candidates"]]
        print(f"  WRONG: {q['kind']} ({q['about']}): {q['address']} {q.get('port', '')} at {q['time']}:"
              f" {told}, but it was {sorted(q['holder']) or 'nobody'}")
    return total


PARTS = {
    "radius": radius,
    "dhcp-kea": leases("kea4", "kea-leases4.csv"),
    "dhcp-isc": leases("isc-leases", "dhcpd.leases"),
    "e2e": e2e,
}


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    folder, binary, wanted = Path(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3:] or PARTS
    total = Counter()
    for name in wanted:
        if (folder / name).is_dir():
            total += score(name, PARTS[name], folder / name, binary)
    asked = sum(total.values())
    print(f"\n{asked} asked: {total['right']} right, {total['wrong']} wrong, {total['declined']} declined")
    if not asked:
        sys.exit(f"nothing to ask about in {folder}")
    sys.exit(1 if total["wrong"] else 0)


if __name__ == "__main__":
    main()
