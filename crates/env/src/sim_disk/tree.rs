//! Names and files of a simulated disk: what is seen, what is durable, and what is in between.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::image::Image;
use crate::DirEntry;
use crate::random::SplitMix;

/// What a device writes as a whole, if it writes it at all (and not even that is sure).
const SECTOR_BYTES: usize = 512;
/// The root directory's node.
const ROOT: u64 = 0;

/// A write that the device has not confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pending {
    Write { offset: u64, bytes: Arc<[u8]> },
    Zeros { offset: u64, len_bytes: u64 },
    Len { len_bytes: u64 },
}

#[derive(Clone)]
pub(super) struct Tree {
    nodes: BTreeMap<u64, Node>,
    next: u64,
    rng: SplitMix,
}

#[derive(Clone, PartialEq, Eq)]
enum Node {
    Dir(DirNode),
    File(FileNode),
}

#[derive(Clone, Default, PartialEq, Eq)]
struct DirNode {
    seen: BTreeMap<String, u64>,
    durable: BTreeMap<String, u64>,
    pending: Vec<NameChange>,
}

#[derive(Clone, PartialEq, Eq)]
enum NameChange {
    Set { name: String, node: u64 },
    Remove { name: String },
    Rename { from: String, to: String, node: u64 },
}

#[derive(Clone, Default, PartialEq, Eq)]
struct FileNode {
    /// What reads see: the page cache.
    seen: Image,
    /// What the device holds.
    durable: Image,
    pending: Vec<Pending>,
    handles: u32,
    /// The handle that holds the file's lock.
    lock: Option<u64>,
    /// Names that lead here, as seen.
    links: u32,
}

impl Pending {
    /// The length that the file has at least after it.
    pub(super) fn end(&self) -> u64 {
        match self {
            Pending::Write { offset, bytes } => offset + bytes.len() as u64,
            Pending::Zeros { offset, len_bytes } => offset + len_bytes,
            Pending::Len { len_bytes } => *len_bytes,
        }
    }

    fn apply(&self, image: &mut Image) {
        match self {
            Pending::Write { offset, bytes } => image.write(bytes, *offset),
            Pending::Zeros { offset, len_bytes } => image.zero(*offset, *len_bytes),
            Pending::Len { len_bytes } => image.set_len(*len_bytes),
        }
    }

    fn moved(&self, by_bytes: i64) -> Pending {
        let mut moved = self.clone();
        if let Pending::Write { offset, .. } | Pending::Zeros { offset, .. } = &mut moved {
            *offset = offset.saturating_add_signed(by_bytes);
        }
        moved
    }
}

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pending::Write { offset, bytes } => write!(f, "at {offset}, {} bytes", bytes.len()),
            Pending::Zeros { offset, len_bytes } => write!(f, "at {offset}, {len_bytes} zeros"),
            Pending::Len { len_bytes } => write!(f, "to {len_bytes} bytes"),
        }
    }
}

impl Tree {
    pub(super) fn new(seed: u64) -> Self {
        let nodes = BTreeMap::from([(ROOT, Node::Dir(DirNode::default()))]);
        Tree { nodes, next: ROOT + 1, rng: SplitMix::new(seed) }
    }

    pub(super) fn reseed(&mut self, seed: u64) {
        self.rng = SplitMix::new(seed);
    }

    pub(super) fn has_content_of(&self, other: &Tree) -> bool {
        self.nodes == other.nodes
    }

    // Names.

