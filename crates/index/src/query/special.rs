//! Characters that mean something in a query.

/// What ends a bare word or name.
pub(super) fn is_special(character: char) -> bool {
    character.is_whitespace() || matches!(character, '(' | ')' | '"' | ':' | '<' | '>' | '=')
}

/// Appends a character of a word or value, behind a backslash where it would mean something.
pub(super) fn push_escaped(out: &mut String, character: char) {
    if is_special(character) || matches!(character, '\\' | '*' | '?') {
        out.push('\\');
    }
    out.push(character);
}
