"""Asks DuckDB the queries of a file, a line each, of the Parquet files in a folder; prints each one's median time in
microseconds, as JSON. One connection, so files and their statistics stay known from query to query."""

import json
import statistics
import sys
import time

import duckdb

folder, path, rounds, threads = sys.argv[1:]
base = duckdb.connect(config={"threads": int(threads)})
base.execute("SET TimeZone = 'UTC'")
for table in ("events", "changes"):
    base.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{folder}/{table}/*/*.parquet')")
with open(path, encoding="utf-8") as lines:
    asked = [line for line in lines if line.strip()]
medians = []
for query in asked:
    times = []
    for _ in range(int(rounds)):
        began = time.perf_counter()
        base.execute(query).fetchall()
        times.append((time.perf_counter() - began) * 1e6)
    medians.append(statistics.median(times))
print(json.dumps({"query_p50_us": medians}))
