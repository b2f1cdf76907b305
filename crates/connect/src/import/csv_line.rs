//! One line of CSV into its fields, strictly.
//!
//! A field that begins with a quote ends with one, and a quote within it is doubled; any other field is
//! taken as it is. A field never spans lines: a quote left open would otherwise swallow the rest of a
//! file, and here it costs one line.

use std::borrow::Cow;

use vitals_model::Reason;

/// Most columns a file may have.
const COLUMNS_MAX: usize = 1_000;

/// Splits a line into its fields.
///
/// # Errors
/// A quote is left open, or text follows the one that closes a field.
pub(super) fn split(line: &str) -> Result<Vec<Cow<'_, str>>, Reason> {
    let mut fields = Vec::with_capacity(8);
    let mut rest = line;
    loop {
        if fields.len() == COLUMNS_MAX {
            return Err(Reason::new(format_args!("more than {COLUMNS_MAX} fields")));
        }
        let (field, after) = match rest.strip_prefix('"') {
            Some(inside) => quoted(inside)?,
            None => match rest.find(',') {
                Some(comma) => (Cow::Borrowed(&rest[..comma]), &rest[comma..]),
                None => (Cow::Borrowed(rest), ""),
            },
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(fields),
            None => return Err(Reason::new("unbalanced quotes: text follows a closing quote")),
        }
    }
}

/// A quoted field, from after its first quote, and what follows its last one.
fn quoted(inside: &str) -> Result<(Cow<'_, str>, &str), Reason> {
    let mut text = Cow::Borrowed("");
    let mut rest = inside;
    loop {
        let Some(quote) = rest.find('"') else {
            return Err(Reason::new("unbalanced quotes: a quote is not closed on its line"));
        };
        let (part, after) = (&rest[..quote], &rest[quote + 1..]);
        if text.is_empty() {
            text = Cow::Borrowed(part);
        } else {
            text.to_mut().push_str(part);
        }
        let Some(next) = after.strip_prefix('"') else {
            return Ok((text, after));
        };
        text.to_mut().push('"');
        rest = next;
    }
}

/// Where a file has the columns a preset reads.
#[derive(Clone, Debug)]
pub(super) struct Header {
    /// The place of each column of the preset.
    places: Vec<usize>,
    /// How many columns the file has.
    width: usize,
}

impl Header {
    /// Finds columns by name (each has one or more, whatever their case) in a header line; `None` when
    /// one is missing.
    pub(super) fn find(line: &str, columns: &[&[&str]]) -> Option<Self> {
        let header = split(line).ok()?;
        let place = |names: &&[&str]| {
            header
                .iter()
                .position(|cell| names.iter().any(|name| cell.trim().eq_ignore_ascii_case(name)))
        };
        let places = columns.iter().map(place).collect::<Option<Vec<_>>>()?;
        Some(Self { places, width: header.len() })
    }

    /// The fields of a line in the preset's order, trimmed.
    ///
    /// # Errors
    /// The line is no CSV, or has more or fewer fields than the header.
    pub(super) fn fields<'a, const N: usize>(
        &self,
        line: &'a str,
    ) -> Result<[Cow<'a, str>; N], Reason> {
        let mut fields = split(line)?;
        if fields.len() != self.width {
            return Err(Reason::new(format_args!(
                "{} fields where the header has {}",
                fields.len(),
                self.width
            )));
        }
        Ok(std::array::from_fn(|i| trim(std::mem::take(&mut fields[self.places[i]]))))
    }
}

fn trim(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(line: &str, expected: &[&str]) {
        assert_eq!(split(line).expect("fields"), expected, "{line}");
    }

    #[test]
    fn fields_and_quotes() {
        check("a,b", &["a", "b"]);
        check("", &[""]);
        check("a,", &["a", ""]);
        check(r#""a,b",c"#, &["a,b", "c"]);
        check(r#""FRAME 7"" SIZE",48"#, &["FRAME 7\" SIZE", "48"]);
        check(r#""""D""",1"#, &["\"D\"", "1"]);
        check(r#""",x"#, &["", "x"]);
    }

    #[test]
    fn unbalanced_quotes_are_refused() {
        for line in [r#"""#, r#""a"#, r#"1,"a,b"#, r#""a"b,c"#, r#""a" ,c"#, r#""a"""#] {
            assert!(split(line).expect_err(line).0.contains("unbalanced quotes"), "{line}");
        }
    }

    #[test]
    fn columns_are_found_in_any_order_and_case() {
        let header = Header::find("c, B ,extra,A", &[&["a"], &["b"], &["see", "c"]]).expect("all");
        let fields = header.fields::<3>("3, 2 ,x,1").expect("fields");
        assert_eq!(fields, ["1", "2", "3"]);
        assert_eq!(
            header.fields::<3>("3,2,1").expect_err("short").0,
            "3 fields where the header has 4"
        );
        assert!(Header::find("a,c", &[&["a"], &["b"]]).is_none());
    }

    proptest! {
        #[test]
        fn what_is_quoted_comes_back(fields in prop::collection::vec("[^\n]{0,12}", 1..6)) {
            let quote = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let line = fields.iter().map(quote).collect::<Vec<_>>().join(",");
            prop_assert_eq!(split(&line).expect("fields"), fields);
        }

        #[test]
        fn never_panics(line in "[\",a ]{0,40}") {
            drop(split(&line));
        }
    }
}
