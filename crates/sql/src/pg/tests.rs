//! What statements about the catalogue become, and what functions of it give.

use datafusion::arrow::util::display::array_value_to_string;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;

use super::functions;

fn check(statement: &str, expected: &str) {
    let read = super::parse(statement).unwrap();
    assert_eq!(read.len(), 1, "{statement}");
    assert_eq!(read[0].to_string(), expected, "{statement}");
}

#[test]
fn lists_of_subqueries_are_aggregates() {
    check(
        "SELECT ARRAY(SELECT b.rolname FROM pg_catalog.pg_roles b WHERE b.oid = r.oid ORDER BY 1) FROM pg_catalog.pg_roles r",
        "SELECT coalesce((SELECT array_agg(b.rolname ORDER BY b.rolname) FROM pg_catalog.pg_roles b WHERE b.oid = r.oid), make_array()) FROM pg_catalog.pg_roles r",
    );
    check(
        "SELECT ARRAY(SELECT x FROM pg_catalog.unnest(c.reloptions) x) FROM pg_catalog.pg_class c",
        "SELECT arrow_cast(make_array(), 'List(Utf8)') FROM pg_catalog.pg_class c",
    );
    // What nests is not written twice, and what is not the catalogue's is not left out.
    for untouched in [
        "SELECT ARRAY(SELECT lower(c.relname) FROM pg_catalog.pg_class c ORDER BY 1)",
        "SELECT ARRAY(SELECT DISTINCT c.relname FROM pg_catalog.pg_class c)",
    ] {
        check(untouched, untouched);
    }
    check(
        "SELECT ARRAY(SELECT x FROM pg_catalog.generate_series(1, 3) AS x)",
        "SELECT coalesce((SELECT array_agg(x) FROM generate_series(1, 3) AS x), make_array())",
    );
}

#[test]
fn subqueries_of_each_row_give_one_row() {
    check(
        "SELECT 1 FROM pg_type t WHERE (SELECT c.relkind = 'c' FROM pg_class c WHERE c.oid = t.typrelid)",
        "SELECT 1 FROM pg_catalog.pg_type t WHERE (SELECT first_value(c.relkind = 'c') FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid)",
    );
    for untouched in [
        // Of many rows of its own, of which the engine has to complain.
        "SELECT 1 FROM pg_catalog.pg_type t WHERE 'c' = (SELECT c.relkind FROM pg_catalog.pg_class c)",
        "SELECT 1 FROM pg_catalog.pg_type t WHERE 1 = (SELECT count(*) FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid)",
        "SELECT 1 FROM pg_catalog.pg_type t WHERE t.oid IN (SELECT c.oid FROM pg_catalog.pg_class c)",
    ] {
        check(untouched, untouched);
    }
}

#[test]
fn fields_functions_and_names_are_the_engines() {
    check(
        "SELECT (information_schema._pg_expandarray(i.indkey)).n FROM pg_catalog.pg_index i",
        "SELECT get_field((_pg_expandarray(i.indkey)), 'n') FROM pg_catalog.pg_index i",
    );
    check(
        "SELECT typinput = 'pg_catalog.array_in'::regproc FROM pg_catalog.pg_type",
        "SELECT typinput = 'array_in' FROM pg_catalog.pg_type",
    );
    check(
        "SELECT NULL, oid, NULL::text FROM pg_catalog.pg_type",
        "SELECT NULL, oid, NULL::TEXT AS column3 FROM pg_catalog.pg_type",
    );
    // What does not ask the catalogue stays as it is.
    check("SELECT (a).b FROM events", "SELECT (a).b FROM events");
}

#[test]
fn functions_give_what_is_so_here() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let context = SessionContext::new();
    for function in functions::all() {
        context.register_udf(function);
    }
    let ask = |asked: &str| {
        runtime.block_on(async {
            let rows = context.sql(&format!("SELECT {asked}")).await?.collect().await?;
            array_value_to_string(rows[0].column(0), 0).map_err(DataFusionError::from)
        })
    };
    for (asked, told) in [
        ("format('%s %I %I %L %%', 1, 'a1', 'A \"b', 'it''s')", "1 a1 \"A \"\"b\" 'it''s' %"),
        ("format('%s-%L', CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR))", "-NULL"),
        ("current_setting('Server_Version_Num')", "160000"),
        ("current_setting('nothing', true)", ""),
        ("has_table_privilege('events', 'SELECT')", "true"),
        ("has_table_privilege('x', 'events', 'insert, update')", "false"),
        ("has_schema_privilege(2200, 'CREATE, USAGE')", "true"),
        ("pg_get_expr(NULL, 0)", ""),
        ("pg_database_size('other')", ""),
    ] {
        assert_eq!(ask(asked).unwrap(), told, "{asked}");
    }
    for (asked, why) in [
        ("format('%s')", "other arguments"),
        ("format('%1$s', 1)", "other arguments"),
        ("current_setting('nothing')", "there is no setting called nothing"),
    ] {
        let error = ask(asked).unwrap_err().to_string();
        assert!(error.contains(why), "{asked}: {error}");
    }
}
