#!/usr/bin/env python3
"""Flow queries, the same flows and the same run: Tadoru's flow store, nfdump, DuckDB and ClickHouse (chdb).

  query.py load WORKDIR FLOWGEN TADORU_FLOWS     FLOWGEN: the built generator; TADORU_FLOWS: the built `flows` example
  query.py run  WORKDIR FLOWGEN TADORU_FLOWS

N=24000000 flows by default. nfdump takes part when WORKDIR/nf-lz4 has its files of the same flows. One thread each; the
median of three runs after one that warms the page cache. Needs numpy, pyarrow, duckdb, chdb; what is missing is said."""
import glob, json, os, statistics, subprocess, sys, time

N = int(os.environ.get("N", "24000000"))
BASE, SPAN = 1_760_000_000, 3600
W0, W1 = BASE + 1200, BASE + 1800
COLS = "start_ms end_ms src dst nexthop in_if out_if packets bytes src_as dst_as sport dport proto flags tos dir smask dmask".split()
cmd, work, flowgen, ours = sys.argv[1:5]
work = os.path.abspath(work)
raw, data = os.path.join(work, "flows.raw"), os.path.join(work, "tadoru")

def say(**k): print(json.dumps(k), flush=True)
def du(p): return sum(os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk(p) for f in fs)
def dot(a): return ".".join(str(a >> s & 255) for s in (24, 16, 8, 0))

def rows():
    import numpy as np
    dt = np.dtype([("start_ms", "<u8"), ("end_ms", "<u8")] + [(c, "<u4") for c in COLS[2:11]] + [("sport", "<u2"), ("dport", "<u2")] + [(c, "u1") for c in COLS[13:]] + [("pad", "u1", 2)])
    return np.memmap(raw, dtype=dt, mode="r")

def addresses():
    """A customer with about one flow in 20,000, and an outside address of about the same frequency."""
    import numpy as np
    a = rows()[:4_000_000]
    out = []
    for inside in (True, False):
        v, c = np.unique(a["dst"][((a["dst"] >> 24) == 10) == inside], return_counts=True)
        order = np.argsort(-c)
        out.append(int(v[order[200]] if inside else v[order[np.searchsorted(-c[order], -200)]]))
    return out

def load():
    os.makedirs(work, exist_ok=True)
    if not os.path.exists(raw):
        subprocess.check_call([flowgen, "--count", str(N), "--span", str(SPAN), "--base", str(BASE), "--seed", "7", "--raw", raw])
    subprocess.check_call(["rm", "-rf", data])
    print(subprocess.check_output([ours, "load", data, raw], text=True), end="")
    import numpy as np, pyarrow as pa, duckdb
    a, step = rows(), 2_000_000
    def table(b): return pa.table({c: pa.array(np.ascontiguousarray(b[c]).astype("datetime64[ms]") if c.endswith("_ms") else np.ascontiguousarray(b[c])) for c in COLS})
    f = os.path.join(work, "flows.duckdb")
    if os.path.exists(f): os.remove(f)
    c = duckdb.connect(f)
    t = time.time()
    for i in range(0, len(a), step):
        part = table(a[i:i + step])
        c.execute("create table flows as select * from part" if i == 0 else "insert into flows select * from part")
    c.execute("checkpoint"); c.close()
    say(step="load", engine="duckdb-native", seconds=round(time.time() - t, 1), bytes_per_flow=round(os.path.getsize(f) / len(a), 2))
    subprocess.check_call([sys.executable, os.path.abspath(__file__), "chdb-load", work, flowgen, ours])

