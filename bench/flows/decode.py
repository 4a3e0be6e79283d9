#!/usr/bin/env python3
"""Compares what Tadoru reads out of captured flow exports with what independent collectors read.

Usage: decode.py FOLDER [--only WORD] [--verbose]

FOLDER holds captures of export datagrams (*.pcap, *.pcap.gz), in any subfolders, each with an expected decoding of
one of these forms beside it:

  X.expected.nfdump.csv[.gz]     flows as nfdump prints them
  X[.pcap].expected.tshark.txt   tshark's text (cflow, sflow); a capture of data is read after that of its templates
  X.expected.output-flow-NN.json flows as pmacct prints them, a JSON object a line; many may belong to one capture

Prints a line a capture: right, wrong or unsupported, with reasons, and a summary. What it runs is the example
`decode-flows` of the crate `tadoru-wire`, which it builds first (DECODE_FLOWS names a ready one instead).
"""

import calendar
import collections
import csv
import gzip
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent


def program():
    ready = os.environ.get("DECODE_FLOWS")
    if ready:
        return ready
    root = HERE.parent.parent
    build = ["cargo", "build", "-q", "-p", "tadoru-wire", "--example", "decode-flows", "--message-format=json"]
    said = subprocess.run(build, cwd=root, check=True, capture_output=True, text=True).stdout
    for line in said.splitlines():
        artifact = json.loads(line)
        if artifact.get("executable"):
            return artifact["executable"]
    sys.exit("decode.py: the example decode-flows was not built")


def text(path):
    return gzip.open(path, "rt").read() if path.suffix == ".gz" else path.read_text(errors="replace")


def decode(captures):
    """Rows and the words on standard error."""
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for n, capture in enumerate(captures):
            if capture.suffix == ".gz":
                plain = pathlib.Path(folder) / f"{n}.pcap"
                plain.write_bytes(gzip.open(capture).read())
                capture = plain
            names.append(str(capture))
        ran = subprocess.run([program_path, *names], capture_output=True, text=True)
    if ran.returncode:
        return None, ran.stderr
    return list(csv.DictReader(io.StringIO(ran.stdout))), ran.stderr


def address(value):
    import ipaddress
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        return value


# ---- nfdump ----

def stamp_ms(value):
    whole, _, part = value.partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%d %H:%M:%S")) * 1000 + int(part or 0)


FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32, "E": 64, "C": 128}


def against_nfdump(expected, rows, read):
    count, wrong = nfdump(expected, rows)
    if wrong and re.match("0 flows missing|.*, 0 not expected", wrong[0]) and shutil.which("tshark"):
        # The collector had other datagrams than the capture: tshark reads the capture itself.
        plain = gzip.open(read[0]).read() if read[0].suffix == ".gz" else read[0].read_bytes()
        with tempfile.NamedTemporaryFile(suffix=".pcap") as capture:
            capture.write(plain)
            capture.flush()
            command = ["tshark", "-r", capture.name, "-d", "udp.port==9995,cflow", "-V"]
            said = subprocess.run(command, capture_output=True, text=True).stdout
        return against_text(said, rows)
    return count, wrong


