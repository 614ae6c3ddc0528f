//! PostgreSQL's functions of the catalogue, where the library has none or answers what is not so here.

use std::sync::Arc;

use datafusion::arrow::array::{Array as _, AsArray as _, BooleanArray, StringArray};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{Result as EngineResult, plan_datafusion_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility, lit,
};
use datafusion::scalar::ScalarValue;

use super::{PG_SERVER_VERSION, SETTINGS};

/// The one role, which everybody is: whose token it is stays with the server.
const ROLE: &str = "reader";

/// What `format` gives at most; results are not counted against a query's memory until they are made.
const FORMATTED_BYTES_MAX: usize = 65_536;

/// Remarks, definitions and defaults, which there are none of.
const TEXTS: [&str; 21] = [
    "col_description",
    "obj_description",
    "pg_describe_object",
    "pg_get_constraintdef",
    "pg_get_expr",
    "pg_get_function_arguments",
    "pg_get_function_identity_arguments",
    "pg_get_function_result",
    "pg_get_function_sqlbody",
    "pg_get_functiondef",
    "pg_get_indexdef",
    "pg_get_partkeydef",
    "pg_get_ruledef",
    "pg_get_serial_sequence",
    "pg_get_statisticsobjdef",
    "pg_get_statisticsobjdef_columns",
    "pg_get_triggerdef",
    "pg_get_viewdef",
    "pg_size_pretty",
    "pg_tablespace_location",
    "shobj_description",
];

/// Sizes, which are not told: they would say how much is in a log.
const SIZES: [&str; 6] = [
    "pg_database_size",
    "pg_indexes_size",
    "pg_relation_size",
    "pg_table_size",
    "pg_tablespace_size",
    "pg_total_relation_size",
];

/// Whether something is found without its schema's name.
const VISIBLE: [&str; 12] = [
    "pg_collation_is_visible",
    "pg_conversion_is_visible",
    "pg_function_is_visible",
    "pg_opclass_is_visible",
    "pg_operator_is_visible",
    "pg_opfamily_is_visible",
    "pg_statistics_obj_is_visible",
    "pg_ts_config_is_visible",
    "pg_ts_dict_is_visible",
    "pg_ts_parser_is_visible",
    "pg_ts_template_is_visible",
    "pg_type_is_visible",
];

/// Whether one may do something to something.
const PRIVILEGES: [&str; 7] = [
    "has_any_column_privilege",
    "has_column_privilege",
    "has_database_privilege",
    "has_function_privilege",
    "has_schema_privilege",
    "has_table_privilege",
    "pg_has_role",
];

/// What everybody may who is in: to read, and what goes before it.
const MAY: [&str; 5] = ["SELECT", "USAGE", "CONNECT", "EXECUTE", "MEMBER"];

/// All of them for clients, but for the one that tells the log.
pub(super) fn all() -> Vec<ScalarUDF> {
    let version = format!("PostgreSQL {PG_SERVER_VERSION} (Graven {})", env!("CARGO_PKG_VERSION"));
    // A list's elements and their places, a row each; of no list here there are any.
    let element = [("x", DataType::Int16), ("n", DataType::Int32)];
    let element = element.map(|(name, kind)| Field::new(name, kind, true));
    let element = DataType::Struct(element.into_iter().collect());
    let no_element = ScalarValue::try_from(&element).unwrap_or(ScalarValue::Null);
    let texts = TEXTS.map(|name| constant(name, ScalarValue::Utf8(None)));
    let sizes = SIZES.map(|name| constant(name, ScalarValue::Int64(None)));
    let visible = VISIBLE.map(|name| constant(name, ScalarValue::from(true)));
    let others = [
        constant("version", ScalarValue::from(version)),
        constant("session_user", ScalarValue::from(ROLE)),
        constant("pg_get_userbyid", ScalarValue::from(ROLE)),
        constant("pg_is_in_recovery", ScalarValue::from(false)),
        constant("pg_encoding_to_char", ScalarValue::from("UTF8")),
        constant("_pg_expandarray", no_element),
        ScalarUDF::from(CurrentSetting { signature: Signature::user_defined(Volatility::Stable) }),
        ScalarUDF::from(Format { signature: Signature::variadic_any(Volatility::Stable) }),
    ];
    let privileges = PRIVILEGES.map(|name| {
        let signature = Signature::variadic_any(Volatility::Stable);
        ScalarUDF::from(Privilege { name, signature })
    });
    texts.into_iter().chain(sizes).chain(visible).chain(others).chain(privileges).collect()
}

/// What the catalogue's own tables are made with.
pub(super) fn of_tables() -> EngineResult<[ScalarUDF; 7]> {
    // A setting of two words is for `SHOW` only.
    let settings = SETTINGS.iter().filter(|(name, _)| !name.contains(' '));
    let settings: Vec<ScalarValue> = settings.map(|(name, _)| ScalarValue::from(*name)).collect();
    let settings = ScalarValue::new_list_nullable(&settings, &DataType::Utf8);
    let no_list = ScalarValue::try_from(&DataType::new_list(DataType::Utf8, true))?;
    Ok([
        constant("no_list", no_list),
        constant("no_number", ScalarValue::Int32(None)),
        constant("no_text", ScalarValue::Utf8(None)),
        constant("no_time", ScalarValue::TimestampMicrosecond(None, Some("UTC".into()))),
        constant("role", ScalarValue::from(ROLE)),
        // By which the library's tables name the owner.
        constant("role_number", ScalarValue::Int32(Some(10))),
        constant("settings", ScalarValue::List(settings)),
    ])
}

