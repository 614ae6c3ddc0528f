"""Asks an engine the queries of a file, a line each, of the Parquet files in a folder; prints the answers as JSON."""

import json
import sys

TABLES = ("events", "changes")


def duckdb(folder, queries):
    import duckdb

    base = duckdb.connect()
    base.execute("SET TimeZone = 'UTC'")
    for table in TABLES:
        files = f"{folder}/{table}/*/*.parquet"
        base.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{files}')")
    return [base.execute(query).fetchall() for query in queries]


def chdb(folder, queries):
    from chdb.session import Session

    base = Session()
    base.query("CREATE DATABASE lake")
    base.query("USE lake")
    settings = {
        "session_timezone": "'UTC'",
        "output_format_json_quote_64bit_integers": 0,
        # Joins and aggregates of nothing give null, as SQL says.
        "join_use_nulls": 1,
        "aggregate_functions_null_for_empty": 1,
    }
    for name, value in settings.items():
        base.query(f"SET {name} = {value}")
    for table in TABLES:
        files = f"{folder}/{table}/*/*.parquet"
        base.query(f"CREATE VIEW {table} AS SELECT * FROM file('{files}', Parquet)")
    return [json.loads(base.query(query, "JSONCompact").data())["data"] for query in queries]


def spark(folder, queries):
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    # Its bar would stand before the answers, on the same line.
    builder = builder.config("spark.ui.showConsoleProgress", "false")
    builder = builder.config("spark.driver.bindAddress", "127.0.0.1")
    builder = builder.config("spark.driver.host", "127.0.0.1")
    builder = builder.config("spark.sql.session.timeZone", "UTC")
    builder = builder.config("spark.sql.legacy.parquet.nanosAsLong", "true")
    base = builder.getOrCreate()
    base.sparkContext.setLogLevel("ERROR")
    for table in TABLES:
        rows = base.read.parquet(f"{folder}/{table}")
        for name in ("time", "event_time"):
            if name in rows.columns:
                # Nanoseconds, which Spark has no type for.
                rows = rows.withColumn(name, rows[name].cast("double").__truediv__(1e9).cast("timestamp"))
        rows.createOrReplaceTempView(table)
    return [[list(row) for row in base.sql(query).collect()] for query in queries]


engine, folder, path = sys.argv[1:]
with open(path, encoding="utf-8") as lines:
    asked = [line for line in lines if line.strip()]
print(json.dumps({"duckdb": duckdb, "chdb": chdb, "spark": spark}[engine](folder, asked)))