    pub(super) fn file_at(&self, path: &Path) -> io::Result<u64> {
        let node = self.node_at(path)?;
        match self.nodes.get(&node) {
            Some(Node::File(_)) => Ok(node),
            _ => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    pub(super) fn exists(&self, path: &Path) -> io::Result<()> {
        self.node_at(path).map(|_| ())
    }

    pub(super) fn create(&mut self, path: &Path) -> io::Result<u64> {
        let node = self.next;
        self.add_name(path, node)?;
        self.next += 1;
        self.nodes.insert(node, Node::File(FileNode { links: 1, ..FileNode::default() }));
        Ok(node)
    }

    pub(super) fn create_dir(&mut self, path: &Path) -> io::Result<()> {
        if let Ok(node) = self.node_at(path) {
            return match self.nodes.get(&node) {
                Some(Node::Dir(_)) => Ok(()),
                _ => Err(io::ErrorKind::AlreadyExists.into()),
            };
        }
        let node = self.next;
        self.add_name(path, node)?;
        self.next += 1;
        self.nodes.insert(node, Node::Dir(DirNode::default()));
        let root = self.dir_mut(Path::new("/"))?;
        if root
            .pending
            .pop_if(|c| matches!(c, NameChange::Set { node: n, .. } if *n == node))
            .is_some()
        {
            root.durable = root.seen.clone();
        }
        Ok(())
    }

    pub(super) fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let is_dir = |node| matches!(self.nodes.get(node), Some(Node::Dir(_)));
        let seen = &self.dir(dir)?.seen;
        Ok(seen.iter().map(|(n, id)| DirEntry { name: n.clone(), is_dir: is_dir(id) }).collect())
    }

    pub(super) fn link(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let node = self.file_at(from)?;
        self.add_name(to, node)?;
        self.file_mut(node).links += 1;
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        let node = self.file_at(path)?;
        let (dir, name) = split(path)?;
        let dir = self.dir_mut(&dir)?;
        dir.seen.remove(&name);
        dir.pending.push(NameChange::Remove { name });
        self.file_mut(node).links -= 1;
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let node = self.file_at(from)?;
        if let Ok(replaced) = self.file_at(to) {
            if replaced == node {
                return Ok(());
            }
            self.file_mut(replaced).links -= 1;
        }
        let ((from_dir, from_name), (to_dir, to_name)) = (split(from)?, split(to)?);
        if from_dir == to_dir {
            let dir = self.dir_mut(&from_dir)?;
            dir.seen.remove(&from_name);
            dir.seen.insert(to_name.clone(), node);
            dir.pending.push(NameChange::Rename { from: from_name, to: to_name, node });
            return Ok(());
        }
        let target = self.dir_mut(&to_dir)?;
        target.seen.insert(to_name.clone(), node);
        target.pending.push(NameChange::Set { name: to_name, node });
        let source = self.dir_mut(&from_dir)?;
        source.seen.remove(&from_name);
        source.pending.push(NameChange::Remove { name: from_name });
        Ok(())
    }

    pub(super) fn sync_dir(&mut self, dir: &Path) -> io::Result<()> {
        let dir = self.dir_mut(dir)?;
        for change in std::mem::take(&mut dir.pending) {
            change.apply(&mut dir.durable);
        }
        self.collect();
        Ok(())
    }

    // Files.

    pub(super) fn read(&self, node: u64, buf: &mut [u8], offset: u64) -> usize {
        self.file(node).seen.read(buf, offset)
    }

    pub(super) fn bytes(&mut self, node: u64) -> Vec<u8> {
        let image = &self.file(node).seen;
        let mut bytes = vec![0; image.len_bytes as usize];
        image.read(&mut bytes, 0);
        bytes
    }

    pub(super) fn len_bytes(&self, node: u64) -> u64 {
        self.file(node).seen.len_bytes
    }

    pub(super) fn write(&mut self, node: u64, write: Pending, durable: bool) {
        let file = self.file_mut(node);
        write.apply(&mut file.seen);
        if durable {
            write.apply(&mut file.durable);
        } else {
            file.pending.push(write);
        }
    }

    pub(super) fn write_lost(&mut self, node: u64, write: &Pending) {
        let file = self.file_mut(node);
        write.apply(&mut file.seen);
        let len_bytes = file.seen.len_bytes;
        file.durable.len_bytes = file.durable.len_bytes.max(len_bytes);
    }

    pub(super) fn write_elsewhere(
        &mut self,
        node: u64,
        other: u64,
        by_bytes: i64,
        write: &Pending,
        durable: bool,
    ) {
        self.write_lost(node, write);
        let moved = write.moved(by_bytes);
        let file = self.file_mut(other);
        if durable {
            // Around the page cache, so what is cached of the other place is out of date; the
            // next read that matters comes after a restart.
            moved.apply(&mut file.durable);
        } else {
            file.pending.push(moved);
        }
    }

    pub(super) fn sync(&mut self, node: u64) {
        let file = self.file_mut(node);
        for write in std::mem::take(&mut file.pending) {
            write.apply(&mut file.durable);
        }
    }

    pub(super) fn forget_pending(&mut self, node: u64) {
        self.file_mut(node).pending.clear();
    }

    pub(super) fn drop_cache(&mut self, node: u64) {
        let file = self.file_mut(node);
        file.seen = file.durable.clone();
        for write in &file.pending {
            write.apply(&mut file.seen);
        }
    }

    pub(super) fn flip(&mut self, node: u64, bit: u64) {
        let file = self.file_mut(node);
        file.seen.flip(bit);
        file.durable.flip(bit);
    }

    pub(super) fn put(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if self.node_at(path).is_ok() {
            self.remove(path)?;
        }
        let node = self.create(path)?;
        self.write(node, Pending::Write { offset: 0, bytes: Arc::from(bytes) }, true);
        let (dir, _) = split(path)?;
        self.sync_dir(&dir)
    }

    pub(super) fn try_lock(&mut self, node: u64, handle: u64) -> bool {
        let file = self.file_mut(node);
        *file.lock.get_or_insert(handle) == handle
    }

    pub(super) fn opened(&mut self, node: u64) {
        self.file_mut(node).handles += 1;
    }

    pub(super) fn closed(&mut self, node: u64, handle: u64) {
        let file = self.file_mut(node);
        file.handles -= 1;
        if file.lock == Some(handle) {
            file.lock = None;
        }
    }

    pub(super) fn close_all(&mut self) {
        for node in self.nodes.values_mut() {
            if let Node::File(file) = node {
                file.handles = 0;
                file.lock = None;
            }
        }
    }

    pub(super) fn used_bytes(&self) -> u64 {
        let files = self.nodes.values().filter_map(|node| match node {
            Node::File(file) if file.links > 0 || file.handles > 0 => Some(file.seen.len_bytes),
            _ => None,
        });
        files.sum()
    }

    pub(super) fn files(&self) -> Vec<(PathBuf, u64)> {
        let mut found = Vec::new();
        self.walk(ROOT, &PathBuf::from("/"), &mut found);
        found
    }

    /// The power goes and comes back.
    pub(super) fn crash(&mut self) {
        for node in self.nodes.values_mut() {
            match node {
                Node::Dir(dir) => dir.crash(&mut self.rng),
                Node::File(file) => file.crash(&mut self.rng),
            }
        }
        self.close_all();
        self.recount();
        self.collect();
    }

    // Helpers.

    fn walk(&self, node: u64, path: &Path, found: &mut Vec<(PathBuf, u64)>) {
        match self.nodes.get(&node) {
            Some(Node::Dir(dir)) => {
                for (name, child) in &dir.seen {
                    self.walk(*child, &path.join(name), found);
                }
            }
            Some(Node::File(file)) => found.push((path.to_owned(), file.seen.len_bytes)),
            None => {}
        }
    }

    fn node_at(&self, path: &Path) -> io::Result<u64> {
        let mut at = ROOT;
        for name in names(path) {
            let Some(Node::Dir(dir)) = self.nodes.get(&at) else {
                return Err(io::ErrorKind::NotADirectory.into());
            };
            at = *dir.seen.get(name).ok_or(io::ErrorKind::NotFound)?;
        }
        Ok(at)
    }

    fn dir(&self, path: &Path) -> io::Result<&DirNode> {
        match self.nodes.get(&self.node_at(path)?) {
            Some(Node::Dir(dir)) => Ok(dir),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn dir_mut(&mut self, path: &Path) -> io::Result<&mut DirNode> {
        let node = self.node_at(path)?;
        match self.nodes.get_mut(&node) {
            Some(Node::Dir(dir)) => Ok(dir),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn file(&self, node: u64) -> &FileNode {
        match self.nodes.get(&node) {
            Some(Node::File(file)) => file,
            _ => unreachable!("a handle keeps its file"),
        }
    }

    fn file_mut(&mut self, node: u64) -> &mut FileNode {
        match self.nodes.get_mut(&node) {
            Some(Node::File(file)) => file,
            _ => unreachable!("a handle keeps its file"),
        }
    }

    fn add_name(&mut self, path: &Path, node: u64) -> io::Result<()> {
        let (dir, name) = split(path)?;
        let dir = self.dir_mut(&dir)?;
        if dir.seen.contains_key(&name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        dir.seen.insert(name.clone(), node);
        dir.pending.push(NameChange::Set { name, node });
        Ok(())
    }

    /// Counts every file's names again after a crash has changed them.
    fn recount(&mut self) {
        let mut links: BTreeMap<u64, u32> = BTreeMap::new();
        for node in self.nodes.values() {
            if let Node::Dir(dir) = node {
                dir.seen.values().for_each(|child| *links.entry(*child).or_default() += 1);
            }
        }
        for (id, node) in &mut self.nodes {
            if let Node::File(file) = node {
                file.links = links.get(id).copied().unwrap_or(0);
            }
        }
    }

    /// Forgets files to which no name leads, seen or durable, and which nobody has open.
    fn collect(&mut self) {
        let mut named = std::collections::BTreeSet::from([ROOT]);
        for node in self.nodes.values() {
            if let Node::Dir(dir) = node {
                named.extend(dir.seen.values().chain(dir.durable.values()));
                named.extend(dir.pending.iter().filter_map(NameChange::node));
            }
        }
        self.nodes.retain(|id, node| {
            named.contains(id) || matches!(node, Node::File(file) if file.handles > 0)
        });
    }
}

impl NameChange {
    fn node(&self) -> Option<u64> {
        match self {
            NameChange::Set { node, .. } | NameChange::Rename { node, .. } => Some(*node),
            NameChange::Remove { .. } => None,
        }
    }

    fn apply(self, names: &mut BTreeMap<String, u64>) {
        match self {
            NameChange::Set { name, node } => {
                names.insert(name, node);
            }
            NameChange::Remove { name } => {
                names.remove(&name);
            }
            NameChange::Rename { from, to, node } => {
                names.remove(&from);
                names.insert(to, node);
            }
        }
    }
}

impl DirNode {
    /// Keeps nothing, everything, a first part or any subset of what was pending.
    fn crash(&mut self, rng: &mut SplitMix) {
        let pending = std::mem::take(&mut self.pending);
        let kept = match rng.below(4) {
            0 => 0,
            1 => pending.len() as u64,
            _ => rng.below(pending.len() as u64 + 1),
        };
        let subset = rng.below(3) == 0;
        for (i, change) in pending.into_iter().enumerate() {
            let keep = if subset { rng.below(2) == 0 } else { (i as u64) < kept };
            if keep {
                change.apply(&mut self.durable);
            }
        }
        self.seen = self.durable.clone();
    }
}

impl FileNode {
    /// Keeps nothing, everything, a torn first part, or any sectors in any order.
    fn crash(&mut self, rng: &mut SplitMix) {
        let mut pending = std::mem::take(&mut self.pending);
        if !pending.is_empty() {
            match rng.below(8) {
                0 => {}
                1 => pending.iter().for_each(|write| write.apply(&mut self.durable)),
                2 | 3 => self.crash_first_part(&pending, rng),
                _ => {
                    if rng.below(3) == 0
                        && !pending.iter().any(|w| matches!(w, Pending::Len { .. }))
                    {
                        shuffle(&mut pending, rng);
                    }
                    for write in &pending {
                        self.crash_sectors(write, rng);
                    }
                }
            }
        }
        self.seen = self.durable.clone();
    }

    fn crash_first_part(&mut self, pending: &[Pending], rng: &mut SplitMix) {
        let whole = rng.below(pending.len() as u64) as usize;
        pending[..whole].iter().for_each(|write| write.apply(&mut self.durable));
        if let Pending::Write { offset, bytes } = &pending[whole] {
            let kept = rng.below(bytes.len() as u64 + 1) as usize;
            self.durable.write(&bytes[..kept], *offset);
        }
    }

    fn crash_sectors(&mut self, write: &Pending, rng: &mut SplitMix) {
        let Pending::Write { offset, bytes } = write else {
            if rng.below(2) == 0 {
                write.apply(&mut self.durable);
            }
            return;
        };
        // The length is metadata: without it, what was written past the old end is not there.
        let len_bytes = if rng.below(2) == 0 { u64::MAX } else { self.durable.len_bytes };
        for (i, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
            let at = offset + (i * SECTOR_BYTES) as u64;
            if at + sector.len() as u64 > len_bytes {
                break;
            }
            let cut = rng.below(sector.len() as u64 + 1) as usize;
            match rng.below(10) {
                0..=4 => self.durable.write(sector, at),
                5 => self.durable.write(&sector[..cut], at),
                6 => self.durable.write(&sector[cut..], at + cut as u64),
                7 => {
                    let end = cut + rng.below((sector.len() - cut) as u64 + 1) as usize;
                    self.durable.write(&sector[cut..end], at + cut as u64);
                }
                _ => {}
            }
        }
    }
}

fn shuffle(items: &mut [Pending], rng: &mut SplitMix) {
    for i in (1..items.len()).rev() {
        items.swap(i, rng.below(i as u64 + 1) as usize);
    }
}

fn names(path: &Path) -> impl Iterator<Item = &str> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    })
}

fn split(path: &Path) -> io::Result<(PathBuf, String)> {
    let name = path.file_name().and_then(|n| n.to_str()).ok_or(io::ErrorKind::InvalidInput)?;
    Ok((path.parent().unwrap_or(Path::new("/")).to_owned(), name.to_owned()))
}
