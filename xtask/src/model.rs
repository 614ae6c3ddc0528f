//! The model checker's test.

/// The group commit under a model checker, in a build of its own: its threads are not the machine's.
pub(crate) const MODEL_TEST: [&str; 7] =
    ["test", "--package", "graven-sim", "--features", "model", "--test", "model"];
