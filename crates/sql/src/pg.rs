//! The same tables for clients that speak PostgreSQL's protocol: statements in PostgreSQL's grammar, its catalogue, and values as
//! it writes them.

mod catalogue;
mod functions;
mod rewrite;
mod shown;
#[cfg(test)]
mod tests;

use std::sync::{Arc, LazyLock};

use arrow_pg::datatypes::df::deserialize_parameters_with_server_types;
use arrow_pg::datatypes::{arrow_schema_to_pg_fields, encode_recordbatch, into_pg_type};
use bytes::Bytes;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::ParamValues;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::Statement as Plain;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;
use datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use pgwire::api::Type;
use pgwire::api::portal::{Format, Portal};
use pgwire::api::results::FieldInfo;
use pgwire::api::stmt::StoredStatement;
use pgwire::error::PgWireResult;
use pgwire::messages::data::DataRow;

use crate::error::{Position, QueryError};
use crate::failure::{NOT_READ, explain, not_parsed};
use crate::limits::STATEMENT_NESTING_MAX;
use crate::statement::{check_size, plain_reads};

pub(crate) use catalogue::Catalogue;

/// The version that clients are told; by it they choose what they ask of the catalogue.
pub const PG_SERVER_VERSION: &str = "16.0";

/// What `SHOW` knows, and `pg_settings`.
const SETTINGS: [(&str, &str); 18] = [
    ("transaction isolation level", "repeatable read"),
    ("transaction_isolation", "repeatable read"),
    ("default_transaction_isolation", "repeatable read"),
    ("transaction_read_only", "on"),
    ("default_transaction_read_only", "on"),
    ("server_version", PG_SERVER_VERSION),
    ("server_version_num", "160000"),
    ("server_encoding", "UTF8"),
    ("client_encoding", "UTF8"),
    ("integer_datetimes", "on"),
    ("is_superuser", "off"),
    ("standard_conforming_strings", "on"),
    ("search_path", "public"),
    ("timezone", "UTC"),
    ("time zone", "UTC"),
    ("datestyle", "ISO, MDY"),
    ("max_identifier_length", "63"),
    ("max_index_keys", "32"),
];

/// Words by which a statement asks the catalogue, beside those that begin with `pg_`.
const CATALOGUE_WORDS: [&str; 13] = [
    "current_catalog",
    "current_database",
    "current_schema",
    "current_schemas",
    "current_user",
    "information_schema",
    "quote_ident",
    "regclass",
    "regnamespace",
    "regproc",
    "regtype",
    "session_user",
    "version",
];

static CATALOGUE_PARSER: LazyLock<PostgresCompatibilityParser> =
    LazyLock::new(PostgresCompatibilityParser::new);

