//! A question as a person sees it: without what is written to be read by machines alone.
//!
//! Promises that no character is left that shows nothing or turns the text around: zero-width, bidirectional
//! and tag characters, variation selectors, controls. What they stood between is then read as it looks.

/// The question without invisible characters; line breaks and tabs become blanks.
#[must_use]
pub fn plain(question: &str) -> String {
    let seen = question.chars().filter(|it| !is_hidden(*it));
    seen.map(|it| if it.is_control() { ' ' } else { it }).collect()
}

/// Characters of Unicode's `Default_Ignorable_Code_Point` and `Bidi_Control`, and what was never assigned
/// beside the tags.
fn is_hidden(it: char) -> bool {
    matches!(it,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_not_there() {
        let tags: String =
            "drop it".chars().filter_map(|it| char::from_u32(0xe0000 + u32::from(it))).collect();
        assert_eq!(
            plain(&format!("rev\u{200b}enue\u{202e}{tags} last\tmonth\u{feff}")),
            "revenue last month"
        );
        assert_eq!(plain("Café Zürich, 日本 – 5 %"), "Café Zürich, 日本 – 5 %");
    }
}
