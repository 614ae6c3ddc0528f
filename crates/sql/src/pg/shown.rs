//! What the catalogue shows. The library's has what a fresh PostgreSQL brings along, its functions, operators, indexes and
//! comments; none of that is here, so those tables are shown without rows. What describes our tables is shown with the columns
//! that clients ask for.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::SchemaProvider;
use datafusion::common::Result as EngineResult;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::{TableProvider, ViewTable};
use datafusion::execution::session_state::SessionState;

/// The catalogue's own schema.
pub(super) const PG_CATALOG: &str = "pg_catalog";
/// The standard's.
pub(super) const INFORMATION_SCHEMA: &str = "information_schema";

/// The tables with rows: their schema, and the statement over the library's tables that gives them. `role`, `no_text` and
/// their like are functions of [`super::functions::of_tables`]. Lists of grants say what everybody may; without one clients take it
/// that an owner may write.
const FILLED: [(&str, &str, &str); 13] = [
    (
        PG_CATALOG,
        "pg_attribute",
        "SELECT * REPLACE (make_array(concat(role(), '=r/', role())) AS attacl,
           no_list() AS attoptions, no_list() AS attfdwoptions)
         FROM pg_attribute",
    ),
    // How many rows there are is not told: -1 is PostgreSQL's word for not known.
    (
        PG_CATALOG,
        "pg_class",
        "SELECT * REPLACE (role_number() AS relowner, arrow_cast(-1, 'Float64') AS reltuples),
           make_array(concat(role(), '=r/', role())) AS relacl, no_list() AS reloptions
         FROM pg_class",
    ),
    // The library adds a database called postgres.
    (
        PG_CATALOG,
        "pg_database",
        "SELECT * REPLACE ('c' AS datlocprovider, 'C' AS datcollate, 'C' AS datctype,
           make_array(concat(role(), '=c/', role())) AS datacl)
         FROM pg_database WHERE datname = current_database()",
    ),
    (
        PG_CATALOG,
        "pg_namespace",
        "SELECT * REPLACE (make_array(concat(role(), '=U/', role())) AS nspacl) FROM pg_namespace",
    ),
    (
        PG_CATALOG,
        "pg_roles",
        "SELECT role() AS rolname, false AS rolsuper, true AS rolinherit, false AS rolcreaterole,
           false AS rolcreatedb, true AS rolcanlogin, false AS rolreplication,
           arrow_cast(-1, 'Int32') AS rolconnlimit, no_text() AS rolpassword,
           no_time() AS rolvaliduntil, false AS rolbypassrls, no_list() AS rolconfig,
           role_number() AS oid",
    ),
    (
        PG_CATALOG,
        "pg_settings",
        "SELECT name, setting, no_text() AS unit, '' AS category, '' AS short_desc,
           no_text() AS extra_desc, 'internal' AS context, 'string' AS vartype,
           'default' AS source, no_text() AS min_val, no_text() AS max_val, no_list() AS enumvals,
           setting AS boot_val, setting AS reset_val, no_text() AS sourcefile,
           no_number() AS sourceline, false AS pending_restart
         FROM (SELECT key AS name, current_setting(key) AS setting
           FROM (SELECT unnest(settings()) AS key))",
    ),
    (PG_CATALOG, "pg_tables", "SELECT * REPLACE (role() AS tableowner) FROM pg_tables"),
    (
        PG_CATALOG,
        "pg_tablespace",
        "SELECT * REPLACE (no_list() AS spcacl, no_list() AS spcoptions) FROM pg_tablespace",
    ),
    (PG_CATALOG, "pg_type", "SELECT * REPLACE (no_list() AS typacl) FROM pg_type"),
    (
        PG_CATALOG,
        "pg_user",
        "SELECT role() AS usename, role_number() AS usesysid, false AS usecreatedb,
           false AS usesuper, false AS userepl, false AS usebypassrls, no_text() AS passwd,
           no_time() AS valuntil, no_list() AS useconfig",
    ),
    (
        INFORMATION_SCHEMA,
        "columns",
        "SELECT current_database() AS table_catalog, n.nspname AS table_schema,
           c.relname AS table_name, a.attname AS column_name,
           arrow_cast(a.attnum, 'Int32') AS ordinal_position, no_text() AS column_default,
           CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END AS is_nullable,
           format_type(a.atttypid, a.atttypmod) AS data_type,
           no_number() AS character_maximum_length, no_number() AS numeric_precision,
           no_number() AS numeric_scale, no_number() AS datetime_precision,
           current_database() AS udt_catalog, 'pg_catalog' AS udt_schema, t.typname AS udt_name,
           'NO' AS is_identity, no_text() AS identity_generation, 'NEVER' AS is_generated,
           'NO' AS is_updatable
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
         JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid",
    ),
    (
        INFORMATION_SCHEMA,
        "schemata",
        "SELECT current_database() AS catalog_name, nspname AS schema_name, role() AS schema_owner
         FROM pg_namespace",
    ),
    (
        INFORMATION_SCHEMA,
        "tables",
        "SELECT current_database() AS table_catalog, n.nspname AS table_schema,
           c.relname AS table_name, 'BASE TABLE' AS table_type, 'NO' AS is_insertable_into
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace",
    ),
];

