//! Forms in pages: what a person sees of them stands in attributes and in lists of choices.

use super::tags::Tag;

/// Types of lines and buttons whose words are in an attribute.
const FILLED: [&str; 7] = ["submit", "button", "text", "tel", "number", "date", "time"];

/// True for a button or a line of a form, whose words are in an attribute.
pub fn is_filled(tag: &Tag<'_>) -> bool {
    is_of_type(tag, &FILLED)
}

/// True for a picture that is a button of a form.
pub fn is_image(tag: &Tag<'_>) -> bool {
    is_of_type(tag, &["image"])
}

fn is_of_type(tag: &Tag<'_>, types: &[&str]) -> bool {
    tag.name == "input"
        && tag.attribute("type").is_some_and(|own| types.iter().any(|known| own.eq_ignore_ascii_case(known)))
}

/// The text of the choice that a list shows, the first if none is selected, and what follows the list; `rest` is what follows
/// its opening tag.
pub fn chosen(rest: &str) -> (&str, &str) {
    let (mut first, mut selected) = (None, None);
    let mut left = rest;
    while let Some(at) = left.find('<') {
        let Some((tag, after)) = Tag::read(&left[at..]) else {
            left = &left[at + 1..];
            continue;
        };
        left = after;
        match (tag.name.as_str(), tag.closes) {
            ("option", false) => {
                let text = &after[..after.find('<').unwrap_or(after.len())];
                first = first.or(Some(text));
                selected = selected.or_else(|| tag.attribute("selected").map(|_| text));
            }
            ("select", true) => return (selected.or(first).unwrap_or_default(), after),
            // A list within a list, or a line of a form, is none: it was never closed.
            ("select" | "input" | "textarea" | "button", _) => break,
            _ => (),
        }
    }
    // Rather read all choices than lose what stands below.
    ("", rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_shows_one_choice() {
        assert_eq!(chosen("<option>a<option selected>b</select>c"), ("b", "c"));
        assert_eq!(chosen("<option>a</option><option>b</option></select>c"), ("a", "c"));
        assert_eq!(chosen("</select>c"), ("", "c"));
        for open in ["c", "<option>a<p>c", "<option>a<select><option>b"] {
            assert_eq!(chosen(open), ("", open));
        }
    }
}
