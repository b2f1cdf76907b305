//! Limits on the text and its tokens, before anything is parsed.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use vitals_model::limits::{
    QUERY_CALL_NESTING_MAX, QUERY_NESTING_MAX, QUERY_OPERATORS_MAX, QUERY_SET_OPERATIONS_MAX,
    QUERY_TEXT_BYTES_MAX, QUERY_TOKENS_MAX,
};

use crate::error::{QueryError, SqlState};

/// The text's tokens, when they are few enough and not too deep.
pub(crate) fn tokens(sql: &str) -> Result<Vec<TokenWithSpan>, QueryError> {
    if sql.len() > QUERY_TEXT_BYTES_MAX {
        return Err(too_complex(format_args!(
            "it has {} bytes of at most {QUERY_TEXT_BYTES_MAX}",
            sql.len()
        )));
    }
    if let Some(odd) = sql.chars().find(|it| is_hidden(*it)) {
        return Err(QueryError::new(
            SqlState::Syntax,
            format_args!("the text holds the invisible character U+{:04X}", u32::from(odd)),
            "take it out",
        ));
    }
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location();
    let tokens = tokens.map_err(|error| {
        QueryError::new(SqlState::Syntax, format_args!("this is no SQL: {error}"), "")
    })?;
    count(&tokens)?;
    Ok(tokens)
}

/// Characters that make a text look like another: controls, zero-width, writing direction, tags.
fn is_hidden(it: char) -> bool {
    matches!(it,
        '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

fn count(tokens: &[TokenWithSpan]) -> Result<(), QueryError> {
    let (mut seen, mut operators, mut set_operations) = (0, 0, 0);
    let (mut deepest, mut deepest_calls) = (0, 0);
    // Of each open parenthesis: whether it opens the arguments of a call.
    let (mut open, mut calls) = (Vec::new(), 0_usize);
    let mut after_word = false;
    for TokenWithSpan { token, .. } in tokens {
        let is_call = std::mem::take(&mut after_word);
        match token {
            Token::Whitespace(_) => {
                after_word = is_call;
                continue;
            }
            Token::LParen | Token::LBracket => {
                open.push(is_call);
                calls += usize::from(is_call);
            }
            Token::RParen | Token::RBracket => {
                calls -= usize::from(open.pop().unwrap_or(false));
            }
            Token::Word(word) => {
                after_word = true;
                match word.keyword {
                    Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT => set_operations += 1,
                    Keyword::AND
                    | Keyword::OR
                    | Keyword::NOT
                    | Keyword::WHEN
                    | Keyword::BETWEEN
                    | Keyword::LIKE
                    | Keyword::ILIKE
                    | Keyword::IS
                    | Keyword::CASE => operators += 1,
                    _ => {}
                }
            }
            Token::Comma
            | Token::Period
            | Token::SemiColon
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::EOF => {}
            // Whatever else is a sign is an operator, or may be one in some dialect.
            _ => operators += 1,
        }
        seen += 1;
        deepest = deepest.max(open.len());
        deepest_calls = deepest_calls.max(calls);
    }
    for (what, found, most) in [
        ("words and signs", seen, QUERY_TOKENS_MAX),
        ("operators", operators, QUERY_OPERATORS_MAX),
        ("set operations", set_operations, QUERY_SET_OPERATIONS_MAX),
        ("levels of parentheses", deepest, QUERY_NESTING_MAX),
        ("calls in calls", deepest_calls, QUERY_CALL_NESTING_MAX),
    ] {
        if found > most {
            return Err(too_complex(format_args!("it has {found} {what} of at most {most}")));
        }
    }
    Ok(())
}

/// The refusal of what is too long, too deep or too wide.
pub(super) fn too_complex(why: impl std::fmt::Display) -> QueryError {
    QueryError::new(
        SqlState::TooComplex,
        format_args!("the query is too complex: {why}"),
        "ask for less at once, or write it shorter",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(sql: &str) -> Option<SqlState> {
        tokens(sql).err().map(|error| error.state)
    }

    #[test]
    fn chains_and_nests_are_refused_and_long_lists_are_not() {
        let chain = |n: usize, sign: &str| format!("SELECT 1{}", format!("{sign}1").repeat(n));
        let list = |n: usize| format!("SELECT id FROM visits WHERE id IN (1{})", ",1".repeat(n));
        assert_eq!(state(&chain(QUERY_OPERATORS_MAX, "+")), None);
        for sign in ["+", " OR ", "||", " AND ", "- -", "::int", "->", "~"] {
            let text = chain(QUERY_OPERATORS_MAX + 1, sign);
            assert_eq!(state(&text), Some(SqlState::TooComplex), "{sign}");
        }
        assert_eq!(state(&list(900)), None);
        assert_eq!(state(&list(1_000)), Some(SqlState::TooComplex));
        let nest = |n: usize| format!("SELECT {}1{}", "(".repeat(n), ")".repeat(n));
        assert_eq!(state(&nest(QUERY_NESTING_MAX)), None);
        assert_eq!(state(&nest(QUERY_NESTING_MAX + 1)), Some(SqlState::TooComplex));
        assert_eq!(state(&" ".repeat(QUERY_TEXT_BYTES_MAX + 1)), Some(SqlState::TooComplex));
    }

    #[test]
    fn what_cannot_be_seen_is_refused() {
        for hidden in ['\0', '\u{200b}', '\u{202e}', '\u{e0041}', '\u{feff}'] {
            assert_eq!(state(&format!("SELECT 1{hidden}")), Some(SqlState::Syntax));
        }
        assert_eq!(state("SELECT 'Zoë 🏋 عربي'\n\t"), None);
    }
}
