#!/usr/bin/env python3
"""DuckDB and ClickHouse (chdb) read a folder of flow files as it lies: read_by_others.py DIR/flows FLOWS BYTES."""
import json, sys
path, flows, octets = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
ok = True
try:
    import duckdb
    c = duckdb.connect(); c.execute("set TimeZone='UTC'")
    src = f"read_parquet('{path}/**/*.parquet', hive_partitioning=true)"
    n, b = c.execute(f"select count(*), sum(bytes) from {src}").fetchone()
    types = {r[0]: r[1] for r in c.execute(f"describe select * from {src}").fetchall()}
    one = c.execute(f"select src from {src} limit 1").fetchone()[0]
    m = c.execute(f"select count(*) from {src} where src = ?", [one]).fetchone()[0]
    hours = c.execute(f"select count(distinct (date, hour)) from {src}").fetchone()[0]
    good = (n, b) == (flows, octets) and types["first"] == "TIMESTAMP WITH TIME ZONE" and types["src_port"] == "USMALLINT" and m > 0
    ok &= good
    print("duckdb", duckdb.__version__, "ok" if good else "WRONG", n, b, types["first"], types["src"], types["src_port"], types["bytes"], "hours", hours, "rows of one address", m)
except ImportError:
    print("duckdb skipped: not installed")
try:
    import chdb
    r = json.loads(str(chdb.query(f"select count() n, sum(bytes) b, toTypeName(any(first)) t, toTypeName(any(src)) a, IPv6NumToString(any(src)) s, toTypeName(any(dst_port)) p from file('{path}/*/*/*.parquet', Parquet)", "JSON")))["data"][0]
    good = (int(r["n"]), int(r["b"])) == (flows, octets)
    ok &= good
    print("clickhouse", chdb.__version__, "ok" if good else "WRONG", r["n"], r["b"], r["t"], r["a"], r["p"])
except ImportError:
    print("chdb skipped: not installed")
sys.exit(0 if ok else 1)
