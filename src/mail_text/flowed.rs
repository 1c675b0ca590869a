//! format=flowed (RFC 3676): lines that a mail program broke are joined again.

/// Joins flowed lines; `delsp` as the parameter `DelSp=yes` asks.
pub fn join(text: &str, delsp: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut open: Option<usize> = None;
    for (number, line) in text.lines().enumerate() {
        let depth = line.bytes().take_while(|byte| *byte == b'>').count();
        let rest = &line[depth..];
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        let is_signature = rest == "-- ";
        if open != Some(depth) || is_signature {
            if number > 0 {
                out.push('\n');
            }
            if depth > 0 {
                out.push_str(&">".repeat(depth));
                out.push(' ');
            }
        }
        let flows = rest.ends_with(' ') && !is_signature;
        out.push_str(if flows && delsp { &rest[..rest.len() - 1] } else { rest });
        open = flows.then_some(depth);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_join_within_one_quote_depth_only() {
        assert_eq!(join("a \nb\nc \n> d \n> e\n-- \nA", false), "a b\nc \n> d e\n-- \nA");
        assert_eq!(join("ab \ncd\n Q", true), "abcd\nQ");
    }
}
