#!/usr/bin/env python3
"""Who had this address, port and instant? The same rows in PostgreSQL, DuckDB, ClickHouse (chdb) and Tadoru, one table.

Usage: compare.py WORKDIR [--rows N] [--postgresql-rows N] [--engines tadoru,duckdb,chdb,postgresql] [--tadoru PROGRAM]

Needs numpy, and for each engine its package: duckdb, chdb, psycopg2-binary (with PostgreSQL's initdb and postgres; PGBIN
names their folder); DuckDB and chdb read pyarrow's Parquet. PROGRAM is the benchmark that
`cargo bench -p tadoru-store-embedded --bench assignments --no-run` names; without it cargo runs it. 50 million rows take
about 10 GB of disk; PostgreSQL takes 117 bytes a row and may be given fewer, which its line then says. Besides the wall
clock, the table tells how many CPU seconds a million rows cost to load, over all threads and processes of the engine: on a
shared machine these are steadier. The script puts itself and what it starts into a scheduling group of their own and asks
for priority. Nothing is left running.

The workload: 4,096 public addresses with 126 blocks of 512 ports each, exponential busy and idle times over one day,
500,000 subscribers, in the order in which a gateway logs them (by release). Each engine is asked "general" questions: it is
not told how large blocks are or how they are aligned."""
import argparse, json, os, shutil, subprocess, sys, time
import numpy as np

ADDRESSES, BLOCK, SUBSCRIBERS = 4096, 512, 500_000
BLOCKS = (65536 - 1024) // BLOCK
FIRST, DAY0, DAY = 0xC6120000, 1_760_000_000_000, 86_400_000
ROW = np.dtype([("ip", "<u4"), ("port", "<u2"), ("_", "<u2"), ("t0", "<i8"), ("t1", "<i8"), ("sub", "<u8")])
SINGLES, BATCH = 2_000, 100_000


def generate(path, count):
    dice, slots, parts = np.random.default_rng(42), ADDRESSES * BLOCKS, []
    each, more = divmod(count, slots)
    for k, low, high in ((each + 1, 0, more), (each, more, slots)):
        for first in range(low, high if k else low, 32768):
            n = min(high, first + 32768) - first
            gaps = dice.exponential(1.0, (n, 2 * k + 1)).astype(np.float32)
            gaps[:, 0::2] *= 0.35  # idle, busy, idle, …
            edges = np.cumsum(gaps, axis=1, dtype=np.float64)
            edges = (edges[:, :-1] / edges[:, -1:] * (DAY - 1)).astype(np.int64) + DAY0
            slot = np.repeat(np.arange(first, first + n), k)
            rows = np.zeros(len(slot), ROW)
            rows["ip"], rows["port"] = FIRST + slot // BLOCKS, 1024 + slot % BLOCKS * BLOCK
            rows["t0"] = edges[:, 0::2].ravel()
            rows["t1"] = np.maximum(edges[:, 1::2].ravel(), rows["t0"] + 1)
            parts.append(rows)
    rows = np.concatenate(parts)
    rows = rows[np.argsort(rows["t1"], kind="stable")]
    rows["sub"] = 0x5A00000000000000 + dice.integers(0, SUBSCRIBERS, len(rows)).astype(np.uint64) * np.uint64(0x9E3779B1)
    rows.tofile(path)
    picked = rows[dice.integers(0, len(rows), SINGLES + BATCH)]
    keys = picked.copy()
    keys["port"] += dice.integers(0, BLOCK, len(keys)).astype(np.uint16)
    keys["t0"] += (dice.random(len(keys)) * (picked["t1"] - picked["t0"])).astype(np.int64)
    return rows, keys


def cpu():
    """CPU seconds of this process, all threads, and of its children that ended."""
    return sum(os.times()[:4])


def singles(keys, ask):
    """p50 and p99 in ms of asking each key, warm, and how many answers are wrong."""
    questions = [(int(k["ip"]), int(k["port"]), int(k["t0"]), int(k["sub"])) for k in keys[:SINGLES]]
    for question in questions:
        ask(*question[:3])
    times, wrong = [], 0
    for ip, port, at, sub in questions:
        begin = time.perf_counter()
        found = ask(ip, port, at)
        times.append((time.perf_counter() - begin) * 1e3)
        wrong += found != sub
    return float(np.percentile(times, 50)), float(np.percentile(times, 99)), wrong


def parquet(work, rows, keys):
    import pyarrow as pa, pyarrow.parquet as pq
    columns = lambda r: {"ip": r["ip"], "port": r["port"].astype(np.int32), "t0": r["t0"], "t1": r["t1"], "sub": r["sub"].astype(np.int64)}
    table = columns(rows) | {"port_end": rows["port"].astype(np.int32) + BLOCK - 1}
    pq.write_table(pa.table(table), f"{work}/rows.parquet", compression="zstd", row_group_size=1_000_000)
    pq.write_table(pa.table(columns(keys[SINGLES:])), f"{work}/batch.parquet")


