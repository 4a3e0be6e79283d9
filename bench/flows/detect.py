#!/usr/bin/env python3
"""Detection on packet captures: found, missed, false, and the time it took.

Usage: detect.py FOLDER [SCALE]      (from the checkout; builds the two examples it needs)

FOLDER holds captures (pcap, pcapng, gzip or not) and may hold truth.jsonl, a line a capture: file, kind, attack_start
(seconds since 1970), targets. Without it, whatever is found is listed. Thresholds are the operators' defaults times
SCALE, 0.01 unless given: attacks of a lab, and captures cut to a few thousand packets, have about a hundredth of the
rates of real ones. Nothing else is set for them.
"""
import ipaddress, json, os, re, subprocess, sys

KINDS = {
    "syn_flood": ["syn"], "syn_flood_target_shift": ["syn"], "udp_flood": ["udp"], "icmp_flood": ["icmp"],
    "udp_carpet_bombing": ["udp"], "http_get_flood": ["http-get"], "slow_http": ["slow-connections"],
    "tcp_connection_flood": ["connections", "http-get"], "port_scan": ["scan-ports"], "host_sweep": ["scan-hosts"],
    "telnet_scan_mirai_fingerprint": ["scan-telnet"], "dns_amplification": ["amplification-dns"],
    "memcached_amplification": ["amplification-memcached"], "none": [],
}


def build():
    for crate, example in (("tadoru-observe", "meter"), ("tadoru-detect", "trial")):
        subprocess.run(["cargo", "build", "-q", "-p", crate, "--example", example], check=True)
    target = os.environ.get("CARGO_TARGET_DIR", "target")
    return [os.path.join(target, "debug", "examples", name) for name in ("meter", "trial")]


def findings(meter, trial, capture, scale):
    flows = subprocess.run([meter, capture], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    out = subprocess.run([trial, scale], input=flows, check=True, stdout=subprocess.PIPE).stdout.decode()
    names = "at id state vectors scope targets direction sure sources verdict pps bps why".split()
    return [dict(zip(names, line.split("\t"))) for line in out.splitlines()], int(flows.split(b",", 1)[0] or 0)


def wanted(truth):
    """Addresses and networks that a finding may name."""
    targets = truth.get("targets", [])
    targets = [targets] if isinstance(targets, str) else list(targets)
    # Of a scan, the finding names who scans.
    for key in ("true_source", "infected_subscribers"):
        targets += re.findall(r"\d+\.\d+\.\d+\.\d+", truth.get(key, ""))
    found = []
    for text in targets:
        spread = re.fullmatch(r"(\d+\.\d+\.\d+\.)(\d+)-(\d+)", text)
        if spread:
            found += [ipaddress.ip_network(spread[1] + str(n)) for n in range(int(spread[2]), int(spread[3]) + 1)]
        else:
            found.append(ipaddress.ip_network(text, strict=False))
    return found


def hits(finding, truth):
    kinds = KINDS.get(truth["kind"], [])
    if not set(finding["vectors"].split(",")) & set(kinds):
        return False
    nets = wanted(truth)
    named = (finding["scope"] + "," + finding["targets"]).split(",")
    named = [ipaddress.ip_network(name) for name in named if "/" in name or name.count(".") == 3 or ":" in name]
    return not nets or "scan" in finding["vectors"] or any(a.overlaps(b) for a in nets for b in named)


def main():
    folder, scale = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "0.01"
    meter, trial = build()
    path = os.path.join(folder, "truth.jsonl")
    lines = [json.loads(line) for line in open(path)] if os.path.exists(path) else []
    truths = {line["file"]: line for line in lines}
    counts = {"found": 0, "missed": 0, "false": 0}
    for name in sorted(os.listdir(folder)):
        if not re.search(r"\.pcap(ng)?(\.gz)?$|\.cap$", name):
            continue
        told, first = findings(meter, trial, os.path.join(folder, name), scale)
        truth = truths.get(name)
        right = [f for f in told if truth and hits(f, truth)]
        good = {f["id"] for f in right}
        wrong = [f for f in told if truth and f["state"] == "Opened" and f["id"] not in good]
        if truth and KINDS.get(truth["kind"]):
            begin = truth.get("attack_start", first / 1e6)
            verdict = f"found after {int(right[0]['at']) / 1e6 - begin:.1f} s" if right else "MISSED"
            counts["found" if right else "missed"] += 1
        else:
            verdict = "nothing to find" if truth else "no truth told"
        counts["false"] += len(wrong)
        print(f"{name}: {truth['kind'] if truth else '?'}: {verdict}")
        for f in told:
            mark = "false" if f in wrong else "     "
            print(f"  {mark} {(int(f['at']) - first) / 1e6:6.1f} s {f['state']:6} {f['vectors']} on {f['scope']} [{f['targets']}] "
                  f"{f['direction']} {f['sure']}, {f['sources']} sources {f['verdict']}: {f['why']}")
    print(f"thresholds x {scale}: {counts['found']} found, {counts['missed']} missed, {counts['false']} false")


if __name__ == "__main__":
    main()
