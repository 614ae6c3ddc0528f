//! Numbers for texts that repeat: a query that groups by such a column groups by its numbers.
//!
//! The engine hashes and compares each row's text. In a file a text that repeats is there once, in a dictionary, and its rows have the
//! same view of it: whoever compares views reads no text again.

use std::hash::{Hash, Hasher};
use std::mem::size_of;
use std::sync::{Arc, PoisonError, RwLock};

use datafusion::arrow::array::{
    Array as _, ArrayRef, AsArray as _, StringViewArray, StringViewBuilder, UInt32Array,
};
use datafusion::arrow::datatypes::{DataType, UInt32Type};
use datafusion::common::{HashMap, Result, exec_datafusion_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// Views of a batch that are remembered, each in the place that it hashes to.
const NEAR: usize = 512;
/// Instead of a number, that no view was met in a place.
const UNMET: u32 = u32::MAX;
/// In bytes, what a text takes besides its own.
const EACH_BYTES: usize = 2 * size_of::<Arc<str>>() + 2 * size_of::<usize>() + size_of::<u32>();

/// The texts that one query has met.
#[derive(Debug)]
pub(crate) struct Numbers {
    met: RwLock<Met>,
    memory: MemoryReservation,
}

#[derive(Debug, Default)]
struct Met {
    numbers: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
}

/// A function between texts and numbers. No query can name one: they are not registered.
#[derive(Debug)]
struct Function {
    numbers: Arc<Numbers>,
    /// From texts to numbers, or back.
    is_to: bool,
    signature: Signature,
}

impl Numbers {
    pub(crate) fn new(pool: &Arc<dyn MemoryPool>) -> Numbers {
        let memory = MemoryConsumer::new("texts that are grouped by").register(pool);
        Numbers { met: RwLock::default(), memory }
    }

    /// The expression that gives the number of a text, and null of none.
    pub(crate) fn to(self: &Arc<Self>, text: Expr) -> Expr {
        self.function(true).call(vec![text])
    }

    /// The expression that gives the text of such a number.
    pub(crate) fn from(self: &Arc<Self>, number: Expr) -> Expr {
        self.function(false).call(vec![number])
    }

    fn function(self: &Arc<Self>, is_to: bool) -> ScalarUDF {
        let from = if is_to { DataType::Utf8View } else { DataType::UInt32 };
        let signature = Signature::exact(vec![from], Volatility::Immutable);
        ScalarUDF::from(Function { numbers: Arc::clone(self), is_to, signature })
    }

    fn numbers(&self, texts: &StringViewArray) -> Result<UInt32Array> {
        let (mut views, mut near) = ([0_u128; NEAR], [UNMET; NEAR]);
        let mut numbers = Vec::with_capacity(texts.len());
        for (place, view) in texts.views().iter().enumerate() {
            // A null's view may be anything.
            if texts.is_null(place) {
                numbers.push(0);
                continue;
            }
            let slot = slot(*view);
            if views[slot] != *view || near[slot] == UNMET {
                (views[slot], near[slot]) = (*view, self.number(texts.value(place))?);
            }
            numbers.push(near[slot]);
        }
        Ok(UInt32Array::new(numbers.into(), texts.nulls().cloned()))
    }

    fn number(&self, text: &str) -> Result<u32> {
        let known = self.met.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = known.numbers.get(text) {
            return Ok(*number);
        }
        drop(known);
        let mut met = self.met.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been first.
        if let Some(number) = met.numbers.get(text) {
            return Ok(*number);
        }
        self.memory.try_grow(text.len() + EACH_BYTES)?;
        let number = u32::try_from(met.texts.len()).ok().filter(|number| *number != UNMET);
        let number = number.ok_or_else(|| exec_datafusion_err!("2^32 texts to group by"))?;
        let text: Arc<str> = text.into();
        met.texts.push(Arc::clone(&text));
        met.numbers.insert(text, number);
        Ok(number)
    }

    fn texts(&self, numbers: &UInt32Array) -> StringViewArray {
        let met = self.met.read().unwrap_or_else(PoisonError::into_inner);
        let mut texts = StringViewBuilder::with_capacity(numbers.len());
        for number in numbers {
            texts.append_option(number.and_then(|number| met.texts.get(number as usize)));
        }
        texts.finish()
    }
}

/// Where a view is remembered.
fn slot(view: u128) -> usize {
    // The multiplier of Fibonacci hashing: 2^64 divided by the golden ratio.
    let mixed = ((view >> 64) as u64 ^ view as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as usize % NEAR
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &'static str {
        if self.is_to { "number_of_text" } else { "text_of_number" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(if self.is_to { DataType::UInt32 } else { DataType::Utf8View })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [given] = &arrays[..] else {
            return Err(exec_datafusion_err!("{} takes one argument", self.name()));
        };
        let made: ArrayRef = if self.is_to {
            Arc::new(self.numbers.numbers(given.as_string_view())?)
        } else {
            Arc::new(self.numbers.texts(given.as_primitive::<UInt32Type>()))
        };
        Ok(ColumnarValue::Array(made))
    }
}

/// The same query's, the same way.
impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        Arc::ptr_eq(&self.numbers, &other.numbers) && self.is_to == other.is_to
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (Arc::as_ptr(&self.numbers), self.is_to).hash(state);
    }
}
