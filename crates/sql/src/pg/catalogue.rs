//! PostgreSQL's catalogue of our tables. It says what the tables are called and which columns they have, and nothing of what
//! is in any log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::memory::{
    MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider,
};
use datafusion::catalog::{CatalogProvider as _, CatalogProviderList as _, SchemaProvider};
use datafusion::common::Result as EngineResult;
use datafusion::datasource::TableType;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::scalar::ScalarValue;
use datafusion_pg_catalog::pg_catalog::catalog_info::CatalogInfo;
use datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_pg_catalog::pg_catalog::{PgCatalogSchemaProvider, PgCatalogStaticTables};
use datafusion_pg_catalog::setup_pg_catalog;

use super::functions;
use super::shown::{INFORMATION_SCHEMA, PG_CATALOG, Shown};

/// The schema of our tables.
const PUBLIC: &str = "public";

/// The catalogue of every log that a client has asked. Made once an engine: its numbers must not change between two statements.
pub(crate) struct Catalogue {
    /// A session that has the catalogue's functions and types.
    base: SessionState,
    fixed: Arc<PgCatalogStaticTables>,
    /// By the log's name; as many as there are logs.
    by_log: Mutex<BTreeMap<String, [Arc<Shown>; 2]>>,
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
        for function in functions::all() {
            context.register_udf(function);
        }
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
        let catalog = MemoryCatalogProvider::new();
        catalog.register_schema(PUBLIC, Arc::new(MemorySchemaProvider::new()))?;
        for shown in self.of(log, tables)? {
            catalog.register_schema(shown.schema, shown)?;
        }
        // The engine's own tables of this name tell its types and functions, not PostgreSQL's.
        let config =
            config.with_default_catalog_and_schema(log, PUBLIC).with_information_schema(false);
        Ok(self.with_catalog(log, config, catalog))
    }

    fn with_catalog(
        &self,
        log: &str,
        config: SessionConfig,
        catalog: MemoryCatalogProvider,
    ) -> SessionStateBuilder {
        let catalogs = Arc::new(MemoryCatalogProviderList::new());
        catalogs.register_catalog(log.to_owned(), Arc::new(catalog));
        let mut session = SessionStateBuilder::new_from_existing(self.base.clone())
            .with_config(config.with_create_default_catalog_and_schema(false))
            .with_catalog_list(catalogs);
        let name = functions::constant("current_database", ScalarValue::from(log));
        session.scalar_functions().get_or_insert_default().push(Arc::new(name));
        session
    }

    fn of(
        &self,
        log: &str,
        tables: impl Iterator<Item = (&'static str, SchemaRef)>,
    ) -> EngineResult<[Arc<Shown>; 2]> {
        let mut by_log = self.by_log.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = by_log.get(log) {
            return Ok(made.clone());
        }
        let described = Described { log: Arc::from(log), tables: Arc::new(tables.collect()) };
        let fixed = Arc::clone(&self.fixed);
        let made: Arc<dyn SchemaProvider> =
            Arc::new(PgCatalogSchemaProvider::try_new(described, fixed, EmptyContextProvider)?);
        let catalog = MemoryCatalogProvider::new();
        catalog.register_schema(PG_CATALOG, Arc::clone(&made))?;
        let config = SessionConfig::new().with_default_catalog_and_schema(log, PG_CATALOG);
        let mut session = self.with_catalog(log, config, catalog);
        let own = functions::of_tables()?.map(Arc::new);
        session.scalar_functions().get_or_insert_default().extend(own);
        let session = session.build();
        let shown = [PG_CATALOG, INFORMATION_SCHEMA].map(|schema| {
            let (made, session) = (Arc::clone(&made), session.clone());
            Arc::new(Shown { schema, made, session })
        });
        by_log.insert(log.to_owned(), shown.clone());
        Ok(shown)
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

impl std::fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalogue").finish_non_exhaustive()
    }
}
