"""Prints what DuckDB reads in a Parquet file that the web UI wrote, as JSON: nanoseconds of times as text, long texts as their length and end."""

import json
import sys

import duckdb

base = duckdb.connect()
base.execute(f"CREATE VIEW file AS SELECT * REPLACE (epoch_ns(time)::VARCHAR AS time) FROM read_parquet('{sys.argv[1]}')")
columns = [name for name, *_ in base.execute("DESCRIBE file").fetchall()]
rows = base.execute("SELECT * FROM file").fetchall()


def brief(value):
    is_long = isinstance(value, str) and len(value) > 1000
    return f"{len(value)} {value[-8:]}" if is_long else value


print(json.dumps({"columns": columns, "rows": [[brief(value) for value in row] for row in rows]}))
