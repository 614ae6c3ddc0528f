"""Asks DuckDB the queries of a file, a line each, of the Parquet files in a folder; prints the answers as JSON."""

import json
import sys

import duckdb

folder, queries = sys.argv[1:]
base = duckdb.connect()
base.execute("SET TimeZone = 'UTC'")
for table in ("events", "changes"):
    base.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{folder}/{table}/*/*.parquet')")
with open(queries, encoding="utf-8") as lines:
    answers = [base.execute(line).fetchall() for line in lines if line.strip()]
print(json.dumps(answers))
