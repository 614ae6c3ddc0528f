//! The complete subtrees of one run: every node of the tree whose leaves all lie in the run.

use graven_merkle::{Frontier, Hash, Node, TreeSize, node_hash};

/// The nodes, level by level.
#[derive(Clone, Debug)]
pub(crate) struct RunTree {
    first: u64,
    /// Never empty: level 0 has the leaf hashes. Each level holds the neighbouring nodes that lie
    /// whole inside the run, from left to right.
    levels: Vec<Level>,
}

#[derive(Clone, Debug)]
struct Level {
    /// The index of the first node, among all of its level in the whole tree.
    first: u64,
    nodes: Vec<Hash>,
}

impl RunTree {
    /// The nodes above these leaves, the first of which has index `first`.
    pub(crate) fn new(first: u64, leaves: Vec<Hash>) -> RunTree {
        let mut levels = vec![Level { first, nodes: leaves }];
        while let Some(above) = levels.last().and_then(parents) {
            levels.push(above);
        }
        RunTree { first, levels }
    }

    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    pub(crate) fn end(&self) -> u64 {
        self.first.saturating_add(self.leaves().len() as u64)
    }

    pub(crate) fn leaves(&self) -> &[Hash] {
        self.levels.first().map(|level| level.nodes.as_slice()).unwrap_or_default()
    }

    /// A node's hash, where all its leaves lie in the run.
    pub(crate) fn node(&self, node: Node) -> Option<Hash> {
        self.nodes(node.level, node.index, 1)?.first().copied()
    }

    /// The hashes of `count` neighbouring nodes, where all their leaves lie in the run.
    pub(crate) fn nodes(&self, level: u8, index: u64, count: usize) -> Option<&[Hash]> {
        let level = self.levels.get(usize::from(level))?;
        let start = usize::try_from(index.checked_sub(level.first)?).ok()?;
        level.nodes.get(start..start.checked_add(count)?)
    }

    /// Appends the run's leaves to `edge`, from where it is up to `size`, by as few hashes as
    /// there are; false where the run does not have them.
    pub(crate) fn advance(&self, edge: &mut Frontier, size: TreeSize) -> bool {
        while edge.size() < size {
            let at = edge.size().0;
            // The largest subtree that begins here and does not reach over `size`.
            let level = at.trailing_zeros().min((size.0 - at).ilog2()) as u8;
            let Some(hash) = self.node(Node { level, index: at >> level }) else { return false };
            if edge.push_subtree(level, hash).is_err() {
                return false;
            }
        }
        true
    }
}

/// The level above; none where it would be empty.
fn parents(below: &Level) -> Option<Level> {
    let is_right_child_first = !below.first.is_multiple_of(2);
    let pairs = below.nodes.get(usize::from(is_right_child_first)..)?;
    let nodes: Vec<Hash> =
        pairs.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
    (!nodes.is_empty()).then_some(Level { first: below.first.div_ceil(2), nodes })
}