/// A function that gives one value, or null, whatever it is asked.
pub(super) fn constant(name: &'static str, value: ScalarValue) -> ScalarUDF {
    let any = vec![TypeSignature::Nullary, TypeSignature::VariadicAny];
    let signature = Signature::one_of(any, Volatility::Stable);
    ScalarUDF::from(Constant { name, value, signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Constant {
    name: &'static str,
    value: ScalarValue,
    signature: Signature,
}

impl ScalarUDFImpl for Constant {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> EngineResult<DataType> {
        Ok(self.value.data_type())
    }

    /// Not even asked for its arguments, among which may be what the engine cannot do.
    fn simplify(&self, _: Vec<Expr>, _: &SimplifyContext) -> EngineResult<ExprSimplifyResult> {
        Ok(ExprSimplifyResult::Simplified(lit(self.value.clone())))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> EngineResult<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}

/// Whether everybody may do one of what the last argument names.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Privilege {
    name: &'static str,
    signature: Signature,
}

impl ScalarUDFImpl for Privilege {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> EngineResult<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> EngineResult<ColumnarValue> {
        let Some(asked) = args.args.last() else { return Err(unread(self.name)) };
        let asked = texts(asked, args.number_rows)?;
        let may = |asked: &str| {
            let mut words = asked.split(',').map(|word| word.trim().to_ascii_uppercase());
            words.any(|word| MAY.contains(&word.as_str()))
        };
        let allowed: BooleanArray = asked.iter().map(|asked| asked.map(may)).collect();
        Ok(ColumnarValue::Array(Arc::new(allowed)))
    }
}

/// `current_setting`: what `SHOW` tells.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CurrentSetting {
    signature: Signature,
}

impl ScalarUDFImpl for CurrentSetting {
    fn name(&self) -> &'static str {
        "current_setting"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> EngineResult<Vec<DataType>> {
        match given.len() {
            1 => Ok(vec![DataType::Utf8]),
            2 => Ok(vec![DataType::Utf8, DataType::Boolean]),
            _ => Err(unread(self.name())),
        }
    }

    fn return_type(&self, _: &[DataType]) -> EngineResult<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> EngineResult<ColumnarValue> {
        let Some(asked) = args.args.first() else { return Err(unread(self.name())) };
        let may_miss = args.args.get(1).is_some_and(|given| {
            matches!(given, ColumnarValue::Scalar(ScalarValue::Boolean(Some(true))))
        });
        let find = |name: &str| {
            let lower = name.to_lowercase();
            let known = SETTINGS.iter().find(|(known, _)| *known == lower);
            match known {
                Some((_, value)) => Ok(Some(*value)),
                None if may_miss => Ok(None),
                None => Err(plan_datafusion_err!("there is no setting called {name}")),
            }
        };
        let asked = texts(asked, args.number_rows)?;
        let told = asked.iter().map(|name| name.map_or(Ok(None), find));
        let told: StringArray = told.collect::<EngineResult<_>>()?;
        Ok(ColumnarValue::Array(Arc::new(told)))
    }
}

/// `format`: a text with values in it, `%s` as they are, `%I` as names, `%L` as literals.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Format {
    signature: Signature,
}

impl ScalarUDFImpl for Format {
    fn name(&self) -> &'static str {
        "format"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> EngineResult<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> EngineResult<ColumnarValue> {
        let columns = args.args.iter().map(|value| texts(value, args.number_rows));
        let columns: Vec<StringArray> = columns.collect::<EngineResult<_>>()?;
        let Some((pattern, values)) = columns.split_first() else { return Err(unread("format")) };
        let row = |row: usize| {
            let mut values =
                values.iter().map(|column| column.is_valid(row).then(|| column.value(row)));
            pattern.is_valid(row).then(|| filled(pattern.value(row), &mut values)).transpose()
        };
        let told: StringArray = (0..args.number_rows).map(row).collect::<EngineResult<_>>()?;
        Ok(ColumnarValue::Array(Arc::new(told)))
    }
}

/// A pattern with values in the places that it has for them.
fn filled<'a>(
    pattern: &str,
    values: &mut impl Iterator<Item = Option<&'a str>>,
) -> EngineResult<String> {
    let mut pieces = pattern.split('%');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    while let Some(piece) = pieces.next() {
        let Some(kind) = piece.chars().next() else {
            // Two signs stand for one.
            text.push('%');
            text.push_str(pieces.next().unwrap_or_default());
            continue;
        };
        let value = values.next().ok_or_else(|| unread("format"))?;
        match kind {
            's' => text.push_str(value.unwrap_or_default()),
            'I' => text.push_str(&name(value.unwrap_or_default())),
            'L' => text.push_str(&value.map_or("NULL".to_owned(), literal)),
            _ => return Err(unread("format")),
        }
        text.push_str(&piece[1..]);
        if text.len() > FORMATTED_BYTES_MAX {
            return Err(plan_datafusion_err!("format makes names, no longer texts"));
        }
    }
    Ok(text)
}

fn name(value: &str) -> String {
    let is_plain = |place: usize, letter: char| {
        letter.is_ascii_lowercase() || letter == '_' || (place > 0 && letter.is_ascii_digit())
    };
    let is_plain = !value.is_empty()
        && value.chars().enumerate().all(|(place, letter)| is_plain(place, letter));
    if is_plain { value.to_owned() } else { format!("\"{}\"", value.replace('"', "\"\"")) }
}

fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// A value a row, as text.
fn texts(value: &ColumnarValue, rows: usize) -> EngineResult<StringArray> {
    let texts = value.cast_to(&DataType::Utf8, None)?.into_array(rows)?;
    Ok(texts.as_string::<i32>().clone())
}

fn unread(name: &str) -> DataFusionError {
    plan_datafusion_err!("{name} is asked with other arguments")
}