def duckdb(work, rows, keys):
    import duckdb
    file = f"{work}/rows.duckdb"
    connection = duckdb.connect(file)
    connection.execute("set memory_limit='12GB'")
    begin, used = time.time(), cpu()
    connection.execute(f"create table a as select * from '{work}/rows.parquet' order by ip, port, t0")
    connection.execute("checkpoint")
    load, used = len(rows) / (time.time() - begin), cpu() - used
    general = "select sub from a where ip={} and port<={p} and port_end>={p} and t0<={t} and t1>{t}"
    one = lambda ip, port, at: (connection.execute(general.format(ip, p=port, t=at)).fetchone() or [None])[0]
    connection.execute("set threads=1")
    p50, p99, wrong = singles(keys, one)
    connection.execute("set threads=2")
    begin = time.time()
    join = f"select count(*) from '{work}/batch.parquet' q join a on q.ip=a.ip and a.port<=q.port and a.port_end>=q.port and a.t0<=q.t0 and a.t1>q.t0 where a.sub=q.sub"
    connection.execute(join).fetchone()
    batch = BATCH / (time.time() - begin)
    return {"load": load, "bytes": os.path.getsize(file) / len(rows), "p50": p50, "p99": p99, "batch": batch, "wrong": wrong, "cpu": used}


def chdb(work, rows, keys):
    import chdb.session
    session = chdb.session.Session(f"{work}/chdb")
    session.query("create database if not exists d engine=Atomic")
    session.query("create table d.a (ip UInt32, port Int32, port_end Int32, t0 Int64 CODEC(Delta, ZSTD(3)), t1 Int64 CODEC(Delta, ZSTD(3)), sub Int64) engine=MergeTree order by (ip, port, t0)")
    begin, used = time.time(), cpu()
    session.query(f"insert into d.a select ip, port, port_end, t0, t1, sub from file('{work}/rows.parquet', Parquet)")
    session.query("optimize table d.a final")
    load, used = len(rows) / (time.time() - begin), cpu() - used
    size = int(str(session.query("select sum(bytes_on_disk) from system.parts where active and database='d'", "TabSeparated")).strip())

    def one(ip, port, at):
        text = str(session.query(f"select sub from d.a where ip={ip} and port<={port} and port_end>={port} and t0<={at} and t1>{at} settings max_threads=1", "TabSeparated")).strip()
        return int(text) if text else None

    p50, p99, wrong = singles(keys, one)
    begin = time.time()
    session.query(f"select countIf(r.sub=q.sub) from (select *, toInt32(1024 + intDiv(port - 1024, {BLOCK}) * {BLOCK}) s from file('{work}/batch.parquet', Parquet)) q asof join d.a r on q.ip=r.ip and q.s=r.port and q.t0>=r.t0 where r.t1>q.t0 settings max_threads=2", "TabSeparated")
    return {"load": load, "bytes": size / len(rows), "p50": p50, "p99": p99, "batch": BATCH / (time.time() - begin), "wrong": wrong, "cpu": used, "note": "batch is told the block size; load with its merge"}


def postgresql(work, rows, keys):
    import psycopg2
    programs = os.environ.get("PGBIN") or subprocess.run("ls -d /usr/lib/postgresql/*/bin", shell=True, capture_output=True, text=True).stdout.split()[-1]
    data = f"{work}/postgresql"
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    os.makedirs(data)
    if user:
        os.chmod(work, 0o755)
        shutil.chown(data, "postgres", "postgres")
    quiet = {"stdout": subprocess.DEVNULL, "cwd": "/"}
    subprocess.check_call(user + [f"{programs}/initdb", "-D", data, "-A", "trust", "-U", "bench", "--no-sync"], **quiet)
    with open(f"{data}/postgresql.conf", "a") as settings:
        settings.write("listen_addresses='127.0.0.1'\nport=55432\nunix_socket_directories=''\nshared_buffers=4GB\nmaintenance_work_mem=2GB\nmax_wal_size=16GB\nwal_level=minimal\nmax_wal_senders=0\nsynchronous_commit=off\nfsync=off\nautovacuum=off\njit=off\nrandom_page_cost=1.1\n")
    subprocess.check_call(user + [f"{programs}/pg_ctl", "-D", data, "-w", "-l", f"{data}/log", "start"], **quiet)
    try:
        connection = psycopg2.connect("host=127.0.0.1 port=55432 user=bench dbname=postgres")
        cursor = connection.cursor()
        take_priority(connection.info.backend_pid)  # each of its processes is a session of its own
        form = np.dtype([("n", ">i2")] + [part for name, kind in (("ip", ">i8"), ("port", ">i4"), ("port_end", ">i4"), ("t0", ">i8"), ("t1", ">i8"), ("sub", ">i8")) for part in ((name + "_len", ">i4"), (name, kind))])
        with open(f"{work}/rows.pg", "wb") as out:
            out.write(b"PGCOPY\n\xff\r\n\0" + b"\0" * 8)
            for first in range(0, len(rows), 1_000_000):
                part = rows[first : first + 1_000_000]
                copy = np.zeros(len(part), form)
                copy["n"] = 6
                values = {"ip": part["ip"], "port": part["port"], "port_end": part["port"].astype(np.int32) + BLOCK - 1, "t0": part["t0"], "t1": part["t1"], "sub": part["sub"].astype(np.int64)}
                for name, value in values.items():
                    copy[name], copy[name + "_len"] = value, form[name].itemsize
                out.write(copy.tobytes())
            out.write(b"\xff\xff")
        begin = time.time()
        cursor.execute("create table a (ip bigint, port int, port_end int, t0 bigint, t1 bigint, sub bigint)")
        with open(f"{work}/rows.pg", "rb") as source:
            cursor.copy_expert("copy a from stdin with (format binary, freeze)", source, 1 << 20)
        cursor.execute("create index on a (ip, port, t0)")
        connection.commit()
        load = len(rows) / (time.time() - begin)
        connection.autocommit = True
        cursor.execute("analyze a")
        cursor.execute("select pg_total_relation_size('a')")
        size = cursor.fetchone()[0]
        cursor.execute("prepare one(bigint,int,bigint) as select sub from a where ip=$1 and port<=$2 and port_end>=$2 and t0<=$3 and t1>$3")

        def one(ip, port, at):
            cursor.execute(f"execute one({ip},{port},{at})")
            return (cursor.fetchone() or [None])[0]

        p50, p99, wrong = singles(keys, one)
        return {"load": load, "bytes": size / len(rows), "p50": p50, "p99": p99, "batch": None, "wrong": wrong}
    finally:
        subprocess.call(user + [f"{programs}/pg_ctl", "-D", data, "-w", "-m", "fast", "stop"], **quiet)


