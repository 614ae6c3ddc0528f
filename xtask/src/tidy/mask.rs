//! Rust source split into its code and its comments, so that a check sees only what it is about.
//!
//! Not a lexer of Rust: it knows comments, strings, raw strings and character literals, and keeps every line where it
//! was.

/// Two views of one source file, each with as many lines as the file.
pub(super) struct Masked {
    /// The code; comments and the contents of strings and characters are blanks.
    pub(super) code: String,
    /// The comments; everything else is blanks.
    pub(super) comments: String,
}

/// Splits the source.
pub(super) fn mask(source: &str) -> Masked {
    let chars: Vec<char> = source.chars().collect();
    let mut out = Masked { code: String::new(), comments: String::new() };
    let mut at = 0;
    while at < chars.len() {
        let (kind, end) = token_at(&chars, at);
        out.push(kind, &chars[at..end]);
        at = end;
    }
    out
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

impl Masked {
    fn push(&mut self, kind: Kind, token: &[char]) {
        for (i, &c) in token.iter().enumerate() {
            let blank = if c == '\n' { '\n' } else { ' ' };
            // A literal's first and last character stay, so that `""` is still seen as a value.
            let edge = kind == Kind::Literal && c == '"' && (i == 0 || i + 1 == token.len());
            self.code.push(if kind == Kind::Code || edge { c } else { blank });
            self.comments.push(if kind == Kind::Comment { c } else { blank });
        }
    }
}

/// The kind and end of the token that starts at `at`; at least one character long.
fn token_at(chars: &[char], at: usize) -> (Kind, usize) {
    let next = chars.get(at + 1).copied();
    match chars[at] {
        '/' if next == Some('/') => (Kind::Comment, line_end(chars, at)),
        '/' if next == Some('*') => (Kind::Comment, block_end(chars, at)),
        '"' => (Kind::Literal, string_end(chars, at)),
        'r' if !in_word(chars, at) => match raw_end(chars, at) {
            Some(end) => (Kind::Literal, end),
            None => (Kind::Code, at + 1),
        },
        '\'' => match char_end(chars, at) {
            Some(end) => (Kind::Literal, end),
            None => (Kind::Code, at + 1),
        },
        _ => (Kind::Code, at + 1),
    }
}

/// Whether the character before belongs to the same word: `r` in `for` starts no raw string, in `br"…"` it does.
fn in_word(chars: &[char], at: usize) -> bool {
    let word = |i: usize| chars[i].is_alphanumeric() || chars[i] == '_';
    match at {
        0 => false,
        1 => word(0) && !matches!(chars[0], 'b' | 'c'),
        _ if matches!(chars[at - 1], 'b' | 'c') => word(at - 2),
        _ => word(at - 1),
    }
}

fn line_end(chars: &[char], at: usize) -> usize {
    (at..chars.len()).find(|&i| chars[i] == '\n').unwrap_or(chars.len())
}

fn block_end(chars: &[char], at: usize) -> usize {
    let mut depth = 0usize;
    let mut i = at;
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => (depth, i) = (depth + 1, i + 2),
            ('*', Some('/')) => (depth, i) = (depth.saturating_sub(1), i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i.min(chars.len());
        }
    }
    chars.len()
}

fn string_end(chars: &[char], at: usize) -> usize {
    let mut i = at + 1;
    while i < chars.len() {
        match chars[i] {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    chars.len()
}

/// The end of a raw string that starts with the `r` at `at`; none where it is just a word.
fn raw_end(chars: &[char], at: usize) -> Option<usize> {
    let hashes = chars[at + 1..].iter().take_while(|&&c| c == '#').count();
    let open = at + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let closes = |i: usize| {
        chars[i] == '"' && chars[i + 1..].iter().take_while(|&&c| c == '#').count() >= hashes
    };
    let close = (open + 1..chars.len()).find(|&i| closes(i));
    Some(close.map_or(chars.len(), |i| i + 1 + hashes))
}

/// The end of a character literal; none where the quote starts a lifetime.
fn char_end(chars: &[char], at: usize) -> Option<usize> {
    match chars.get(at + 1)? {
        '\\' => {
            // The escaped character may itself be a quote.
            let from = at + 3;
            (from..chars.len()).find(|&i| chars[i] == '\'').map(|i| i + 1)
        }
        _ if chars.get(at + 2) == Some(&'\'') => Some(at + 3),
        _ => None,
    }
}
