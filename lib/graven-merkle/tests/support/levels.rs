//! A whole tree in memory, level by level.

use graven_merkle::{Hash, Node, NodeSource, node_hash};

/// Every complete subtree's hash.
pub(crate) struct Levels(Vec<Vec<Hash>>);

impl Levels {
    pub(crate) fn new(leaves: &[Hash]) -> Levels {
        let mut levels = vec![leaves.to_vec()];
        while levels[levels.len() - 1].len() > 1 {
            let below = &levels[levels.len() - 1];
            let above = below.as_chunks::<2>().0.iter().map(|[l, r]| node_hash(l, r)).collect();
            levels.push(above);
        }
        Levels(levels)
    }
}

impl NodeSource for Levels {
    /// The node that a tree of this size has no complete subtree for.
    type Error = Node;

    fn node(&self, node: Node) -> Result<Hash, Node> {
        let level = self.0.get(usize::from(node.level)).ok_or(node)?;
        usize::try_from(node.index).ok().and_then(|index| level.get(index)).copied().ok_or(node)
    }
}