def tadoru(work, rows, keys, program):
    command = [program] if program else ["cargo", "bench", "-p", "tadoru-store-embedded", "--bench", "assignments"]
    environment = os.environ | {"ROWS": f"{work}/rows.bin", "N": str(len(rows)), "DIR": f"{work}/tadoru"}
    lines = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()
    figures = {}
    for line in lines:
        if line.startswith("{"):
            figure = json.loads(line)
            figures[figure["what"]] = figure  # the last round counts: it is warm
    single, batch = figures["single"], figures["batch"]
    note = f"merge {figures['merge']['secs']:.0f} s, {figures['memory']['peak_mib']} MiB while answering"
    return {"load": figures["load"]["rows_s"], "cpu": figures["load"]["cpu_s"], "bytes": figures["merge"]["bytes_row"], "p50": single["p50_us"] / 1e3, "p99": single["p99_us"] / 1e3, "batch": batch["lookups_s"], "wrong": single["wrong"] + batch["wrong"], "note": note}


def take_priority(process="self"):
    """Raises the scheduling group of a process above those of other sessions."""
    try:
        with open(f"/proc/{process}/autogroup", "w") as group:
            group.write("-19")
    except OSError:
        print("no priority: figures may suffer from other work", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work")
    parser.add_argument("--rows", type=int, default=50_000_000)
    parser.add_argument("--postgresql-rows", type=int)
    parser.add_argument("--engines", default="tadoru,duckdb,chdb,postgresql")
    parser.add_argument("--tadoru")
    options = parser.parse_args()
    work = os.path.abspath(options.work)
    try:
        os.setsid()
    except OSError:
        pass  # it leads a group already
    take_priority()
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    rows, keys = generate(f"{work}/rows.bin", options.rows)
    engines = options.engines.split(",")
    if {"duckdb", "chdb"} & set(engines):
        parquet(work, rows, keys)
    print(f"{'engine':12}{'rows':>12}{'load rows/s':>13}{'CPU s/M':>9}{'bytes/row':>11}{'p50 ms':>10}{'p99 ms':>10}{'batch/s':>12}{'wrong':>7}")
    for engine in engines:
        some, asked = rows, keys
        if engine == "postgresql" and options.postgresql_rows and options.postgresql_rows < len(rows):
            # The rows that ended last, and questions about these.
            some = rows[-options.postgresql_rows :]
            dice = np.random.default_rng(43)
            asked = some[dice.integers(0, len(some), SINGLES)].copy()
            asked["port"] += dice.integers(0, BLOCK, SINGLES).astype(np.uint16)
            asked["t0"] += (dice.random(SINGLES) * (asked["t1"] - asked["t0"])).astype(np.int64)
        try:
            found = tadoru(work, some, asked, options.tadoru) if engine == "tadoru" else globals()[engine](work, some, asked)
        except ImportError as missing:
            print(f"{engine:12} skipped: {missing.name} is not installed")
            continue
        batch = f"{found['batch']:,.0f}" if found["batch"] else "-"
        used = f"{found['cpu'] * 1e6 / len(some):.2f}" if "cpu" in found else "-"
        print(f"{engine:12}{len(some):>12,}{found['load']:>13,.0f}{used:>9}{found['bytes']:>11.2f}{found['p50']:>10.4f}{found['p99']:>10.4f}{batch:>12}{found['wrong']:>7}  {found.get('note', '')}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
