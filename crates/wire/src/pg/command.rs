//! What a statement asks of the door itself, and what it leaves to the engine.
//!
//! Transactions, settings and cursors are the door's own: they never reach the engine. Everything else is
//! a question. Promises that what only looks like one of the door's commands is refused or passed on whole,
//! never half understood.

use super::refusal::Refusal;
use super::script::{Token, Tokens};

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// For the engine.
    Query(String),
    /// A transaction begins.
    Begin,
    /// A transaction ends well.
    Commit,
    /// A transaction ends badly.
    Rollback,
    /// Says something about transactions that changes nothing here; answered with this word.
    Nothing(&'static str),
    /// A setting gets a value; `None` is its default.
    Set(String, Option<String>),
    /// A setting is asked for.
    Show(String),
    /// Everything is as it was at the beginning.
    Discard(&'static str),
    /// A prepared statement is forgotten; all without a name.
    Deallocate(Option<String>),
    /// A cursor is opened over a query.
    Declare {
        /// Its name.
        name: String,
        /// Whether it outlives its transaction.
        hold: bool,
        /// The query.
        query: String,
    },
    /// Rows are taken from a cursor.
    Fetch {
        /// Its name.
        name: String,
        /// How many; all without.
        rows: Option<usize>,
    },
    /// A cursor is closed; all without a name.
    Close(Option<String>),
}

/// Words of one statement, taken one by one.
struct Words<'a>(std::iter::Peekable<Tokens<'a>>);

impl<'a> Words<'a> {
    /// Whether this word is next; it is taken then.
    fn take(&mut self, word: &str) -> bool {
        let next = matches!(self.0.peek(), Some(Token::Word(it)) if it.eq_ignore_ascii_case(word));
        if next {
            self.0.next();
        }
        next
    }

    fn take_any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.take(word))
    }

    /// A name, as PostgreSQL folds it.
    fn name(&mut self) -> Option<String> {
        match self.0.next()? {
            Token::Word(word) => Some(word.to_lowercase()),
            Token::Name(name) => Some(name.replace("\"\"", "\"")),
            _ => None,
        }
    }

    fn is_over(&mut self) -> bool {
        self.0.peek().is_none()
    }

    /// What a setting is set to: words and texts, joined by commas.
    fn value(&mut self) -> Option<String> {
        let mut value = String::new();
        for token in &mut self.0 {
            match token {
                Token::Word(it) | Token::Name(it) | Token::Text(it) => {
                    if !value.is_empty() && !value.ends_with([' ', '-', '.']) {
                        value.push(' ');
                    }
                    value.push_str(it);
                }
                Token::Sign(',') => value.push(','),
                Token::Sign(sign @ ('-' | '.')) => value.push(sign),
                Token::Parameter(_) | Token::Sign(_) => return None,
            }
        }
        let default = value.eq_ignore_ascii_case("default") || value.is_empty();
        (!default).then_some(value)
    }
}

fn syntax(what: &str) -> Refusal {
    Refusal::new("42601", format!("this {what} is not understood"), "see docs/connect.md")
}

/// Reads one statement.
pub(super) fn read(text: &str) -> Result<Command, Refusal> {
    let mut words = Words(Tokens::new(text).peekable());
    let first = match words.0.peek() {
        Some(Token::Word(word)) => word.to_ascii_lowercase(),
        _ => return Ok(Command::Query(text.to_owned())),
    };
    words.0.next();
    match first.as_str() {
        "begin" | "start" => Ok(Command::Begin),
        "commit" | "end" => Ok(Command::Commit),
        "abort" => Ok(Command::Rollback),
        "rollback" => rollback(&mut words),
        "savepoint" => Ok(Command::Nothing("SAVEPOINT")),
        "release" => Ok(Command::Nothing("RELEASE")),
        "unlisten" => Ok(Command::Nothing("UNLISTEN")),
        "set" => set(&mut words),
        "reset" => reset(&mut words),
        "show" => show(&mut words),
        "discard" => discard(&mut words),
        "deallocate" => {
            words.take("prepare");
            Ok(Command::Deallocate(all_or_name(&mut words, "DEALLOCATE")?))
        }
        "close" => Ok(Command::Close(all_or_name(&mut words, "CLOSE")?)),
        "declare" => declare(text),
        "fetch" => fetch(&mut words),
        "move" => Err(Refusal::not_offered("MOVE", "FETCH the rows")),
        "copy" => {
            Err(Refusal::not_offered("COPY", "run the SELECT alone, or ask for CSV over HTTP"))
        }
        "prepare" | "execute" => {
            Err(Refusal::not_offered("PREPARE in SQL", "use the protocol's prepared statements"))
        }
        "listen" | "notify" => Err(Refusal::not_offered("LISTEN and NOTIFY", "")),
        "lock" => Err(Refusal::new("25006", "nothing can be locked here", "write one SELECT")),
        _ => Ok(Command::Query(text.to_owned())),
    }
}

