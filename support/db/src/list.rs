//! Lists as one parameter. No array type is common to both databases, but both read a JSON array
//! with `json_each($1)`: SQLite has it built in, on PostgreSQL the schema is given a function of
//! that name.

/// Writes texts as a JSON array, for `x IN (SELECT value FROM json_each($1))`.
#[must_use]
pub fn text_list<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let mut list = String::from("[");
    for text in texts {
        if list.len() > 1 {
            list.push(',');
        }
        push_text(&mut list, text.as_ref());
    }
    list.push(']');
    list
}

/// Writes integers as a JSON array, for `x IN (SELECT CAST(value AS BIGINT) FROM json_each($1))`.
#[must_use]
pub fn integer_list(integers: impl IntoIterator<Item = i64>) -> String {
    let mut list = String::from("[");
    for integer in integers {
        if list.len() > 1 {
            list.push(',');
        }
        list.push_str(&integer.to_string());
    }
    list.push(']');
    list
}

fn push_text(list: &mut String, text: &str) {
    list.push('"');
    for char in text.chars() {
        match char {
            '"' => list.push_str("\\\""),
            '\\' => list.push_str("\\\\"),
            control if control < ' ' => list.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => list.push(other),
        }
    }
    list.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_json_whatever_they_hold() {
        assert_eq!(text_list(["a", "b\"\\\n", "ü"]), "[\"a\",\"b\\\"\\\\\\u000a\",\"ü\"]");
        assert_eq!(text_list([""; 0]), "[]");
        assert_eq!(integer_list([1, -2]), "[1,-2]");
    }
}
