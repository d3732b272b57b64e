//! The tokens of a file of Rego, as far as one has to know them to change it in places.

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Word,
    Text,
    Open,
    Close,
    Other,
}

/// A token: what it is, where, and whether it is the first of its line.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) range: Range<usize>,
    pub(crate) first: bool,
    /// How many brackets are open around it.
    pub(crate) depth: usize,
}

/// Reads the tokens of a text.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut rest = text.char_indices().peekable();
    let (mut first, mut depth) = (true, 0_usize);
    while let Some((start, character)) = rest.next() {
        let mut end = start + character.len_utf8();
        let kind = match character {
            '\n' => {
                first = true;
                continue;
            }
            _ if character.is_whitespace() => continue,
            '#' => {
                while rest.next_if(|(_, next)| *next != '\n').is_some() {}
                continue;
            }
            '"' | '`' => {
                while let Some((at, next)) = rest.next() {
                    end = at + next.len_utf8();
                    if next == character {
                        break;
                    }
                    if next == '\\' && character == '"' {
                        rest.next();
                    }
                }
                Kind::Text
            }
            '{' | '[' | '(' => Kind::Open,
            '}' | ']' | ')' => Kind::Close,
            _ if character.is_alphanumeric() || character == '_' => {
                while let Some((at, next)) = rest.next_if(|(_, next)| next.is_alphanumeric() || *next == '_')
                {
                    end = at + next.len_utf8();
                }
                Kind::Word
            }
            _ => Kind::Other,
        };
        if kind == Kind::Close {
            depth = depth.saturating_sub(1);
        }
        tokens.push(Token {
            kind,
            range: start..end,
            first,
            depth,
        });
        if kind == Kind::Open {
            depth += 1;
        }
        first = false;
    }
    tokens
}

/// How many brackets may be open at once where something is changed: what looks for the ends of brackets takes as many
/// steps for each token.
const DEEPEST: usize = 250;

/// Tells whether a file is nested so deep that nobody wrote it by hand. The engine says what it makes of that.
pub(crate) fn is_too_deep(tokens: &[Token]) -> bool {
    tokens.iter().any(|token| token.depth > DEEPEST)
}

/// Returns the text of a token.
pub(crate) fn of<'t>(text: &'t str, token: &Token) -> &'t str {
    text.get(token.range.clone()).unwrap_or_default()
}

/// Finds where statements begin: words at the beginning of a line, outside of all brackets.
pub(crate) fn begins(token: &Token) -> bool {
    token.first && token.depth == 0 && token.kind == Kind::Word
}

/// Returns the statements: what begins at the beginning of a line, with everything up to the next.
pub(crate) fn statements(tokens: &[Token]) -> impl Iterator<Item = &[Token]> {
    let mut rest = tokens;
    std::iter::from_fn(move || {
        let start = rest.iter().position(begins)?;
        let from = rest.get(start..)?;
        let next = from.iter().skip(1).position(begins);
        let (statement, after) = from.split_at(next.map_or(from.len(), |next| next + 1));
        rest = after;
        Some(statement)
    })
}

/// Tells whether tokens are names with dots between them.
pub(crate) fn is_path(text: &str, tokens: &[Token]) -> bool {
    let is_part = |(index, token): (usize, &Token)| {
        (token.kind == Kind::Word) == (index % 2 == 0) && (index % 2 == 0 || of(text, token) == ".")
    };
    tokens.len() % 2 == 1 && tokens.iter().enumerate().all(is_part)
}
