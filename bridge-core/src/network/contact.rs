//! A contact that is shared. On Matrix it is a vCard, which programs for addresses open, with the
//! same in words beside it for people to read.

use serde::{Deserialize, Serialize};

use super::MediaRef;

/// Marks media whose bytes are in the pointer itself.
pub(crate) const INLINE: &str = "rialto-inline";
/// The largest card that is read.
const LARGEST: usize = 64 * 1024;
/// The longest line of a card, in bytes; longer ones are folded.
const LINE: usize = 75;

/// Somebody's name and how they are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The name.
    pub name: String,
    /// Telephone numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phones: Vec<String>,
    /// E-mail addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emails: Vec<String>,
}

impl Contact {
    /// Makes a contact of a name and one telephone number.
    pub fn new(name: impl Into<String>, phone: impl Into<String>) -> Self {
        Self { name: name.into(), phones: vec![phone.into()], emails: Vec::new() }
    }

    /// Returns it as people read it: the name, and each number and address on a line.
    pub fn in_words(&self) -> String {
        let reached = self.phones.iter().chain(&self.emails).map(String::as_str);
        let lines: Vec<&str> = std::iter::once(self.name.as_str()).chain(reached).collect();
        lines.join("\n").trim().to_owned()
    }

    /// Writes it as a vCard (RFC 2426, version 3.0).
    pub fn to_vcard(&self) -> String {
        let name = escape(&self.name);
        let mut card = String::from("BEGIN:VCARD\r\nVERSION:3.0\r\n");
        let mut line = |line: String| {
            fold(&line, &mut card);
            card.push_str("\r\n");
        };
        line(format!("FN:{name}"));
        line(format!("N:;{name};;;"));
        for phone in &self.phones {
            line(format!("TEL;TYPE=CELL:{}", escape(phone)));
        }
        for email in &self.emails {
            line(format!("EMAIL:{}", escape(email)));
        }
        card.push_str("END:VCARD\r\n");
        card
    }

    /// Reads the first card of a vCard file. `None` if it is none, or names nobody.
    pub fn from_vcard(card: &str) -> Option<Self> {
        if card.len() > LARGEST {
            return None;
        }
        let unfolded = card.replace("\r\n ", "").replace("\r\n\t", "").replace("\n ", "");
        let mut lines = unfolded.lines().map(str::trim_end);
        lines.find(|line| line.eq_ignore_ascii_case("BEGIN:VCARD"))?;
        let (mut contact, mut parts) = (Self::default(), String::new());
        for line in lines {
            let Some((property, value)) = line.split_once(':') else { continue };
            // `item1.TEL;TYPE=CELL` is a `TEL`.
            let property = property.split(';').next().unwrap_or_default();
            let property = property.rsplit('.').next().unwrap_or_default();
            match property.to_ascii_uppercase().as_str() {
                "END" => break,
                "FN" if contact.name.is_empty() => contact.name = unescape(value),
                "N" => {
                    let mut names = value.split(';').map(unescape);
                    let (family, given) = (names.next(), names.next());
                    parts = format!("{} {}", given.unwrap_or_default(), family.unwrap_or_default());
                }
                "TEL" => {
                    let number = unescape(value);
                    let number = number.strip_prefix("tel:").unwrap_or(&number);
                    contact.phones.push(number.to_owned());
                }
                "EMAIL" => contact.emails.push(unescape(value)),
                _ => {}
            }
        }
        if contact.name.is_empty() {
            parts.trim().clone_into(&mut contact.name);
        }
        (!contact.in_words().is_empty()).then_some(contact)
    }

    /// Returns its card as a file that needs nobody to fetch it.
    pub(crate) fn file(&self) -> MediaRef {
        let card = self.to_vcard();
        let name = if self.name.trim().is_empty() { "contact" } else { self.name.trim() };
        MediaRef {
            source: INLINE.to_owned(),
            filename: Some(format!("{name}.vcf")),
            content_type: Some("text/vcard".to_owned()),
            size: Some(card.len() as u64),
            locator: card.into(),
            ..MediaRef::default()
        }
    }
}

/// Whether a file is a contact card, by what its sender says of it.
pub(crate) fn is_card(media: &MediaRef) -> bool {
    let claimed = media.content_type.as_deref().unwrap_or_default();
    let claimed = claimed.split(';').next().unwrap_or_default().trim();
    let named = media.filename.as_deref().unwrap_or_default().to_ascii_lowercase();
    matches!(claimed, "text/vcard" | "text/x-vcard" | "text/directory") || named.ends_with(".vcf")
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace(';', "\\;")
        .replace(',', "\\,")
        .replace('\r', "")
        .replace('\n', "\\n")
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.trim().chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n' | 'N') => plain.push('\n'),
                Some(other) => plain.push(other),
                None => {}
            },
            other => plain.push(other),
        }
    }
    plain
}

/// Writes a line, a long one in several that begin with a blank.
fn fold(line: &str, to: &mut String) {
    let mut length = 0;
    for letter in line.chars() {
        if length + letter.len_utf8() > LINE {
            to.push_str("\r\n ");
            length = 1;
        }
        to.push(letter);
        length += letter.len_utf8();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_comes_back_as_it_was() {
        let contact = Contact {
            name: "Dott. Goldoni; Carlo, \"il\\vecchio\" ".trim().to_owned() + &"ü".repeat(80),
            phones: vec!["+39 041 5550 100".to_owned(), "113".to_owned()],
            emails: vec!["carlo@teatro.example".to_owned()],
        };
        let card = contact.to_vcard();
        assert!(card.split("\r\n").all(|line| line.len() <= LINE), "{card}");
        assert_eq!(Contact::from_vcard(&card), Some(contact));
    }

    #[test]
    fn cards_of_other_programs_are_read() {
        let card = "junk\r\nBEGIN:vCard\nVERSION:4.0\nN:Goldoni;Carlo;;;\n\
            item1.TEL;TYPE=cell;VALUE=uri:tel:+39-041\nEMAIL;PREF=1:a@b.example\nEND:VCARD\n\
            BEGIN:VCARD\nFN:another\nEND:VCARD\n";
        let read = Contact::from_vcard(card).expect("it is a card");
        assert_eq!(read.in_words(), "Carlo Goldoni\n+39-041\na@b.example");
        for nonsense in ["", "BEGIN:VCARD", "BEGIN:VCARD\nEND:VCARD", "FN:x", "\u{0}\\"] {
            assert_eq!(Contact::from_vcard(nonsense), None, "{nonsense}");
        }
    }
}