def chdb_load():
    import chdb.session as S
    p = os.path.join(work, "chdb"); subprocess.check_call(["rm", "-rf", p])
    s = S.Session(p); s.query("create database f engine=Atomic")
    ty = {"start_ms": "DateTime64(3)", "end_ms": "DateTime64(3)", **{c: "UInt32" for c in COLS[2:11]}, "sport": "UInt16", "dport": "UInt16", **{c: "UInt8" for c in COLS[13:]}}
    s.query("create table f.lz4 (" + ", ".join(f"{c} {ty[c]} CODEC(LZ4)" for c in COLS) + ") engine=MergeTree order by start_ms")
    t = time.time()
    raws = ", ".join(f"{c} {'UInt64' if c.endswith('_ms') else ty[c]}" for c in COLS) + ", pad UInt16"
    take = ", ".join(f"fromUnixTimestamp64Milli(toInt64({c})) as {c}_" if c.endswith("_ms") else c for c in COLS)
    s.query(f"insert into f.lz4 select {take} from file('{raw}', RowBinary, '{raws}')")
    s.query("optimize table f.lz4 final")
    r = json.loads(str(s.query("select sum(rows), sum(bytes_on_disk) from system.parts where active and table='lz4'", "JSONCompact")))["data"][0]
    say(step="load", engine="clickhouse-lz4", seconds=round(time.time() - t, 1), rows=r[0], bytes_per_flow=round(int(r[1]) / max(1, int(r[0])), 2))
    sys.stdout.flush(); os._exit(0)

def sql(q, A, P, src, ts):
    if q in ("a", "a-peer"): return f"select count(*), sum(bytes), sum(packets) from {src} where src={A if q == 'a' else P} or dst={A if q == 'a' else P}"
    if q == "b": return f"select dst, sum(bytes) b, sum(packets) p, count(*) n from {src} group by dst order by b desc limit 20"
    return f"select count(*), sum(bytes), sum(packets) from {src} where start_ms>={ts(W0)} and end_ms<={ts(W1)} and dport=53"

def peer(engine):
    A, P = map(int, sys.argv[5:7])
    if engine == "duckdb-native":
        import duckdb
        c = duckdb.connect(os.path.join(work, "flows.duckdb"), read_only=True); c.execute("set threads=1"); c.execute("set TimeZone='UTC'")
        ask, src, ts = (lambda s: c.execute(s).fetchall()), "flows", (lambda x: f"make_timestamp({x * 1000000})")
    else:
        import chdb.session as S
        s_ = S.Session(os.path.join(work, "chdb"))
        ask, src, ts = (lambda s: json.loads(str(s_.query(s + " settings max_threads=1", "JSONCompact")))["data"]), "f.lz4", (lambda x: f"fromUnixTimestamp64Milli({x * 1000})")
    for q in ("a", "a-peer", "b", "c"):
        walls = []
        for k in range(4):
            t = time.time(); r = ask(sql(q, A, P, src, ts)); walls.append(time.time() - t)
        say(engine=engine, q=q, wall=[round(x, 4) for x in sorted(walls[1:])], result=" ".join(map(str, [dot(int(r[0][0])), *r[0][1:]] if q == "b" else r[0])))
    sys.stdout.flush(); os._exit(0)

def nfdump(A, P):
    d = os.path.join(work, "nf-lz4")
    if not os.path.isdir(d): return say(engine="nfdump-lz4", skipped="no files")
    tm = lambda s: time.strftime("%Y/%m/%d.%H:%M:%S", time.localtime(s))
    for q, arg in (("a", ["-o", "null", f"ip {dot(A)}"]), ("a-peer", ["-o", "null", f"ip {dot(P)}"]), ("b", ["-n", "20", "-N", "-s", "dstip/bytes"]), ("c", ["-o", "null", "-N", "-t", f"{tm(W0)}-{tm(W1)}", "dst port 53"])):
        walls = []
        for k in range(4):
            t = time.time(); o = subprocess.run(["nfdump", "-R", d] + arg, capture_output=True, text=True).stdout; walls.append(time.time() - t)
        say(engine="nfdump-lz4", q=q, wall=[round(x, 4) for x in sorted(walls[1:])], result=[l for l in o.splitlines() if l.startswith("Summary")])

def run():
    A, P = map(int, subprocess.check_output([sys.executable, os.path.abspath(__file__), "addr", work, flowgen, ours], text=True).split())
    print(subprocess.check_output([ours, "ask", data, dot(A), dot(P)], text=True), end="", flush=True)
    for e in ("duckdb-native", "clickhouse-lz4"): subprocess.run([sys.executable, os.path.abspath(__file__), e, work, flowgen, ours, str(A), str(P)])
    nfdump(A, P)

if cmd == "load": load()
elif cmd == "run": run()
elif cmd == "chdb-load": chdb_load()
elif cmd == "addr": print(*addresses())
else: peer(cmd)