def nfdump(expected, rows):
    sampled = ".sflow." in expected.name
    wanted, got = collections.Counter(), collections.Counter()
    for flow in csv.DictReader(io.StringIO(text(expected))):
        flags = sum(FLAGS.get(char, 0) for char in flow["tcpflags"])
        ms = () if sampled else (stamp_ms(flow["first_utc"]), stamp_ms(flow["last_utc"]))
        if flow["proto"] in ("1", "58"):
            # nfdump puts type and code into both ports of sampled packets, and prints none of ICMPv6.
            kind = 0
            if sampled and flow["proto"] == "1":
                kind = int(flow["sport"]) * 256 + icmp(flow["dport"]) % 256
            flow["sport"], flow["dport"] = "0", str(kind) if sampled else flow["dport"] if flow["proto"] == "1" else "0"
        # nfdump counts the octets of sampled frames with their layer 2.
        octets = () if sampled else (int(flow["bytes"]),)
        key = (int(flow["proto"]), brief(flow["src"]), brief(flow["dst"]), int(flow["packets"]), flags, *octets)
        ports = (int(flow["sport"]), int(float(flow["dport"]) if "." not in flow["dport"] else icmp(flow["dport"])))
        wanted[(*key, *ports, *ms)] += 1
    for row in rows:
        rate = max(1, int(row["sampling"])) if sampled else 1
        ms = () if sampled else (int(row["first_us"]) // 1000, int(row["last_us"]) // 1000)
        octets = () if sampled else (int(row["bytes"]),)
        flags = int(row["tcp_flags"])
        key = (int(row["proto"]), brief(row["src"]), brief(row["dst"]), int(row["packets"]) * rate, flags, *octets)
        dst_port = 0 if row["proto"] == "58" else int(row["dst_port"])
        got[(*key, int(row["src_port"]), dst_port, *ms)] += 1
    return difference(wanted, got)


def brief(value):
    """An address as nfdump prints long ones: the first and the last few characters."""
    plain = value if ".." in value else address(value)
    return plain if len(plain) <= 16 else f"{plain[:7]}..{plain[-7:]}"


def icmp(value):
    kind, _, code = value.rpartition(".")
    return int(kind or 0) * 256 + int(code)


def difference(wanted, got):
    missing, extra = wanted - got, got - wanted
    reasons = []
    if missing or extra:
        reasons.append(f"{missing.total()} flows missing, {extra.total()} not expected, of {wanted.total()}")
        for name, some in (("missing", missing), ("extra", extra)):
            reasons += [f"  {name}: {key}" for key in list(some)[:2]]
    return wanted.total(), reasons


# ---- tshark ----

# Label of tshark, column of ours, how its value is read. Labels that come twice in a flow are left to the first.
NUMBER = lambda value: int(re.match(r"0x[0-9a-f]+|\d+", value).group(), 0)
PAREN = lambda value: int(re.search(r"\((\d+)\)", value).group(1))
MAC = lambda value: re.search(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", value).group().replace(":", "")
FIELDS = {
    "SrcAddr": ("src", address), "DstAddr": ("dst", address), "SrcPort": ("src_port", NUMBER),
    "DstPort": ("dst_port", NUMBER), "Packets": ("packets", NUMBER), "Octets": ("bytes", NUMBER),
    "Permanent Octets": ("bytes", NUMBER), "Permanent Packets": ("packets", NUMBER), "Post Octets": ("bytes", NUMBER),
    "Post Packets": ("packets", NUMBER),
    "InputInt": ("input", NUMBER), "OutputInt": ("output", NUMBER), "Protocol": ("proto", PAREN),
    "TCP Flags": ("tcp_flags", NUMBER), "IP ToS": ("tos", NUMBER), "SrcAS": ("src_as", NUMBER),
    "DstAS": ("dst_as", NUMBER), "SrcMask": ("src_mask", NUMBER), "DstMask": ("dst_mask", NUMBER),
    "NextHop": ("next_hop", address), "BGPNextHop": ("bgp_next_hop", address),
    "Vlan Id": ("src_vlan", NUMBER), "Dot1q Vlan Id": ("src_vlan", NUMBER), "Post Vlan Id": ("dst_vlan", NUMBER),
    "Source Mac Address": ("in_src_mac", MAC), "Destination Mac Address": ("out_dst_mac", MAC),
    "Post Destination Mac Address": ("out_dst_mac", MAC),
    "IPVersion": ("ip", NUMBER), "Direction": ("direction", PAREN),
    "Reverse octet delta count": ("reverse_bytes", NUMBER), "Reverse octet packet count": ("reverse_packets", NUMBER),
    "SrcPrefix": ("src", address), "DstPrefix": ("dst", address), "Sampling interval": ("sampling", NUMBER),
    "Forwarding Status": ("forwarding", NUMBER),
}
# What makes a record of tshark's one that tells of traffic.
COUNTED = ("Packets", "Octets", "Permanent Octets", "Permanent Packets", "Post Octets", "Initiator Octets",
            "Responder Octets", "Data Link Frame Section", "Layer 2 octet delta count", "Data Link Frame Size")
NAMED = ("SrcAddr", "DstAddr", "Source Mac Address")
EVENT = ("Nat Event", "Firewall Event", "Post NAT Source IPv4 Address", "Post NAPT Source Transport Port")


def is_flow(flow):
    if any(label.startswith("Scope") for label in flow):
        return False
    event = any(label in flow for label in EVENT) or "(Nokia)" in flow.get("Enterprise Private entry", "")
    return any(label in flow for label in COUNTED) or not event and any(label in flow for label in NAMED)


def tshark_flows(said):
    """Flows of NetFlow and IPFIX as (label, value) pairs, with the header's uptime and time."""
    uptime = seconds = nanos = None
    flow = None
    depth = 0
    for line in said.splitlines():
        bare = line.strip()
        indent = len(line) - len(line.lstrip())
        if flow is not None and bare and indent <= depth:
            yield flow
            flow = None
        if match := re.match(r"SysUptime: ([\d.]+) seconds", bare):
            uptime = round(float(match.group(1)) * 1000)
        elif match := re.match(r"(?:CurrentSecs|ExportTime): (\d+)", bare):
            seconds, nanos = int(match.group(1)), 0
            if bare.startswith("ExportTime"):
                uptime = None
        elif match := re.match(r"CurrentNSecs: (\d+)", bare):
            nanos = int(match.group(1))
        elif re.match(r"(Flow|pdu) \d+", bare) and ":" not in bare:
            flow = {"uptime": uptime, "seconds": seconds, "nanos": nanos}
            depth = indent
        elif flow is not None and ": " in bare:
            label, value = bare.split(": ", 1)
            if indent > depth + 8 or label in ("PEN", "Type"):
                continue
            # A record with addresses of both families leaves one of them zero.
            if flow.get(label) in ("0.0.0.0", "::"):
                flow["both"] = True
                flow[label] = value
            flow.setdefault(label, value)
    if flow is not None:
        yield flow


def moment_us(flow, value):
    match = re.match(r"([\d.]+) seconds", value)
    if match:
        if flow["uptime"] is None:
            return None
        ms = round(float(match.group(1)) * 1000)
        ahead = (ms - flow["uptime"] + (1 << 31)) % (1 << 32) - (1 << 31)
        return flow["seconds"] * 1_000_000 + flow["nanos"] // 1000 + ahead * 1000
    match = re.match(r"(\w+ +\d+, \d+ [\d:]+)\.(\d+) UTC", value)
    whole = calendar.timegm(time.strptime(re.sub(" +", " ", match.group(1)), "%b %d, %Y %H:%M:%S"))
    return whole * 1_000_000 + int(match.group(2)[:6])


def faults(flow, row):
    """What of a row differs from a flow of tshark's."""
    wrong, seen = [], set()
    for label, (column, read) in FIELDS.items():
        if label not in flow or column in seen:
            continue
        seen.add(column)
        try:
            want = read(flow[label])
        except AttributeError:
            continue
        if column == "dst_port" and row["proto"] in ("1", "58"):
            continue
        have = row[column] if isinstance(want, str) else int(row[column])
        if want in ("0.0.0.0", "::"):
            # A template with both families leaves one of them zero.
            continue
        if column in ("src_mask", "dst_mask", "sampling") and want == 0 or column == "next_hop" and flow.get("both"):
            continue
        if want != have:
            wrong.append(f"{column} is {have}, expected {want}")
    for label, column in (("StartTime", "first_us"), ("EndTime", "last_us")):
        if label in flow and (want := moment_us(flow, flow[label])) is not None and want > 0:
            if abs(want - int(row[column])) > 1:
                wrong.append(f"{column} is {row[column]}, expected {want}")
    return wrong


def against_tshark(expected, rows, read):
    return against_text(text(expected), rows)


def against_text(said, rows):
    flows = [flow for flow in tshark_flows(said) if is_flow(flow)]
    wrong = []
    if len(flows) == len(rows):
        for n, (flow, row) in enumerate(zip(flows, rows)):
            wrong += [f"row {n}: {fault}" for fault in faults(flow, row)]
    else:
        # tshark does not read what comes before its template: each flow of its must be among ours.
        early = "no template found" in said.lower()
        if len(flows) > len(rows) or not early:
            wrong.append(f"{len(rows)} rows, {len(flows)} flows expected")
        for n, flow in enumerate(flows):
            if rows and all(faults(flow, row) for row in rows):
                wrong.append(f"flow {n} is not among the rows")
    return len(flows), wrong


SAMPLE = {
    "Sampling rate": ("sampling", lambda value: int(re.search(r"1 out of (\d+)", value).group(1))),
    "Input interface (ifIndex)": ("input", NUMBER), "Incoming 802.1Q VLAN": ("src_vlan", NUMBER),
    "Outgoing 802.1Q VLAN": ("dst_vlan", NUMBER), "Source Port": ("src_port", NUMBER),
    "Destination Port": ("dst_port", NUMBER), "Source Address": ("src", address),
    "Destination Address": ("dst", address), "Next Header": ("proto", PAREN), "Protocol": ("proto", PAREN),
    "Output interface value": ("output", NUMBER), "Input interface value": ("input", NUMBER),
    "AS Source": ("src_as", NUMBER),
    "Next hop source mask": ("src_mask", NUMBER), "Next hop destination mask": ("dst_mask", NUMBER),
}


def against_sflow(expected, rows, read):
    samples, sample = [], None
    for line in text(expected).splitlines():
        bare = line.strip()
        if re.match(r"(Expanded f|F)low sample, seq", bare):
            sample = {}
            samples.append(sample)
        elif re.match(r"(Expanded c|C)ounters sample, seq", bare):
            sample = None
        elif sample is not None and ": " in bare:
            label, value = bare.split(": ", 1)
            sample.setdefault(label.split("= ")[-1], value)
    wrong = []
    if len(samples) != len(rows):
        wrong.append(f"{len(rows)} rows, {len(samples)} samples expected")
    for n, (sample, row) in enumerate(zip(samples, rows)):
        octets = sample.get("Total Length") or (40 + NUMBER(sample["Payload Length"]) if "Payload Length" in sample else 0)
        octets = octets if isinstance(octets, int) else NUMBER(octets)
        if octets and octets != int(row["bytes"]):
            wrong.append(f"row {n}: bytes is {row['bytes']}, expected {octets}")
        seen = set()
        for label, (column, read) in SAMPLE.items():
            if label not in sample or column in seen:
                continue
            if label == "Output interface value" and "ifindex (0)" not in str(sample.get("Output interface format", "ifindex (0)")):
                continue
            seen.add(column)
            try:
                want = read(sample[label])
            except AttributeError:
                continue
            have = row[column] if isinstance(want, str) else int(row[column])
            # "Internal" and "unknown" are no indexes and no VLANs.
            if want in (0x3fffffff, 0xffffffff):
                want = 0
            if column == "src_vlan" and want == 0 or "icmp" in label.lower():
                continue
            if want != have:
                wrong.append(f"row {n}: {column} is {have}, expected {want}")
    return len(samples), wrong


# ---- pmacct ----

PROTOCOLS = {"icmp": 1, "igmp": 2, "ipencap": 4, "ip": 0, "tcp": 6, "udp": 17, "ipv6": 41, "gre": 47, "esp": 50,
             "ipv6-icmp": 58, "ospf": 89, "pim": 103, "vrrp": 112, "l2tp": 115, "sctp": 132, "hopopt": 0}


def against_pmacct(expected, rows, read):
    """Every flow that pmacct tells must be there; it puts together what has the same key."""
    tries = [pmacct(some, rows, how) for some in [expected, *([path] for path in expected)] for how in (False, True)]
    return min(tries, key=lambda result: len(result[1]))


def pmacct(expected, rows, renormalised):
    def key(src, dst, sport, dport, proto):
        return (src, dst, sport, dport, proto)
    wanted, got = collections.Counter(), collections.Counter()
    octets, have = collections.Counter(), collections.Counter()
    lines = [json.loads(line) for path in expected for line in text(path).splitlines() if line.strip().startswith("{")]
    flows = [flow for flow in lines if "ip_src" in flow and "packets" in flow]
    for flow in flows:
        proto = PROTOCOLS.get(str(flow["ip_proto"]).lower(), flow["ip_proto"])
        name = key(address(flow["ip_src"]), address(flow["ip_dst"]), flow.get("port_src", 0), flow.get("port_dst", 0), proto)
        wanted[name] += flow["packets"]
        octets[name] += flow["bytes"]
    # Told to renormalise, pmacct multiplies by the sampling rate.
    for row in rows:
        rate = max(1, int(row["sampling"])) if renormalised else 1
        name = key(row["src"], row["dst"], int(row["src_port"]), int(row["dst_port"]), int(row["proto"]))
        if row["proto"] in ("1", "58") and name not in wanted:
            # pmacct tells type and code of ICMP elsewhere.
            name = (*name[:3], 0, name[4])
        got[name] += int(row["packets"]) * rate
        have[name] += int(row["bytes"]) * rate
    wrong = []
    for name in sorted(set(wanted) | set(got), key=str):
        if (wanted[name], octets[name]) != (got[name], have[name]):
            wrong.append(f"{name}: {got[name]} packets {have[name]} octets, expected {wanted[name]} {octets[name]}")
    return len(flows), wrong


# ---- the folder ----

def captures_of(folder):
    """Captures and what each is compared with: (name, captures in the order they are read, comparison, files)."""
    manifest = folder / "MANIFEST.md"
    pairs = {}
    if manifest.exists():
        for line in manifest.read_text().splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if len(cells) > 5 and (match := re.match(r"tshark \S+ on (.+\.pcap)$", cells[5])):
                pairs[cells[0]] = match.group(1).split(" + ")
    for capture in sorted([*folder.rglob("*.pcap"), *folder.rglob("*.pcap.gz")]):
        stem = re.sub(r"\.pcap(\.gz)?$", "", capture.name)
        nfdump = [capture.with_name(f"{stem}.expected.nfdump.csv{gz}") for gz in (".gz", "")]
        tshark = [capture.with_name(f"{capture.name}.expected.tshark.txt"), capture.with_name(f"{stem}.expected.tshark.txt")]
        pmacct = sorted(capture.parent.glob(re.sub(r"-traffic-\d+$", "", stem) + ".expected.output-flow-*.json"))
        for path in nfdump:
            if path.exists():
                yield capture, [capture], against_nfdump, path
                break
        for path in tshark:
            if path.exists():
                told = pairs.get(str(path.relative_to(folder)), [capture.name])
                read = [capture.with_name(name) for name in told]
                kind = against_sflow if "InMon sFlow" in text(path) else against_tshark
                yield capture, read, kind, path
        if pmacct and stem.endswith("-traffic-00"):
            parts = sorted(capture.parent.glob(re.sub(r"00$", "*", stem) + ".pcap"))
            yield capture, parts, against_pmacct, pmacct


def main():
    folder = pathlib.Path(sys.argv[1])
    only = sys.argv[sys.argv.index("--only") + 1] if "--only" in sys.argv else ""
    verbose = "--verbose" in sys.argv
    tally, flows = collections.Counter(), 0
    for capture, read, compare, expected in captures_of(folder):
        if only not in str(capture):
            continue
        rows, words = decode(read)
        name = str(capture.relative_to(folder))
        defects = collections.Counter(re.sub(r"byte \d+: ", "", line[8:]) for line in words.splitlines() if line.startswith("defect: "))
        if rows is None:
            tally["unsupported"] += 1
            print(f"unsupported {name}: {words.strip()}")
            continue
        try:
            count, wrong = compare(expected, rows, read)
        except Exception as error:
            tally["unsupported"] += 1
            print(f"unsupported {name}: the expected file cannot be read here ({error!r})")
            continue
        flows += count
        state = "wrong" if wrong else "right"
        tally[state] += 1
        print(f"{state:11} {name}: {count} flows expected, {len(rows)} rows" + "".join(f"; {n} x {what}" for what, n in defects.items()))
        for reason in wrong if verbose else wrong[:4]:
            print(f"              {reason}")
    print(f"{tally['right']} right, {tally['wrong']} wrong, {tally['unsupported']} unsupported; {flows} flows compared")
    return 1 if tally["wrong"] else 0


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    program_path = program()
    sys.exit(main())