/// One statement of a client, as far as its session answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PgStatement {
    /// It changes nothing that we have (`SET`, `DISCARD`): the tag that answers it.
    Nothing(&'static str),
    /// A transaction begins; all of them only read.
    Begin,
    /// One ends, by this tag.
    End(&'static str),
    /// `SHOW`: the setting and its value.
    Show(String, &'static str),
    /// It reads.
    Query,
}

/// What a statement takes and gives.
#[derive(Clone, Debug)]
pub struct PgPrepared {
    /// The types of its parameters, in their order.
    pub parameters: Vec<Type>,
    kinds: Vec<Option<DataType>>,
    schema: SchemaRef,
}

/// The values of a statement's parameters, as a client sent them.
#[derive(Clone, Debug)]
pub struct PgParameters {
    types: Vec<Option<Type>>,
    format: Format,
    values: Vec<Option<Bytes>>,
}

/// Which statement of a question's text is meant, and how it is asked.
#[derive(Clone, Debug)]
pub struct PgAsked {
    /// Its place among the statements, from 0.
    pub place: usize,
    /// What it is given, where it was prepared.
    pub parameters: Option<PgParameters>,
    /// How its values are wanted.
    pub format: Format,
}

/// Rows as they are sent.
#[derive(Clone, Debug)]
pub struct PgRows {
    /// Their columns.
    pub fields: Arc<Vec<FieldInfo>>,
    /// A value a column.
    pub rows: Vec<DataRow>,
}

impl PgParameters {
    /// What a client bound.
    pub fn of<S: Clone>(portal: &Portal<S>) -> PgParameters {
        PgParameters {
            types: portal.statement.parameter_types.clone(),
            format: portal.parameter_format.clone(),
            values: portal.parameters.clone(),
        }
    }
}

impl PgPrepared {
    /// The columns of its rows, in the formats that a client wants.
    pub fn fields(&self, format: &Format) -> Result<Vec<FieldInfo>, QueryError> {
        fields(&self.schema, format)
    }

    pub(crate) fn of(plan: &LogicalPlan) -> Result<PgPrepared, QueryError> {
        let found = plan.get_parameter_types().map_err(|error| explain(&error))?;
        let mut kinds = vec![None; found.len()];
        for (name, kind) in found {
            let place = name.trim_start_matches('$').parse::<usize>().ok();
            let slot = place.and_then(|place| kinds.get_mut(place.checked_sub(1)?));
            *slot.ok_or_else(|| {
                QueryError::bad("parameters are $1, $2 and so on, and none is left out")
            })? = kind;
        }
        let of_kind = |kind: &Option<DataType>| match kind {
            Some(kind) => wire(into_pg_type(kind)),
            None => Ok(Type::UNKNOWN),
        };
        let parameters = kinds.iter().map(of_kind).collect::<Result<_, _>>()?;
        Ok(PgPrepared { parameters, kinds, schema: Arc::clone(plan.schema().inner()) })
    }

    /// The values that a client bound.
    pub(crate) fn bind(&self, given: PgParameters) -> Result<ParamValues, QueryError> {
        let (count, wanted) = (given.values.len(), self.parameters.len());
        if count != wanted {
            let detail = format!("{count} parameters are bound; the statement has {wanted}");
            return Err(QueryError::bad(detail));
        }
        check_format(&given.format, wanted)?;
        let statement = StoredStatement::new(String::new(), (), given.types);
        let mut portal = Portal::new_cursor(String::new(), Arc::new(statement));
        (portal.parameter_format, portal.parameters) = (given.format, given.values);
        let kinds: Vec<Option<&DataType>> = self.kinds.iter().map(Option::as_ref).collect();
        let types: Vec<Option<&Type>> = self.parameters.iter().map(Some).collect();
        wire(deserialize_parameters_with_server_types(&portal, &kinds, &types))
    }
}

impl QueryError {
    /// PostgreSQL's code (its appendix A).
    pub fn sql_state(&self) -> &'static str {
        match self {
            QueryError::ReadOnly => "25006",
            QueryError::Bad { detail, .. } => {
                let known = [
                    (NOT_READ, "42601"),
                    ("No field named", "42703"),
                    ("table '", "42P01"),
                    ("Invalid function", "42883"),
                    ("there is no setting", "42704"),
                    ("Failed to parse parameter", "22P02"),
                ];
                let known = known.into_iter().find(|(start, _)| detail.starts_with(start));
                known.map_or("42000", |(_, state)| state)
            }
            QueryError::Limit(_) => "54000",
            QueryError::Busy(_) => "53000",
            QueryError::Unavailable(_) => "58000",
        }
    }

    /// Where in the statement the fault is, if that is known: in characters, from 1.
    pub fn place(&self, statement: &str) -> Option<u64> {
        let QueryError::Bad { position: Some(Position { line, column }), .. } = self else {
            return None;
        };
        let above = statement.split_inclusive('\n').take(usize::try_from(line - 1).ok()?);
        Some(above.map(|line| line.chars().count() as u64).sum::<u64>() + column)
    }
}

/// The statements of a text, in PostgreSQL's grammar. Those that ask the catalogue are rewritten to what the engine can do, and
/// lose their places by it; those that ask for entries stay as they are. Recurses as deep as they nest.
pub(crate) fn parse(text: &str) -> Result<Vec<Plain>, QueryError> {
    let dialect = PostgreSqlDialect {};
    let tokens = check_size(text, &dialect)?;
    let read = if tokens.iter().any(asks_catalogue) {
        CATALOGUE_PARSER.parse(text).map(|mut statements| {
            statements.iter_mut().for_each(rewrite::rewrite);
            statements
        })
    } else {
        let parser = Parser::new(&dialect).with_recursion_limit(STATEMENT_NESTING_MAX);
        parser.try_with_sql(text).and_then(|mut parser| parser.parse_statements())
    };
    read.map_err(|error| {
        let text = error.to_string();
        not_parsed(text.strip_prefix("sql parser error: ").unwrap_or(&text))
    })
}

fn asks_catalogue(token: &Token) -> bool {
    let Token::Word(word) = token else { return false };
    let word = word.value.to_ascii_lowercase();
    word.starts_with("pg_") || CATALOGUE_WORDS.contains(&word.as_str())
}

/// How a session answers a statement.
pub(crate) fn sort(statement: &Plain) -> Result<PgStatement, QueryError> {
    Ok(match statement {
        Plain::Set(_) => PgStatement::Nothing("SET"),
        Plain::Reset(_) => PgStatement::Nothing("RESET"),
        Plain::Discard { .. } => PgStatement::Nothing("DISCARD ALL"),
        Plain::Deallocate { .. } => PgStatement::Nothing("DEALLOCATE"),
        Plain::Savepoint { .. } => PgStatement::Nothing("SAVEPOINT"),
        Plain::ReleaseSavepoint { .. } => PgStatement::Nothing("RELEASE"),
        Plain::Rollback { savepoint: Some(_), .. } => PgStatement::Nothing("ROLLBACK"),
        Plain::StartTransaction { statements, .. } if statements.is_empty() => PgStatement::Begin,
        Plain::Commit { .. } => PgStatement::End("COMMIT"),
        Plain::Rollback { .. } => PgStatement::End("ROLLBACK"),
        Plain::ShowVariable { variable } => {
            let words: Vec<String> =
                variable.iter().map(|word| word.value.to_lowercase()).collect();
            let name = words.join(" ");
            let known = SETTINGS.iter().find(|(known, _)| *known == name);
            let (_, value) = known
                .ok_or_else(|| QueryError::bad(format!("there is no setting called {name}")))?;
            PgStatement::Show(name.replace(' ', "_"), value)
        }
        reads if plain_reads(reads) => PgStatement::Query,
        _ => return Err(QueryError::ReadOnly),
    })
}

/// The columns of a schema, in the formats that a client wants.
pub(crate) fn fields(schema: &SchemaRef, format: &Format) -> Result<Vec<FieldInfo>, QueryError> {
    check_format(format, schema.fields().len())?;
    wire(arrow_schema_to_pg_fields(schema, format, None))
}

/// The rows of a batch.
pub(crate) fn rows(
    fields: &Arc<Vec<FieldInfo>>,
    batch: RecordBatch,
) -> Result<Vec<DataRow>, QueryError> {
    encode_recordbatch(Arc::clone(fields), batch).map(wire).collect()
}

/// Refuses formats that are neither one for all nor one for each.
fn check_format(format: &Format, count: usize) -> Result<(), QueryError> {
    match format {
        Format::Individual(formats) if formats.len() != count => {
            let detail = format!("{} formats are given for {count} values", formats.len());
            Err(QueryError::bad(detail))
        }
        _ => Ok(()),
    }
}

fn wire<T>(result: PgWireResult<T>) -> Result<T, QueryError> {
    result.map_err(|error| QueryError::bad(error.to_string()))
}
