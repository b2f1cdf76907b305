//! The text of a message as statements and words: as much of SQL as a door must understand.
//!
//! Promises to cut a script where PostgreSQL would: never within a quoted text, a quoted name or a
//! comment. What it does not understand it leaves whole, for the guard to refuse.

/// A piece of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A word or a number, as it was written.
    Word(&'a str),
    /// What stands between double quotes.
    Name(&'a str),
    /// What stands between single quotes.
    Text(&'a str),
    /// `$1`.
    Parameter(usize),
    /// A sign.
    Sign(char),
}

/// The tokens of a text, each with where it begins and ends.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// What is behind the last token.
    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        loop {
            let rest = self.rest();
            let space = rest.len() - rest.trim_start().len();
            if space > 0 {
                self.at += space;
            } else if rest.starts_with("--") {
                self.at += rest.find('\n').map_or(rest.len(), |end| end + 1);
            } else if rest.starts_with("/*") {
                self.at += comment(rest);
            } else {
                return;
            }
        }
    }
}

/// The bytes of a comment, which may hold others.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(rest) = text.get(at..) {
        if rest.is_empty() {
            break;
        }
        if rest.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Where a quoted text ends, its quotes included: a doubled quote is no end, an escaped one neither.
fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, it)) = chars.next() {
        if escapes && it == '\\' {
            chars.next();
        } else if it == quote {
            match chars.peek() {
                Some((_, next)) if *next == quote => {
                    chars.next();
                }
                _ => return at + 1,
            }
        }
    }
    text.len()
}

/// The bytes of a dollar-quoted text; `None` when this is none.
fn dollar_quoted(text: &str) -> Option<(usize, usize)> {
    let end = text[1..].find('$')? + 2;
    let tag = &text[..end];
    let word = tag[1..end - 1].chars().all(|it| it.is_alphanumeric() || it == '_');
    if !word || tag[1..].starts_with(|it: char| it.is_ascii_digit()) {
        return None;
    }
    let length = text[end..].find(tag).map_or(text.len(), |at| end + at + end);
    Some((end, length))
}

fn is_word(it: char) -> bool {
    it.is_alphanumeric() || it == '_' || it == '$'
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_space();
        let rest = self.rest();
        let first = rest.chars().next()?;
        let inner = |from: usize, end: usize| rest.get(from..end).unwrap_or_default();
        let escaped = rest.starts_with("E'") || rest.starts_with("e'");
        let (token, length) = if escaped {
            let end = 1 + quoted(&rest[1..], '\'', true);
            (Token::Text(inner(2, end - 1)), end)
        } else if first == '\'' {
            let end = quoted(rest, '\'', false);
            (Token::Text(inner(1, end - 1)), end)
        } else if first == '"' {
            let end = quoted(rest, '"', false);
            (Token::Name(inner(1, end - 1)), end)
        } else if first == '$' && rest[1..].starts_with(|it: char| it.is_ascii_digit()) {
            let digits = rest[1..].chars().take_while(char::is_ascii_digit).count();
            (Token::Parameter(rest[1..=digits].parse().unwrap_or(usize::MAX)), 1 + digits)
        } else if let Some((tag, end)) = (first == '$').then(|| dollar_quoted(rest)).flatten() {
            (Token::Text(inner(tag, end.saturating_sub(tag))), end)
        } else if is_word(first) && first != '$' {
            let end = rest.find(|it| !is_word(it)).unwrap_or(rest.len());
            (Token::Word(&rest[..end]), end)
        } else {
            (Token::Sign(first), first.len_utf8())
        };
        self.at += length;
        Some(token)
    }
}

/// The statements of a script; empty ones fall out.
pub(super) fn statements(script: &str) -> Vec<&str> {
    let (mut found, mut begin, mut any) = (Vec::new(), 0, false);
    let mut tokens = Tokens::new(script);
    loop {
        let token = tokens.next();
        if matches!(token, None | Some(Token::Sign(';'))) {
            let end = if token.is_some() { tokens.at - 1 } else { script.len() };
            if any {
                found.push(script[begin..end].trim());
            }
            (begin, any) = (tokens.at, false);
            if token.is_none() {
                return found;
            }
        } else {
            any = true;
        }
    }
}

/// The greatest number among a statement's parameters.
pub(super) fn parameters(statement: &str) -> usize {
    let numbers = Tokens::new(statement).map(|it| if let Token::Parameter(n) = it { n } else { 0 });
    numbers.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_cut_between_statements_and_nowhere_else() {
        let script = "SELECT ';' ; -- no; \n/* a;/*b;*/;*/ SELECT \"x;\"\"y\", E'\\';', $a$;$b$;$a$;;\n;\
                      SELECT 'it''s; fine'";
        let expected = [
            "SELECT ';'",
            "-- no; \n/* a;/*b;*/;*/ SELECT \"x;\"\"y\", E'\\';', $a$;$b$;$a$",
            "SELECT 'it''s; fine'",
        ];
        assert_eq!(statements(script), expected);
        assert!(statements(" ;-- nothing\n ; /* ").is_empty());
        assert_eq!(statements("SELECT 'open; SELECT 2"), ["SELECT 'open; SELECT 2"]);
    }

    #[test]
    fn parameters_are_counted_where_they_are_parameters() {
        assert_eq!(parameters("SELECT $2, '$9', \"$8\", $1::int, $x$ $7 $x$"), 2);
        assert_eq!(parameters("SELECT 1"), 0);
        assert_eq!(parameters("SELECT $99999999999999999999"), usize::MAX);
    }

    #[test]
    fn any_text_is_read_to_its_end() {
        for text in ["$", "$$", "$a", "'", "\"", "/*", "E'", "E'\\", "é$é$é", "$1", "--", "$é$;"]
        {
            assert!(Tokens::new(text).count() <= 4, "{text}");
            statements(text);
        }
    }
}
