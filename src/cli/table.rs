//! Writes columns for people.

/// Writes lines with columns as wide as their widest cell, in characters; the last column is not filled up.
pub fn columns(rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..rows.iter().map(Vec::len).max().unwrap_or(0))
        .map(|at| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Writes a text of others on one line, without what a terminal would obey, cut to `most` characters.
pub fn one_line(text: &str, most: usize) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = clean.clone().take(most).collect();
    if clean.count() > most {
        short.push('…');
    }
    short
}

/// Says how many of something there are: `1 message`, `2 messages`.
pub fn counted(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_line_up_and_texts_cannot_command_the_terminal() {
        let rows = [vec!["a".to_owned(), "b".to_owned()], vec!["länger".to_owned(), String::new()]];
        assert_eq!(super::columns(&rows), "a       b\nlänger\n");
        assert_eq!(super::one_line("a\u{1b}[31mb\nc", 6), "a [31m…");
    }
}
