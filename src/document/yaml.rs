//! YAML 1.2 as a person writes a manifest in it: anchors, aliases, tags and several documents are refused.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::Value;

use super::{Content, MAX_DEPTH, Node, Place, SyntaxError};

/// Reads a text into nodes.
pub(super) fn parse_node(text: &str) -> Result<Node, SyntaxError> {
    let offsets: Vec<usize> =
        text.char_indices().map(|(at, _)| at).chain(std::iter::once(text.len())).collect();
    let mut reader = Reader { events: Parser::new_from_str(text), offsets, text };
    loop {
        match reader.next()? {
            (Event::StreamStart | Event::DocumentStart(_), _) => {}
            (Event::StreamEnd | Event::DocumentEnd, _) => {
                return Err(SyntaxError { message: "is empty".to_owned(), place: None });
            }
            (event, span) => {
                let node = reader.node(event, span, 0)?;
                reader.finish()?;
                return Ok(node);
            }
        }
    }
}

struct Reader<'a, I: Iterator> {
    events: I,
    /// Byte offset of each character: the parser counts characters.
    offsets: Vec<usize>,
    text: &'a str,
}

impl<'a, I> Reader<'a, I>
where
    I: Iterator<Item = Result<(Event<'a>, Span), saphyr_parser::ScanError>>,
{
    fn next(&mut self) -> Result<(Event<'a>, Span), SyntaxError> {
        match self.events.next() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let marker = error.marker();
                Err(SyntaxError {
                    message: error.info().to_owned(),
                    place: Some(Place { line: marker.line(), column: marker.col() + 1 }),
                })
            }
            None => Err(SyntaxError { message: "ends too early".to_owned(), place: None }),
        }
    }

    /// Nothing but the end may follow the first document.
    fn finish(&mut self) -> Result<(), SyntaxError> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentEnd, _) => {}
                (_, span) => return self.fail("holds more than one document", span),
            }
        }
    }

    fn offset(&self, character: usize) -> usize {
        self.offsets.get(character).copied().unwrap_or(self.text.len())
    }

    fn fail<T>(&self, message: impl Into<String>, span: Span) -> Result<T, SyntaxError> {
        let place = Place::of_offset(self.text, self.offset(span.start.index()));
        Err(SyntaxError { message: message.into(), place: Some(place) })
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, SyntaxError> {
        if depth > MAX_DEPTH {
            return self.fail(format!("is nested deeper than {MAX_DEPTH} levels"), span);
        }
        let start = self.offset(span.start.index());
        let mut end = self.offset(span.end.index());
        let content = match event {
            Event::Scalar(_, _, anchor, Some(_)) | Event::Scalar(_, _, anchor @ 1.., None) => {
                let what = if anchor > 0 { "an anchor" } else { "a tag" };
                return self.fail(format!("holds {what}, which is not accepted here"), span);
            }
            Event::Scalar(text, style, _, None) => Content::Scalar(scalar(&text, style)),
            Event::SequenceStart(0, None) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, span) => {
                            end = self.offset(span.end.index());
                            break Content::List(items);
                        }
                        (event, span) => items.push(self.node(event, span, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(0, None) => self.mapping(depth, &mut end)?,
            Event::SequenceStart(..) | Event::MappingStart(..) | Event::Alias(_) => {
                return self
                    .fail("holds an anchor, alias or tag, which is not accepted here", span);
            }
            _ => return self.fail("is not a value", span),
        };
        Ok(Node { start, end, content })
    }

    fn mapping(&mut self, depth: usize, end: &mut usize) -> Result<Content, SyntaxError> {
        let mut members: Vec<(usize, String, Node)> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let key = match event {
                Event::MappingEnd => {
                    *end = self.offset(span.end.index());
                    return Ok(Content::Object(members));
                }
                Event::Scalar(text, _, 0, None) => text.into_owned(),
                _ => return self.fail("has a key that is not plain text", span),
            };
            if key == "<<" || members.iter().any(|(_, earlier, _)| *earlier == key) {
                return self.fail(format!("the key `{key}` stands twice in one object"), span);
            }
            let at = self.offset(span.start.index());
            let (event, span) = self.next()?;
            members.push((at, key, self.node(event, span, depth + 1)?));
        }
    }
}

/// A scalar by the core schema of YAML 1.2: only plain text can be anything but a string.
fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return text.into();
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => true.into(),
        "false" | "False" | "FALSE" => false.into(),
        _ if text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.') => {
            // The same numbers as in JSON; `010` or `1_000` stay text and fail their type check.
            serde_json::from_str::<serde_json::Number>(text).map_or(text.into(), Value::Number)
        }
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Document, Syntax};

    fn error(text: &str) -> String {
        Document::parse(text.as_bytes(), Syntax::Yaml).unwrap_err().to_string()
    }

    #[test]
    fn what_could_hide_something_is_refused() {
        assert!(error("a: &x 1\nb: *x\n").contains("anchor"));
        assert!(error("a: !!str 1\n").contains("tag"));
        assert!(error("a: 1\na: 2\n").contains("twice"));
        assert!(error("a: 1\n---\nb: 2\n").contains("more than one document"));
        assert!(error("").contains("empty"));
        assert!(error(&format!("{}{}", "[".repeat(100), "]".repeat(100))).contains("deeper"));
    }

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        let text = "a: 1\nb: yes\nc: \"1\"\nd: 1.5\ne: ~\nf: 2026-11-20T08:00:00Z\ng: true\n";
        let value = Document::parse(text.as_bytes(), Syntax::Yaml).unwrap().to_value();
        assert_eq!(
            value,
            serde_json::json!({"a": 1, "b": "yes", "c": "1", "d": 1.5, "e": null,
                "f": "2026-11-20T08:00:00Z", "g": true})
        );
    }
}
