//! An answer: columns, and rows of JSON values.

use std::fmt::Display;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, SchemaRef, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use graven_merkle::TreeSize;
use serde_json::{Map, Number, Value};

use crate::error::QueryError;
use crate::limits::STATEMENT_NESTING_MAX;

/// The largest whole number that every reader of JSON takes alike: 2⁵³ − 1. Beyond it they are given as strings.
const EXACT_MAX: u64 = (1 << 53) - 1;
/// Times as RFC 3339 writes them, with nine digits.
const TIME_FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.9fZ";

/// What a query gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, a value a column. `docs/sql.md` says how each type is given.
    pub rows: Vec<Vec<Value>>,
    /// It was asked of the entries below this index.
    pub indexed_through: TreeSize,
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// `bigint`, `double`, `text`, `boolean`, `timestamp`, `binary`, or the engine's name of a rarer type.
    pub kind: String,
}

/// The columns of a schema.
pub(crate) fn columns(schema: &SchemaRef) -> Vec<Column> {
    let column = |field: &std::sync::Arc<datafusion::arrow::datatypes::Field>| Column {
        name: field.name().clone(),
        kind: kind(field.data_type()),
    };
    schema.fields().iter().map(column).collect()
}

fn kind(of: &DataType) -> String {
    let name = match of {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => "bigint",
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => "bigint",
        DataType::Float16 | DataType::Float32 | DataType::Float64 => "double",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text",
        DataType::Boolean => "boolean",
        DataType::Timestamp(_, _) => "timestamp",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "binary",
        other => return other.to_string(),
    };
    name.to_owned()
}

/// The rows of a batch.
pub(crate) fn rows(batch: &RecordBatch) -> Result<Vec<Vec<Value>>, QueryError> {
    let row = |at| batch.columns().iter().map(|column| value(column, at, 0)).collect();
    (0..batch.num_rows()).map(row).collect()
}

/// About how many bytes a value is as text.
pub(crate) fn size_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 12,
        Value::String(text) => text.len() + 2,
        Value::Array(values) => values.iter().map(size_bytes).sum::<usize>() + 2,
        Value::Object(members) => {
            members.iter().map(|(key, value)| key.len() + size_bytes(value) + 4).sum::<usize>() + 2
        }
    }
}

fn value(column: &dyn Array, at: usize, depth: usize) -> Result<Value, QueryError> {
    if column.is_null(at) {
        return Ok(Value::Null);
    }
    if depth > STATEMENT_NESTING_MAX {
        return Err(QueryError::Limit("the answer's values are nested too deep".to_owned()));
    }
    let nested = |inner: &dyn Array| -> Result<Value, QueryError> {
        (0..inner.len()).map(|at| value(inner, at, depth + 1)).collect()
    };
    Ok(match column.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => Value::Bool(column.as_boolean().value(at)),
        DataType::Int8 => whole(native::<Int8Type>(column, at)),
        DataType::Int16 => whole(native::<Int16Type>(column, at)),
        DataType::Int32 => whole(native::<Int32Type>(column, at)),
        DataType::Int64 => whole(native::<Int64Type>(column, at)),
        DataType::UInt8 => whole(native::<UInt8Type>(column, at)),
        DataType::UInt16 => whole(native::<UInt16Type>(column, at)),
        DataType::UInt32 => whole(native::<UInt32Type>(column, at)),
        DataType::UInt64 => whole(native::<UInt64Type>(column, at)),
        DataType::Float32 => float(f64::from(native::<Float32Type>(column, at))),
        DataType::Float64 => float(native::<Float64Type>(column, at)),
        DataType::Utf8 => column.as_string::<i32>().value(at).into(),
        DataType::LargeUtf8 => column.as_string::<i64>().value(at).into(),
        DataType::Utf8View => column.as_string_view().value(at).into(),
        DataType::Binary => STANDARD.encode(column.as_binary::<i32>().value(at)).into(),
        DataType::LargeBinary => STANDARD.encode(column.as_binary::<i64>().value(at)).into(),
        DataType::BinaryView => STANDARD.encode(column.as_binary_view().value(at)).into(),
        DataType::List(_) => nested(&*column.as_list::<i32>().value(at))?,
        DataType::LargeList(_) => nested(&*column.as_list::<i64>().value(at))?,
        DataType::FixedSizeList(_, _) => nested(&*column.as_fixed_size_list().value(at))?,
        DataType::Struct(fields) => {
            let mut object = Map::new();
            for (field, inner) in fields.iter().zip(column.as_struct().columns()) {
                object.insert(field.name().clone(), value(inner, at, depth + 1)?);
            }
            Value::Object(object)
        }
        _ => shown(column, at)?,
    })
}

fn native<T: ArrowPrimitiveType>(column: &dyn Array, at: usize) -> T::Native {
    column.as_primitive::<T>().value(at)
}

/// A number that every reader takes alike, or its text.
fn whole<T: Into<i128> + Copy>(number: T) -> Value {
    let number: i128 = number.into();
    let is_exact = number.unsigned_abs() <= u128::from(EXACT_MAX);
    match i64::try_from(number).ok().filter(|_| is_exact) {
        Some(exact) => Value::Number(exact.into()),
        None => Value::String(number.to_string()),
    }
}

/// JSON has no NaN and no infinity: they are given as text.
fn float(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number)
}

/// Times, decimals and rarer types, as text.
fn shown(column: &dyn Array, at: usize) -> Result<Value, QueryError> {
    let failed = |error: &dyn Display| QueryError::bad(format!("a value cannot be shown: {error}"));
    let options = FormatOptions::new()
        .with_timestamp_format(Some(TIME_FORMAT))
        .with_timestamp_tz_format(Some(TIME_FORMAT));
    let text = ArrayFormatter::try_new(column, &options).map_err(|error| failed(&error))?;
    let text = text.value(at).try_to_string().map_err(|error| failed(&error))?;
    Ok(Value::String(text))
}
