//! One Parquet file: written from batches, and read in pieces for the query engine.

use std::collections::HashSet;
use std::fmt;
use std::io::Cursor;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::common::{DataFusionError, Result as QueryResult};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use env::{Disk, DiskFile, OpenMode};
use futures::future::{BoxFuture, ready};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{
    PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, SortingColumn,
};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{ChunkReader, Length};
use parquet::schema::types::ColumnPath;

use crate::limits::{PAGE_ROWS, SEGMENT_ENTRIES};
use crate::manifest::FileLine;
use crate::table::{Kind, Table};

/// How hard zstd tries: what the log's own bundles use.
const ZSTD_LEVEL: i32 = 3;
/// How often a bloom filter may say "perhaps" of a value that is not there.
const BLOOM_FALSE_POSITIVES: f64 = 0.05;

/// The batches as one Parquet file with one row group, in their order.
pub(crate) fn encode(table: Table, batches: &[&RecordBatch]) -> Result<Vec<u8>> {
    let properties = properties(table, batches)?;
    let mut writer = ArrowWriter::try_new(Vec::new(), table.file_schema(), Some(properties))?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.into_inner()
}

fn properties(table: Table, batches: &[&RecordBatch]) -> Result<WriterProperties> {
    let by_index = SortingColumn { column_idx: 0, descending: false, nulls_first: false };
    let mut properties = WriterProperties::builder()
        .set_created_by("graven".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_max_row_group_row_count(None)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_sorting_columns(Some(vec![by_index]));
    for (place, (name, kind)) in table.columns().iter().enumerate() {
        let path = ColumnPath::from(*name);
        match kind {
            // Times and numbers that mostly rise: their differences are small.
            Kind::Int | Kind::Time => {
                properties = properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
            }
            Kind::Id => {
                let distinct = distinct(batches, place);
                if distinct > 0 {
                    properties = properties
                        .set_column_bloom_filter_enabled(path.clone(), true)
                        .set_column_bloom_filter_fpp(path.clone(), BLOOM_FALSE_POSITIVES)
                        .set_column_bloom_filter_max_ndv(path, distinct);
                }
            }
            Kind::Text | Kind::Flag => {}
        }
    }
    Ok(properties.build())
}

/// How many different texts a column has: a bloom filter is as large as it needs to be.
fn distinct(batches: &[&RecordBatch], place: usize) -> u64 {
    let mut seen = HashSet::with_capacity(SEGMENT_ENTRIES as usize);
    for batch in batches {
        seen.extend(batch.column(place).as_string::<i32>().iter().flatten());
    }
    seen.len() as u64
}

/// A file of the lake, as queries read it.
pub(crate) struct LakeFile {
    pub(crate) line: FileLine,
    pub(crate) path: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    /// Its footer and page index, read once.
    pub(crate) metadata: OnceLock<Arc<ParquetMetaData>>,
}

/// Gives the query engine readers of [`LakeFile`]s, which travel as extensions of its own descriptions of files: no path that
/// a query names can lead anywhere.
#[derive(Debug)]
pub(crate) struct LakeReaders;

struct LakeReader {
    lake: Arc<LakeFile>,
    file: OpenFile,
}

/// An open file, for the reader of metadata too.
#[derive(Clone)]
struct OpenFile {
    file: Arc<dyn DiskFile>,
    size_bytes: u64,
}

impl fmt::Debug for LakeFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line.path)
    }
}

impl ParquetFileReaderFactory for LakeReaders {
    fn create_reader(
        &self,
        _partition_index: usize,
        partitioned_file: PartitionedFile,
        _metadata_size_hint: Option<usize>,
        _metrics: &ExecutionPlanMetricsSet,
    ) -> QueryResult<Box<dyn AsyncFileReader + Send>> {
        let lake = partitioned_file.extension::<Arc<LakeFile>>();
        let none = || DataFusionError::Internal("a file that is not of the lake".to_owned());
        let lake = Arc::clone(lake.ok_or_else(none)?);
        let file = lake.disk.open(&lake.path, OpenMode::Read)?;
        let file = OpenFile { file: Arc::from(file), size_bytes: lake.line.size_bytes };
        Ok(Box::new(LakeReader { lake, file }))
    }
}

impl AsyncFileReader for LakeReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        let length = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        Box::pin(ready(ChunkReader::get_bytes(&self.file, range.start, length)))
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        Box::pin(ready(self.metadata()))
    }
}

impl LakeReader {
    fn metadata(&self) -> Result<Arc<ParquetMetaData>> {
        if let Some(known) = self.lake.metadata.get() {
            return Ok(Arc::clone(known));
        }
        let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
        let metadata = Arc::new(reader.parse_and_finish(&self.file)?);
        Ok(Arc::clone(self.lake.metadata.get_or_init(|| metadata)))
    }
}

impl Length for OpenFile {
    fn len(&self) -> u64 {
        self.size_bytes
    }
}

impl ChunkReader for OpenFile {
    type T = Cursor<Bytes>;

    fn get_read(&self, start: u64) -> Result<Cursor<Bytes>> {
        let length = usize::try_from(self.size_bytes.saturating_sub(start)).unwrap_or(usize::MAX);
        self.get_bytes(start, length).map(Cursor::new)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.size_bytes);
        if end.is_none() {
            return Err(ParquetError::EOF(format!("{length} bytes from {start} on are not there")));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start).map_err(ParquetError::from)?;
        Ok(bytes.into())
    }
}
