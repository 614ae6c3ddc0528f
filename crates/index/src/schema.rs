//! What stands in the search index for an entry. `docs/adr/0010-search-index.md` says why.

use std::borrow::Cow;

use graven_entry::Entry;
use tantivy::TantivyDocument;
use tantivy::schema::{
    FAST, Field, IndexRecordOption, JsonObjectOptions, OwnedValue, Schema, TextFieldIndexing,
    TextOptions,
};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use crate::doc::{Fact, grade_name, own_time_ns, walk};
use crate::marks::Mark;
use crate::packed::{FORMS, Form, pack};
use crate::words::words;

/// The version of all this: an index of another is set aside and built anew.
pub(crate) const FORMAT: u32 = 4;

/// The name under which the index knows [`Words`].
pub(crate) const WORDS: &str = "graven-words";
const RAW: &str = "raw";
/// Bytes of a document's terms and columns, about: one that grows is copied.
const DOCUMENT_BYTES: usize = 2048;

/// Keys of the header stand as paths that no event can have.
pub(crate) const WRITER: &str = "\0writer";
pub(crate) const AUTH: &str = "\0auth";
pub(crate) const GRADE: &str = "\0grade";
pub(crate) const STREAM: &str = "\0stream";
pub(crate) const SEQ: &str = "\0seq";
/// The path that entries have which end what they name.
pub(crate) const ENDS: &str = "\0ends";

/// A field whose values can be counted, in the order in which the schema has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Facet {
    /// `action`.
    Action,
    /// `actor.id`.
    Actor,
    /// `actor.type`.
    ActorType,
    /// The header's grade.
    Grade,
    /// `outcome`.
    Outcome,
    /// The header's stream.
    Stream,
    /// `target.type`.
    TargetType,
    /// The header's writer.
    Writer,
}

impl Facet {
    /// Every one.
    pub const ALL: [Facet; 8] = [
        Facet::Action,
        Facet::Actor,
        Facet::ActorType,
        Facet::Grade,
        Facet::Outcome,
        Facet::Stream,
        Facet::TargetType,
        Facet::Writer,
    ];

    /// The field's path, or its name in the header.
    pub fn name(self) -> &'static str {
        match self {
            Facet::Action => "action",
            Facet::Actor => "actor.id",
            Facet::ActorType => "actor.type",
            Facet::Grade => "grade",
            Facet::Outcome => "outcome",
            Facet::Stream => "stream",
            Facet::TargetType => "target.type",
            Facet::Writer => "writer",
        }
    }

    /// The name of its column, in which a dot would mean something.
    pub(crate) fn column(self) -> String {
        self.name().replace('.', "_")
    }

    fn of_path(path: &str) -> Option<Facet> {
        Some(match path {
            "action" => Facet::Action,
            "actor.id" => Facet::Actor,
            "actor.type" => Facet::ActorType,
            "outcome" => Facet::Outcome,
            "target.type" => Facet::TargetType,
            WRITER => Facet::Writer,
            GRADE => Facet::Grade,
            STREAM => Facet::Stream,
            _ => return None,
        })
    }
}

/// The fields of the schema.
#[derive(Clone, Copy)]
pub(crate) struct Fields {
    /// The entry's index: documents are sorted by it, newest first.
    pub(crate) index: Field,
    /// When it happened.
    pub(crate) time: Field,
    /// When the log took it: in the order of the index.
    pub(crate) received: Field,
    /// Terms of [`text_key`], [`word_key`] and [`path_key`].
    pub(crate) values: Field,
    /// Words of free text with their places.
    pub(crate) words: Field,
    /// Columns by [`number_column`] and its kin.
    pub(crate) columns: Field,
    /// What the entry does to the state of what it names.
    marks: Field,
    facets: [Field; Facet::ALL.len()],
}

pub(crate) const INDEX: &str = "index";
pub(crate) const TIME: &str = "time";
pub(crate) const RECEIVED: &str = "received";
pub(crate) const COLUMNS: &str = "columns";
pub(crate) const MARKS: &str = "marks";