fn rollback(words: &mut Words<'_>) -> Result<Command, Refusal> {
    words.take_any(&["work", "transaction"]);
    Ok(if words.take("to") { Command::Nothing("ROLLBACK") } else { Command::Rollback })
}

fn all_or_name(words: &mut Words<'_>, what: &str) -> Result<Option<String>, Refusal> {
    if words.take("all") && words.is_over() {
        return Ok(None);
    }
    words.name().map(Some).filter(|_| words.is_over()).ok_or_else(|| syntax(what))
}

fn set(words: &mut Words<'_>) -> Result<Command, Refusal> {
    words.take_any(&["session", "local"]);
    if words.take("transaction") || words.take("characteristics") || words.take("constraints") {
        return Ok(Command::Nothing("SET"));
    }
    if words.take("time") {
        let zone = words.take("zone").then(|| words.value()).ok_or_else(|| syntax("SET"))?;
        let zone = zone.filter(|it| !it.eq_ignore_ascii_case("local"));
        return Ok(Command::Set("timezone".to_owned(), zone));
    }
    if words.take("names") {
        return Ok(Command::Set("client_encoding".to_owned(), words.value()));
    }
    let who = words.take("role") || words.take("authorization");
    if who {
        return Err(Refusal::new("42501", "a connection stays its tenant's", "connect anew"));
    }
    let name = setting(words).ok_or_else(|| syntax("SET"))?;
    let says = words.take("to") || matches!(words.0.next(), Some(Token::Sign('=')));
    if !says || words.is_over() {
        return Err(syntax("SET"));
    }
    Ok(Command::Set(name, words.value()))
}

/// The name of a setting, which may have points.
fn setting(words: &mut Words<'_>) -> Option<String> {
    let mut name = words.name()?;
    while matches!(words.0.peek(), Some(Token::Sign('.'))) {
        words.0.next();
        name = format!("{name}.{}", words.name()?);
    }
    Some(name)
}

fn reset(words: &mut Words<'_>) -> Result<Command, Refusal> {
    if words.take("all") {
        return Ok(Command::Discard("RESET"));
    }
    if words.take_any(&["role", "session"]) {
        return Ok(Command::Nothing("RESET"));
    }
    let name = if words.take("time") { Some("timezone".to_owned()) } else { setting(words) };
    name.map(|name| Command::Set(name, None)).ok_or_else(|| syntax("RESET"))
}

fn show(words: &mut Words<'_>) -> Result<Command, Refusal> {
    let name = if words.take("time") {
        "timezone".to_owned()
    } else if words.take("transaction") {
        "transaction_isolation".to_owned()
    } else {
        setting(words).ok_or_else(|| syntax("SHOW"))?
    };
    Ok(Command::Show(name))
}

fn discard(words: &mut Words<'_>) -> Result<Command, Refusal> {
    let known =
        [("all", "DISCARD ALL"), ("plans", ""), ("temp", ""), ("temporary", ""), ("sequences", "")];
    match known.into_iter().find(|(word, _)| words.take(word)) {
        Some((_, "")) => Ok(Command::Nothing("DISCARD")),
        Some((_, tag)) => Ok(Command::Discard(tag)),
        None => Err(syntax("DISCARD")),
    }
}

fn declare(text: &str) -> Result<Command, Refusal> {
    let mut tokens = Tokens::new(text);
    tokens.next();
    let name = match tokens.next() {
        Some(Token::Word(word)) => word.to_lowercase(),
        Some(Token::Name(name)) => name.replace("\"\"", "\""),
        _ => return Err(syntax("DECLARE")),
    };
    let (mut hold, mut is_cursor, mut before) = (false, false, "");
    while let Some(token) = tokens.next() {
        let Token::Word(word) = token else { return Err(syntax("DECLARE")) };
        let is = |it: &str| word.eq_ignore_ascii_case(it);
        if is("for") && is_cursor {
            let query = tokens.rest().trim().to_owned();
            return Ok(Command::Declare { name, hold, query });
        }
        if is("binary") {
            return Err(Refusal::not_offered("a BINARY cursor", "ask for binary in the protocol"));
        }
        if is("scroll") && !before.eq_ignore_ascii_case("no") {
            return Err(Refusal::not_offered("a SCROLL cursor", "read it forward"));
        }
        is_cursor |= is("cursor");
        hold |= is("hold") && before.eq_ignore_ascii_case("with");
        before = word;
    }
    Err(syntax("DECLARE"))
}

