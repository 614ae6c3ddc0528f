//! The step of a plan that lets only those rows through that a reader may see.
//!
//! It stands directly above the files and the tail. Nothing of a query goes below it, neither conditions nor limits nor
//! statistics: what a reader may not see cannot be counted, made to fail, or told by what was left out.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BooleanArray, RecordBatch, StringViewArray};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, internal_datafusion_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
};
use futures::StreamExt as _;

use crate::filter::RowAbout;
use crate::table::Table;

/// Says which rows a reader may see.
pub(crate) type Allows = Arc<dyn Fn(&RowAbout) -> bool + Send + Sync>;

/// The columns that a filter looks at, in the order of [`About`].
const ASKED: [&str; 9] = [
    "writer",
    "stream",
    "action",
    "actor_type",
    "actor_id",
    "outcome",
    "target_type",
    "target_id",
    "more_targets",
];

/// Which columns are read, asked and given on.
pub(crate) struct Plan {
    /// To read, by their place in the table.
    pub(crate) read: Vec<usize>,
    /// Where [`ASKED`] stand in what is read.
    asked: [usize; ASKED.len()],
    /// Where what is wanted stands in what is read.
    wanted: Vec<usize>,
}

impl Plan {
    pub(crate) fn new(table: Table, wanted: &[usize]) -> Result<Plan> {
        let mut read = wanted.to_vec();
        let mut asked = [0; ASKED.len()];
        for (slot, name) in asked.iter_mut().zip(ASKED) {
            let place = table.columns().iter().position(|(column, _)| *column == name);
            let place = place.ok_or_else(|| internal_datafusion_err!("no column {name}"))?;
            *slot = read.iter().position(|at| *at == place).unwrap_or(read.len());
            if *slot == read.len() {
                read.push(place);
            }
        }
        Ok(Plan { read, asked, wanted: (0..wanted.len()).collect() })
    }
}

/// See the module.
pub(crate) struct ScopeExec {
    input: Arc<dyn ExecutionPlan>,
    plan: Arc<Plan>,
    allows: Allows,
    properties: Arc<PlanProperties>,
}

impl ScopeExec {
    pub(crate) fn new(
        input: Arc<dyn ExecutionPlan>,
        plan: Arc<Plan>,
        allows: Allows,
    ) -> Result<ScopeExec> {
        let schema = Arc::new(input.schema().project(&plan.wanted)?);
        // A partitioning by columns would name them by where they stand below.
        let count = input.properties().partitioning.partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(count),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(ScopeExec { input, plan, allows, properties: Arc::new(properties) })
    }
}

impl fmt::Debug for ScopeExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScopeExec")
    }
}

impl DisplayAs for ScopeExec {
    fn fmt_as(&self, _form: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScopeExec: what the reader may see")
    }
}

impl ExecutionPlan for ScopeExec {
    fn name(&self) -> &'static str {
        "ScopeExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.pop().ok_or_else(|| internal_datafusion_err!("no input"))?;
        let (plan, allows) = (Arc::clone(&self.plan), Arc::clone(&self.allows));
        Ok(Arc::new(ScopeExec::new(input, plan, allows)?))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let (plan, allows) = (Arc::clone(&self.plan), Arc::clone(&self.allows));
        let schema: SchemaRef = self.schema();
        let seen = input.map(move |batch| seen(&batch?, &plan, &allows));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, seen)))
    }
}

/// The rows of a batch that the reader may see, in the columns that are wanted.
fn seen(batch: &RecordBatch, plan: &Plan, allows: &Allows) -> Result<RecordBatch> {
    let columns = About::of(batch, &plan.asked)?;
    let keep: BooleanArray =
        (0..batch.num_rows()).map(|row| Some(allows(&columns.row(row)))).collect();
    let kept = filter_record_batch(batch, &keep)?;
    kept.project(&plan.wanted).map_err(DataFusionError::from)
}

/// The asked columns of a batch.
struct About<'a>([&'a StringViewArray; ASKED.len()]);

impl<'a> About<'a> {
    fn of(batch: &'a RecordBatch, asked: &[usize; ASKED.len()]) -> Result<About<'a>> {
        let texts = asked.map(|place| batch.column(place).as_string_view_opt());
        if texts.iter().any(Option::is_none) {
            return Err(internal_datafusion_err!("a column that is no text"));
        }
        Ok(About(texts.map(|text| text.expect("looked at above"))))
    }

    fn row(&self, row: usize) -> RowAbout<'a> {
        let text = |column: usize| {
            let texts: &'a StringViewArray = self.0[column];
            texts.is_valid(row).then(|| texts.value(row))
        };
        let [writer, stream, action, actor_type, actor, outcome] =
            [0, 1, 2, 3, 4, 5].map(|column| text(column).unwrap_or_default());
        let owned = |column| text(column).map(ToOwned::to_owned);
        let targets = RowAbout::targets(owned(6), owned(7), text(8));
        RowAbout { writer, stream, action, actor_type, actor, outcome, targets }
    }
}
