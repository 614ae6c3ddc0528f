//! PostgreSQL's catalogue of our tables. It says what the tables are called and which columns they have, and nothing of what
//! is in any log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::memory::{
    MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider,
};
use datafusion::catalog::{CatalogProvider as _, CatalogProviderList as _, SchemaProvider};
use datafusion::common::Result as EngineResult;
use datafusion::datasource::TableType;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::scalar::ScalarValue;
use datafusion_pg_catalog::pg_catalog::catalog_info::CatalogInfo;
use datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_pg_catalog::pg_catalog::{PgCatalogSchemaProvider, PgCatalogStaticTables};
use datafusion_pg_catalog::setup_pg_catalog;

use super::PG_SERVER_VERSION;

/// The schema of our tables.
const PUBLIC: &str = "public";
/// The catalogue's own.
const PG_CATALOG: &str = "pg_catalog";
/// The standard's.
const INFORMATION_SCHEMA: &str = "information_schema";
/// What clients ask about remarks and sizes, which there are none of.
const ABSENT: [&str; 5] =
    ["col_description", "obj_description", "pg_size_pretty", "pg_table_size", "shobj_description"];

/// The catalogue of every log that a client has asked. Made once an engine: its numbers must not change between two statements.
pub(crate) struct Catalogue {
    /// A session that has the catalogue's functions and types.
    base: SessionState,
    fixed: Arc<PgCatalogStaticTables>,
    /// By the log's name; as many as there are logs.
    by_log: Mutex<BTreeMap<String, Arc<dyn SchemaProvider>>>,
}

/// What the catalogue describes: one database, which is a log, and its tables.
#[derive(Clone, Debug)]
struct Described {
    log: Arc<str>,
    tables: Arc<BTreeMap<&'static str, SchemaRef>>,
}

impl Catalogue {
    pub(crate) fn make() -> EngineResult<Catalogue> {
        let config = SessionConfig::new().with_default_catalog_and_schema("graven", PUBLIC);
        let context = SessionContext::new_with_config(config);
        setup_pg_catalog(&context, "graven", EmptyContextProvider).map_err(|error| *error)?;
        for name in ABSENT {
            context.register_udf(Constant::udf(name, None));
        }
        let version =
            format!("PostgreSQL {PG_SERVER_VERSION} (Graven {})", env!("CARGO_PKG_VERSION"));
        context.register_udf(Constant::udf("version", Some(version)));
        let (base, fixed) = (context.state(), Arc::new(PgCatalogStaticTables::try_new()?));
        Ok(Catalogue { base, fixed, by_log: Mutex::default() })
    }

    /// A session in which a log's tables, which are still to be put in, stand beside the catalogue of them.
    pub(crate) fn session(
        &self,
        log: &str,
        config: SessionConfig,
        tables: impl Iterator<Item = (&'static str, SchemaRef)>,
    ) -> EngineResult<SessionStateBuilder> {
        let catalog = Arc::new(MemoryCatalogProvider::new());
        catalog.register_schema(PUBLIC, Arc::new(MemorySchemaProvider::new()))?;
        catalog.register_schema(PG_CATALOG, self.of(log, tables)?)?;
        let catalogs = Arc::new(MemoryCatalogProviderList::new());
        catalogs.register_catalog(log.to_owned(), catalog);
        let config = config
            .with_default_catalog_and_schema(log, PUBLIC)
            .with_create_default_catalog_and_schema(false);
        let mut session = SessionStateBuilder::new_from_existing(self.base.clone())
            .with_config(config)
            .with_catalog_list(catalogs);
        let name = Constant::udf("current_database", Some(log.to_owned()));
        session.scalar_functions().get_or_insert_default().push(Arc::new(name));
        Ok(session)
    }

    fn of(
        &self,
        log: &str,
        tables: impl Iterator<Item = (&'static str, SchemaRef)>,
    ) -> EngineResult<Arc<dyn SchemaProvider>> {
        let mut by_log = self.by_log.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = by_log.get(log) {
            return Ok(Arc::clone(made));
        }
        let described = Described { log: Arc::from(log), tables: Arc::new(tables.collect()) };
        let fixed = Arc::clone(&self.fixed);
        let made: Arc<dyn SchemaProvider> =
            Arc::new(PgCatalogSchemaProvider::try_new(described, fixed, EmptyContextProvider)?);
        by_log.insert(log.to_owned(), Arc::clone(&made));
        Ok(made)
    }
}

#[async_trait]
impl CatalogInfo for Described {
    async fn catalog_names(&self) -> EngineResult<Vec<String>> {
        Ok(vec![self.log.to_string()])
    }

    async fn schema_names(&self, catalog: &str) -> EngineResult<Option<Vec<String>>> {
        let names = [PUBLIC, PG_CATALOG, INFORMATION_SCHEMA].map(str::to_owned);
        Ok((catalog == &*self.log).then(|| names.into()))
    }

    async fn table_names(&self, _: &str, schema: &str) -> EngineResult<Option<Vec<String>>> {
        let names = self.tables.keys().map(|name| (*name).to_owned());
        Ok(Some(if schema == PUBLIC { names.collect() } else { Vec::new() }))
    }

    async fn table_schema(
        &self,
        _: &str,
        schema: &str,
        table: &str,
    ) -> EngineResult<Option<SchemaRef>> {
        Ok(self.tables.get(table).filter(|_| schema == PUBLIC).map(Arc::clone))
    }

    async fn table_type(
        &self,
        _: &str,
        schema: &str,
        table: &str,
    ) -> EngineResult<Option<TableType>> {
        let is_ours = schema == PUBLIC && self.tables.contains_key(table);
        Ok(is_ours.then_some(TableType::Base))
    }
}

/// A function that gives one text, or null, whatever it is asked.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Constant {
    name: &'static str,
    value: Option<String>,
    signature: Signature,
}

impl Constant {
    fn udf(name: &'static str, value: Option<String>) -> ScalarUDF {
        let any = vec![TypeSignature::Nullary, TypeSignature::VariadicAny];
        let signature = Signature::one_of(any, Volatility::Stable);
        ScalarUDF::from(Constant { name, value, signature })
    }
}

impl ScalarUDFImpl for Constant {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> EngineResult<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> EngineResult<ColumnarValue> {
        Ok(ColumnarValue::Scalar(ScalarValue::Utf8(self.value.clone())))
    }
}

impl std::fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalogue").finish_non_exhaustive()
    }
}