fn fetch(words: &mut Words<'_>) -> Result<Command, Refusal> {
    words.take("forward");
    let backward = Refusal::not_offered("FETCH backward", "read the cursor forward");
    if words.take_any(&["prior", "first", "last", "absolute", "relative", "backward"]) {
        return Err(backward);
    }
    let mut rows = Some(1);
    if words.take("all") {
        rows = None;
    } else if !words.take("next") {
        match words.0.peek() {
            Some(Token::Word(count)) if count.starts_with(|it: char| it.is_ascii_digit()) => {
                let count = count.parse().map_err(|_| syntax("FETCH"))?;
                rows = Some(count);
                words.0.next();
            }
            Some(Token::Sign('-')) => return Err(backward),
            _ => {}
        }
    }
    words.take_any(&["from", "in"]);
    let name = words.name().filter(|_| words.is_over()).ok_or_else(|| syntax("FETCH"))?;
    Ok(Command::Fetch { name, rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, value: Option<&str>) -> Command {
        Command::Set(name.to_owned(), value.map(ToOwned::to_owned))
    }

    #[test]
    fn what_tools_say_is_understood() {
        let declare = |name: &str, hold| Command::Declare {
            name: name.to_owned(),
            hold,
            query: "SELECT 1 FOR x".to_owned(),
        };
        let fetch = |name: &str, rows| Command::Fetch { name: name.to_owned(), rows };
        for (text, expected) in [
            ("-- hi\nBEGIN ISOLATION LEVEL READ COMMITTED READ ONLY", Command::Begin),
            ("start transaction", Command::Begin),
            ("END", Command::Commit),
            ("ROLLBACK TO SAVEPOINT a", Command::Nothing("ROLLBACK")),
            ("rollback", Command::Rollback),
            ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", Command::Nothing("SET")),
            (
                "SET application_name = 'PostgreSQL JDBC Driver'",
                set("application_name", Some("PostgreSQL JDBC Driver")),
            ),
            ("SET extra_float_digits=3", set("extra_float_digits", Some("3"))),
            ("set search_path to \"$user\", public", set("search_path", Some("$user, public"))),
            ("SET statement_timeout TO DEFAULT", set("statement_timeout", None)),
            ("SET TIME ZONE 'Europe/Berlin'", set("timezone", Some("Europe/Berlin"))),
            ("SET NAMES 'utf8'", set("client_encoding", Some("utf8"))),
            ("RESET ALL", Command::Discard("RESET")),
            ("DISCARD ALL", Command::Discard("DISCARD ALL")),
            ("SHOW TRANSACTION ISOLATION LEVEL", Command::Show("transaction_isolation".into())),
            ("show time zone", Command::Show("timezone".into())),
            ("DEALLOCATE PREPARE \"_pg3_0\"", Command::Deallocate(Some("_pg3_0".into()))),
            ("DEALLOCATE ALL", Command::Deallocate(None)),
            ("DECLARE c CURSOR FOR SELECT 1 FOR x", declare("c", false)),
            ("DECLARE \"C1\" NO SCROLL CURSOR WITH HOLD FOR SELECT 1 FOR x", declare("C1", true)),
            ("FETCH 10 FROM c", fetch("c", Some(10))),
            ("FETCH FORWARD ALL FROM \"C1\"", fetch("C1", None)),
            ("fetch next in c", fetch("c", Some(1))),
            ("FETCH c", fetch("c", Some(1))),
            ("CLOSE ALL", Command::Close(None)),
            ("close \"a\"\"b\"", Command::Close(Some("a\"b".into()))),
            ("SELECT 1", Command::Query("SELECT 1".into())),
            ("(SELECT 1)", Command::Query("(SELECT 1)".into())),
        ] {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_offered_is_refused_with_its_code() {
        for (text, code) in [
            ("COPY (SELECT 1) TO STDOUT", "0A000"),
            ("SET ROLE other", "42501"),
            ("SET SESSION AUTHORIZATION other", "42501"),
            ("SET x", "42601"),
            ("FETCH BACKWARD 2 FROM c", "0A000"),
            ("FETCH -1 FROM c", "0A000"),
            ("DECLARE c SCROLL CURSOR FOR SELECT 1", "0A000"),
            ("DECLARE c", "42601"),
            ("DISCARD everything", "42601"),
            ("LOCK TABLE visits", "25006"),
        ] {
            assert_eq!(read(text).map_err(|it| it.code), Err(code), "{text}");
        }
    }
}
