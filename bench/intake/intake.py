#!/usr/bin/env python3
"""Rate without loss and CPU of nfcapd and of tadoru serve, on the same datagrams in the same run.
Usage: intake.py TADORU BLAST [RATE ...]      (flows a second to try, from the top; a default ladder where none is given)"""
import glob, json, os, re, shutil, signal, subprocess, sys, tempfile, time

TADORU, BLAST = sys.argv[1:3]
RATES = [float(r) for r in sys.argv[3:]] or [2.5e6, 2.2e6, 1.9e6, 1.6e6, 1.4e6, 1.2e6, 1.0e6, 0.8e6, 0.6e6, 0.4e6]
SECONDS = float(os.environ.get("SECS", "4"))
ONE_CORE = os.environ.get("ONE_CORE", "1") == "1"
BUFFER = int(os.environ.get("BUFFER", str(64 << 20)))
try:
    os.setsid()
    open("/proc/self/autogroup", "w").write("-19")
except OSError:
    pass
WORK = tempfile.mkdtemp(prefix="intake-")


def pinned(core, *argv):
    return (["taskset", "-c", str(core)] if ONE_CORE else []) + list(argv)


def drops(port):
    for line in open("/proc/net/udp"):
        parts = line.split()
        if len(parts) > 12 and parts[1].endswith(":%04X" % port):
            return int(parts[12])
    return -1


def cpu(pid):
    """User and system seconds of a process, and of each of its threads by name."""
    tick, threads, total = os.sysconf("SC_CLK_TCK"), {}, 0.0
    for task in glob.glob(f"/proc/{pid}/task/*/stat"):
        try:
            head, rest = open(task).read().rsplit(")", 1)
        except OSError:
            continue
        parts = rest.split()
        used = (int(parts[11]) + int(parts[12])) / tick
        name = head.split("(", 1)[1]
        threads[name] = threads.get(name, 0) + used
        total += used
    return total, threads


def rss(pid):
    found = re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{pid}/status").read())
    return int(found.group(1)) // 1024 if found else 0


def blast(port, rate, count):
    argv = pinned(0, BLAST, f"127.0.0.1:{port}", str(int(count)), str(rate))
    return json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)


def settle(pid):
    """Waits until the receiver works no more."""
    last, quiet = cpu(pid)[0], 0
    while quiet < 3:
        time.sleep(0.5)
        now = cpu(pid)[0]
        quiet = quiet + 1 if now - last < 0.04 else 0
        last = now


def nfcapd(rate, count):
    folder = tempfile.mkdtemp(dir=WORK)
    argv = ["nfcapd", "-w", folder, "-p", "19995", "-b", "127.0.0.1", "-t", "3600", "-B", str(BUFFER), "-y"]
    child = subprocess.Popen(pinned(1, *argv), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while drops(19995) < 0:
        time.sleep(0.1)
    sent = blast(19995, rate, count)
    time.sleep(1)
    settle(child.pid)
    lost_here, memory = drops(19995), rss(child.pid)
    child.send_signal(signal.SIGTERM)
    _, _, used = os.wait4(child.pid, 0)
    child.returncode = 0
    stored = size = 0
    for name in glob.glob(folder + "/nfcapd.*"):
        size += os.path.getsize(name)
        for line in subprocess.run(["nfdump", "-I", "-r", name], capture_output=True, text=True).stdout.splitlines():
            if line.startswith("Flows:"):
                stored += int(line.split()[1])
    shutil.rmtree(folder)
    return dict(who="nfcapd -y", **sent, stored=stored, kernel_drops=lost_here, cpu_per_m=(used.ru_utime + used.ru_stime) / max(stored, 1) * 1e6,
                bytes_a_flow=size / max(stored, 1), rss_mib=memory)


def detection():
    """The thresholds of the defaults, so high that this traffic, as much as a large network's, is no attack."""
    text = subprocess.run([TADORU, "print-config"], capture_output=True, text=True, check=True).stdout
    section = re.search(r"\[detection\.thresholds\].*?(?=\n\[(?!detection\.thresholds))", text + "\n[", re.S).group(0)
    return re.sub(r"= ([0-9.]+)", lambda m: f"= {float(m.group(1)) * 1e5}", section)


def tadoru(rate, count):
    folder = tempfile.mkdtemp(dir=WORK)
    config, data = folder + "/tadoru.toml", folder + "/data"
    open(config, "w").write('[desk]\nown_prefixes = ["10.0.0.0/8"]\n[api]\nlisten = "127.0.0.1:0"\n[sources.flows]\nudp = ["127.0.0.1:19996"]\n'
                            f'receive_buffer = {BUFFER}\nexporters = [{{ from = "127.0.0.1", name = "blast" }}]\n' + detection() + "\n")
    child = subprocess.Popen(pinned(1, TADORU, "--data", data, "--config", config, "serve"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ask = [TADORU, "--data", data, "--config", config, "--json", "exporters"]
    while drops(19996) < 0:
        time.sleep(0.1)
    time.sleep(1)
    idle = cpu(child.pid)[0]
    sent = blast(19996, rate, count)
    lost_here = drops(19996)
    time.sleep(1)
    settle(child.pid)
    told = json.loads(subprocess.run(ask, capture_output=True, text=True).stdout)
    stored = sum(one["flows"] for one in told["exporters"])
    threads, memory = cpu(child.pid)[1], rss(child.pid)
    child.send_signal(signal.SIGTERM)
    _, _, used = os.wait4(child.pid, 0)
    child.returncode = 0
    size = sum(os.path.getsize(name) for name in glob.glob(data + "/flows/**/*.parquet", recursive=True))
    shutil.rmtree(folder)
    m = max(stored, 1) / 1e6
    return dict(who="tadoru", **sent, stored=stored, kernel_drops=lost_here, cpu_per_m=(used.ru_utime + used.ru_stime - idle) / m,
                threads_per_m={name: round(spent / m, 3) for name, spent in threads.items() if spent / m > 0.005},
                bytes_a_flow=size / max(stored, 1), rss_mib=memory)


def main():
    print(json.dumps(dict(load=os.getloadavg(), one_core=ONE_CORE, buffer=BUFFER)), flush=True)
    best = {}
    for rate in RATES:
        for who in (nfcapd, tadoru):
            if who.__name__ in best:
                continue
            told = who(rate, rate * SECONDS)
            told["lost"] = told["records"] - told["stored"]
            print(json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in told.items()}), flush=True)
            if told["lost"] <= 0 and told["kernel_drops"] == 0:
                best[who.__name__] = told
        if len(best) == 2:
            break
    if len(best) == 2:
        ratio = {k: round(best["tadoru"][k] / max(best["nfcapd"][k], 1e-9), 2) for k in ("rate", "cpu_per_m", "bytes_a_flow")}
        print(json.dumps(dict(tadoru_to_nfcapd=ratio, load=os.getloadavg())), flush=True)


try:
    main()
finally:
    shutil.rmtree(WORK, ignore_errors=True)