/// Tables without rows that the library does not have, and their columns, all of them text.
const BARE: [(&str, &str); 11] = [
    ("pg_available_extensions", "name default_version installed_version comment"),
    ("pg_indexes", "schemaname tablename indexname tablespace indexdef"),
    ("pg_user_mappings", "umid srvid srvname umuser usename umoptions"),
    ("check_constraints", "constraint_catalog constraint_schema constraint_name check_clause"),
    (
        "constraint_column_usage",
        "table_catalog table_schema table_name column_name constraint_catalog constraint_schema \
         constraint_name",
    ),
    (
        "key_column_usage",
        "constraint_catalog constraint_schema constraint_name table_catalog table_schema \
         table_name column_name ordinal_position position_in_unique_constraint",
    ),
    (
        "referential_constraints",
        "constraint_catalog constraint_schema constraint_name unique_constraint_catalog \
         unique_constraint_schema unique_constraint_name match_option update_rule delete_rule",
    ),
    (
        "routines",
        "specific_catalog specific_schema specific_name routine_catalog routine_schema \
         routine_name routine_type data_type",
    ),
    (
        "table_constraints",
        "constraint_catalog constraint_schema constraint_name table_catalog table_schema \
         table_name constraint_type is_deferrable initially_deferred enforced",
    ),
    (
        "triggers",
        "trigger_catalog trigger_schema trigger_name event_manipulation event_object_catalog \
         event_object_schema event_object_table",
    ),
    ("views", "table_catalog table_schema table_name view_definition"),
];

/// A schema of one log's catalogue.
pub(super) struct Shown {
    /// Its name.
    pub(super) schema: &'static str,
    /// What the library has.
    pub(super) made: Arc<dyn SchemaProvider>,
    /// A session in which the library's tables stand alone.
    pub(super) session: SessionState,
}

impl Shown {
    fn filled(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let schema = self.schema;
        let filled = FILLED.iter().filter(move |(of, _, _)| *of == schema);
        filled.map(|(_, name, statement)| (*name, *statement))
    }

    fn bare(&self) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        let is_catalogue = self.schema == PG_CATALOG;
        BARE.iter().filter(move |(name, _)| name.starts_with("pg_") == is_catalogue)
    }
}

#[async_trait]
impl SchemaProvider for Shown {
    fn table_names(&self) -> Vec<String> {
        let filled = self.filled().map(|(name, _)| name);
        let ours = filled.chain(self.bare().map(|(name, _)| *name));
        let mut names: Vec<String> = ours.map(str::to_owned).collect();
        if self.schema == PG_CATALOG {
            names.extend(self.made.table_names());
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    async fn table(&self, name: &str) -> EngineResult<Option<Arc<dyn TableProvider>>> {
        if let Some((_, statement)) = self.filled().find(|(known, _)| *known == name) {
            let plan = self.session.create_logical_plan(statement).await?;
            return Ok(Some(Arc::new(ViewTable::new(plan, None))));
        }
        if let Some((_, columns)) = self.bare().find(|(known, _)| *known == name) {
            let text = |column| Field::new(column, DataType::Utf8, true);
            return Ok(Some(empty(columns.split(' ').map(text).collect())));
        }
        if self.schema != PG_CATALOG {
            return Ok(None);
        }
        let made = self.made.table(name).await?;
        let typed = |field: &Arc<Field>| match list(field.name()) {
            Some(kind) => Field::new(field.name(), kind, true),
            None => Field::clone(field),
        };
        Ok(made.map(|made| empty(made.schema().fields().iter().map(typed).collect())))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.table_names().iter().any(|known| known == name)
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Shown").field("schema", &self.schema).finish_non_exhaustive()
    }
}

fn empty(fields: Vec<Field>) -> Arc<dyn TableProvider> {
    Arc::new(EmptyTable::new(Arc::new(Schema::new(fields))))
}

/// The type of a column that is a list in PostgreSQL, and text where the library keeps it: functions of lists do not take text.
pub(super) fn list(column: &str) -> Option<DataType> {
    let element = match column {
        "conkey" | "confkey" | "confdelsetcols" | "indkey" | "indoption" | "partattrs"
        | "prattrs" | "stxkeys" | "tgattr" => DataType::Int16,
        "conexclop" | "conffeqop" | "conpfeqop" | "conppeqop" | "extconfig" | "indclass"
        | "indcollation" | "polroles" | "proallargtypes" => DataType::Int32,
        "evttags" | "extcondition" | "proargmodes" | "proargnames" | "proconfig" | "setconfig" => {
            DataType::Utf8
        }
        other if other.ends_with("acl") || other.ends_with("options") => DataType::Utf8,
        _ => return None,
    };
    Some(DataType::new_list(element, true))
}
