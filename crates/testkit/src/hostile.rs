//! `sql/tests/hostile.txt`, statement by statement.

/// A statement, and what is right to happen to it.
#[derive(Clone, Debug)]
pub struct Attack {
    /// Its class.
    pub class: &'static str,
    /// The text.
    pub sql: String,
    /// The words of the refusals that are right for it; `answered` may be one of them.
    pub right: Vec<&'static str>,
}

const CORPUS: &str = include_str!("../../../sql/tests/hostile.txt");

/// All of them.
#[must_use]
pub fn corpus() -> Vec<Attack> {
    let (mut attacks, mut class, mut right) = (Vec::new(), "", Vec::new());
    for line in CORPUS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|line| line.split_once("] ")) {
            Some((name, words)) => (class, right) = (name, words.split(' ').collect()),
            None => {
                let attack = |sql| Attack { class, sql, right: right.clone() };
                attacks.extend(expand(line).into_iter().map(attack));
            }
        }
    }
    attacks
}

/// The first innermost `{{..}}` of a line, as what is before, inside and after it.
fn braces(line: &str) -> Option<(&str, &str, &str)> {
    let end = line.find("}}")?;
    // `{{4**}}}}`: the last two of a run of braces close.
    let end = end + line[end + 2..].bytes().take_while(|it| *it == b'}').count() % 2;
    let start = line[..end].rfind("{{")?;
    Some((&line[..start], &line[start + 2..end], &line[end + 2..]))
}

fn expand(line: &str) -> Vec<String> {
    let Some((before, inside, after)) = braces(line) else { return vec![line.to_owned()] };
    let repeated = inside.split_once("**").and_then(|(n, text)| Some((n.parse().ok()?, text)));
    let choices: Vec<String> = match repeated {
        Some((times, text)) => vec![str::repeat(text, times)],
        None => inside.split(";;").map(ToOwned::to_owned).collect(),
    };
    choices.iter().flat_map(|it| expand(&format!("{before}{it}{after}"))).collect()
}