/// The schema of a search index.
pub(crate) fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let terms = TextFieldIndexing::default()
        .set_tokenizer(RAW)
        .set_fieldnorms(false)
        .set_index_option(IndexRecordOption::Basic);
    let prose = TextFieldIndexing::default()
        .set_tokenizer(WORDS)
        .set_fieldnorms(false)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let column = || TextOptions::default().set_fast(RAW);
    let fields = Fields {
        index: schema.add_u64_field(INDEX, FAST),
        time: schema.add_u64_field(TIME, FAST),
        received: schema.add_u64_field(RECEIVED, FAST),
        values: schema.add_text_field("values", TextOptions::default().set_indexing_options(terms)),
        words: schema.add_text_field("words", TextOptions::default().set_indexing_options(prose)),
        columns: schema.add_json_field(COLUMNS, JsonObjectOptions::default().set_fast(RAW)),
        marks: schema.add_text_field(MARKS, column()),
        facets: Facet::ALL.map(|facet| schema.add_text_field(&facet.column(), column())),
    };
    (schema.build(), fields)
}

/// The term of a string at a path.
pub(crate) fn text_key(path: &str, text: &str) -> String {
    // The text may be packed, which is no longer; its kind, a zero and its form are with it.
    let mut key = String::with_capacity(path.len() + text.len() + 3);
    write_text_key(&mut key, path, text);
    key
}

/// Writes the term of a string at a path over what stood there. An event has some thirty terms: one text is made for all.
fn write_text_key(key: &mut String, path: &str, text: &str) {
    if let Some((form, letters)) = pack(text) {
        write_key(key, 'e', path, Some(form.kind));
        key.push_str(&letters);
    } else {
        write_key(key, 'e', path, Some('s'));
        key.push_str(text);
    }
}

/// Writes what a term begins with: its kind, its path, and where a value comes behind it the value's.
fn write_key(key: &mut String, kind: char, path: &str, value: Option<char>) {
    key.clear();
    key.push(kind);
    key.push_str(path);
    if let Some(value) = value {
        key.push('\0');
        key.push(value);
    }
}

/// Terms side by side whose texts begin alike.
pub(crate) struct Texts {
    /// What stands before the text in each term.
    before: String,
    /// What the texts begin with.
    begin: String,
    form: Option<Form>,
    /// No term of these is before it.
    pub(crate) from: String,
}

impl Texts {
    /// Terms that are `before` and a text that begins so.
    pub(crate) fn behind(before: &str, begin: &str) -> Texts {
        let from = format!("{before}{begin}");
        Texts { before: before.to_owned(), begin: begin.to_owned(), form: None, from }
    }

    /// The strings at a path that begin so.
    pub(crate) fn at(path: &str, begin: &str) -> Vec<Texts> {
        let packed = FORMS.into_iter().filter_map(|form| {
            let before = format!("e{path}\0{}", form.kind);
            let from = format!("{before}{}", form.begin(begin)?);
            Some(Texts { before, begin: begin.to_owned(), form: Some(form), from })
        });
        let plain = Texts::behind(&format!("e{path}\0s"), begin);
        std::iter::once(plain).chain(packed).collect()
    }

    /// The text of a term; nothing behind the last of these.
    pub(crate) fn text<'a>(&self, term: &'a [u8]) -> Option<Cow<'a, str>> {
        let term = std::str::from_utf8(term).ok()?.strip_prefix(&*self.before)?;
        let text = self.form.map_or(Some(Cow::Borrowed(term)), |form| form.unpack(term))?;
        text.starts_with(&*self.begin).then_some(text)
    }
}

/// The term of a number, `true`, `false` or `null` at a path.
pub(crate) fn word_key(path: &str, word: &str) -> String {
    let mut key = String::new();
    write_key(&mut key, 'e', path, Some('n'));
    key.push_str(word);
    key
}

/// The term of there being something at a path.
pub(crate) fn path_key(path: &str) -> String {
    let mut key = String::new();
    write_key(&mut key, 'x', path, None);
    key
}

