//! Bytes of the fuzzer as numbers and pieces, for targets whose input is not text of a format.

/// What is left of an input. At its end every number is 0 and every piece empty.
pub(crate) struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Input<'a> {
        Input { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn u8(&mut self) -> u8 {
        self.piece(1).first().copied().unwrap_or(0)
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.u8(), self.u8()])
    }

    pub(crate) fn u64(&mut self) -> u64 {
        (0..8).fold(0, |number, _| number << 8 | u64::from(self.u8()))
    }

    /// Up to `count` bytes.
    pub(crate) fn piece(&mut self, count: usize) -> &'a [u8] {
        let (piece, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        piece
    }
}

/// Applies edits to good bytes: place (2 bytes), how (1), length (1), the bytes. Whether that changed anything.
pub(crate) fn edit(good: &[u8], input: &mut Input<'_>) -> Vec<u8> {
    let mut bytes = good.to_vec();
    while !input.is_empty() && bytes.len() < good.len() + EDIT_GROWTH_BYTES_MAX {
        let at = usize::from(input.u16()) % (bytes.len() + 1);
        let (how, length) = (input.u8() % 3, usize::from(input.u8() % 64));
        let end = (at + length).min(bytes.len());
        match how {
            0 => drop(bytes.splice(at..at, input.piece(length).iter().copied())),
            1 => drop(bytes.drain(at..end)),
            _ => {
                let piece = input.piece(end - at);
                bytes[at..at + piece.len()].copy_from_slice(piece);
            }
        }
    }
    bytes
}

/// Edits stop where they have made the bytes longer than this.
const EDIT_GROWTH_BYTES_MAX: usize = 4_096;
