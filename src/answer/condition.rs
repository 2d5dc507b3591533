//! The filter that an answer's flows pass, beside its title.

/// `where port 53`, cut to `most` characters; none where `filter` is empty.
pub(super) fn condition(filter: &str, most: usize) -> Option<String> {
    if filter.is_empty() {
        return None;
    }
    let text = format!("where {filter}");
    let Some((cut, _)) = text.char_indices().nth(most) else { return Some(text) };
    let kept = text[..cut].char_indices().next_back().map_or(0, |(last, _)| last);
    Some(format!("{}…", &text[..kept]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_cut_to_fit() {
        for (filter, most, expected) in [
            ("", 20, None),
            ("port 53", 13, Some("where port 53")),
            ("port 53", 12, Some("where port …")),
            ("é é", 8, Some("where é…")),
            ("port 53", 0, Some("…")),
        ] {
            assert_eq!(condition(filter, most).as_deref(), expected, "{filter} {most}");
        }
    }
}