/// The name of a column holds no NUL.
pub(crate) fn number_column(path: &str) -> String {
    if path == SEQ { "q".to_owned() } else { format!("n{path}") }
}

pub(crate) fn moment_column(path: &str) -> String {
    format!("t{path}")
}

pub(crate) fn address_column(path: &str) -> String {
    format!("i{path}")
}

/// Addresses as texts that sort as they do.
pub(crate) fn address_text(address: u128) -> String {
    format!("{address:032x}")
}

/// The document of an entry.
pub(crate) fn document(fields: &Fields, entry: &Entry<'_>) -> TantivyDocument {
    let header = &entry.header;
    let received_ns = header.time.unix_ns();
    let mut document = TantivyDocument::with_capacity(DOCUMENT_BYTES);
    document.add_u64(fields.index, header.index.0);
    document.add_u64(fields.received, received_ns);
    document.add_u64(fields.time, own_time_ns(entry.event).unwrap_or(received_ns));
    let (mut columns, mut key) = (Vec::new(), String::with_capacity(256));
    let mut seen: Vec<(Facet, String)> = Vec::new();
    let mut sink = |path: &str, fact: Fact<'_>| match fact {
        Fact::Exists => {
            write_key(&mut key, 'x', path, None);
            document.add_text(fields.values, &key);
        }
        Fact::Prose(text) => document.add_text(fields.words, text),
        Fact::Word(word) => {
            write_key(&mut key, 'e', path, Some('n'));
            key.push_str(&word);
            document.add_text(fields.values, &key);
        }
        Fact::Number(value) => columns.push((number_column(path), OwnedValue::F64(value))),
        // No overflow: a time is before the year 2262.
        Fact::Moment(ns) => columns.push((moment_column(path), OwnedValue::I64(ns.cast_signed()))),
        Fact::Address(address) => {
            columns.push((address_column(path), OwnedValue::Str(address_text(address))));
        }
        Fact::Text(text) => {
            write_text_key(&mut key, path, &text);
            document.add_text(fields.values, &key);
            let Some(facet) = Facet::of_path(path) else { return };
            // An entry counts once for each value.
            if !seen.iter().any(|(other, value)| *other == facet && **value == *text) {
                document.add_text(fields.facets[facet as usize], &text);
                seen.push((facet, text.into_owned()));
            }
        }
    };
    let mut text = |path, value: &str| sink(path, Fact::Text(value.into()));
    text(WRITER, header.writer.as_str());
    text(AUTH, header.auth.as_str());
    text(GRADE, grade_name(header.grade));
    if let Some(stream) = &header.stream {
        text(STREAM, stream.as_str());
        sink(STREAM, Fact::Exists);
    }
    if let Some(seq) = header.seq {
        sink(SEQ, Fact::Exists);
        sink(SEQ, Fact::Number(seq as f64));
    }
    walk(entry.event, &mut sink);
    let (ends, marks) = Mark::of(entry);
    if ends {
        document.add_text(fields.values, path_key(ENDS));
    }
    for mark in marks {
        document.add_text(fields.marks, mark.text());
    }
    if !columns.is_empty() {
        document.add_field_value(fields.columns, &OwnedValue::Object(columns));
    }
    document
}

/// Splits free text as queries do.
#[derive(Clone, Default)]
pub(crate) struct Words;

impl Tokenizer for Words {
    type TokenStream<'a> = WordStream;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream {
        let words: Vec<String> = words(text).map(Cow::into_owned).collect();
        WordStream { words: words.into_iter(), next: 0, token: Token::default() }
    }
}

/// The words of one text.
pub(crate) struct WordStream {
    words: std::vec::IntoIter<String>,
    next: usize,
    token: Token,
}

impl TokenStream for WordStream {
    fn advance(&mut self) -> bool {
        let Some(word) = self.words.next() else { return false };
        self.token = Token { position: self.next, text: word, ..Token::default() };
        self.next += 1;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
