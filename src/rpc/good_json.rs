//! JSON that is known to be good, read from its start on, each byte once: members as they come, texts
//! as what they stand for, other values as they stand there.
//!
//! Rules of this file: no allocation but for a text with escapes, no recursion, no panic on what isn't
//! good after all; what doesn't stand where it is asked for is `None`, after which a reader is of no use.

use super::landmarks::Landmarks;
use super::span::Span;
use super::text::Text;
use super::walk::value_length;

/// What is still to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GoodJson<'a> {
    rest: &'a str,
    /// Where the frame ends that the landmarks are in, as far as it is read.
    end: usize,
    run: Span,
    objects: &'a [Span],
}

impl<'a> GoodJson<'a> {
    #[cfg(test)]
    pub(crate) fn new(json: &'a str) -> Self {
        Self::with_landmarks(json, 0, None)
    }

    /// JSON that starts at `start` in the frame that has these landmarks: what they are of isn't searched for
    /// its end.
    pub(crate) fn with_landmarks(
        json: &'a str,
        start: usize,
        landmarks: Option<&'a Landmarks>,
    ) -> Self {
        Self {
            rest: json,
            end: start.saturating_add(json.len()),
            run: landmarks.map_or(Span::NONE, Landmarks::run),
            objects: landmarks.map_or(&[], Landmarks::objects),
        }
    }

    /// Enters the object that comes next, for [`key`](Self::key).
    pub(crate) fn object(&mut self) -> Option<()> {
        self.passes('{').then_some(())
    }

    /// The key of the next member; `Some(None)` after the last one, which leaves the object.
    pub(crate) fn key(&mut self) -> Option<Option<Text<'a>>> {
        if self.passes('}') {
            return Some(None);
        }
        self.passes(',');
        let key = self.text()?;
        self.passes(':').then_some(Some(key))
    }

    /// Enters the array that comes next, for [`has_element`](Self::has_element).
    pub(crate) fn array(&mut self) -> Option<()> {
        self.passes('[').then_some(())
    }

    /// Goes on to the next element; `false` after the last one, which leaves the array.
    pub(crate) fn has_element(&mut self) -> bool {
        if self.passes(']') {
            return false;
        }
        self.passes(',');
        true
    }

    /// The string that comes next.
    pub(crate) fn text(&mut self) -> Option<Text<'a>> {
        self.skip_space();
        let (text, rest) = match self.run_here() {
            Some((run, rest)) => (Text::borrowed(run), rest),
            None => Text::first_of(self.rest)?,
        };
        self.rest = rest;
        Some(text)
    }

    /// Where in the frame what comes next stands.
    #[inline]
    fn at(&self) -> usize {
        self.end.saturating_sub(self.rest.len())
    }

    /// The inside of the string that comes next and what follows it, if it is the known run.
    #[inline]
    fn run_here(&self) -> Option<(&'a str, &'a str)> {
        if self.run.range().start.checked_sub(1) != Some(self.at()) {
            return None;
        }
        let inside = self.rest.strip_prefix('"')?;
        let (run, rest) = inside.split_at_checked(self.run.range().len())?;
        Some((run, rest.strip_prefix('"')?))
    }

    /// How long the object is that comes next, if that is known.
    #[inline]
    fn object_here(&mut self) -> Option<usize> {
        let at = self.at();
        while let [first, others @ ..] = self.objects {
            if first.range().start >= at {
                let is_here = first.range().start == at && self.rest.starts_with('{');
                return is_here.then(|| first.range().len());
            }
            self.objects = others;
        }
        None
    }

    /// The value that comes next, as it stands there.
    pub(crate) fn value(&mut self) -> Option<&'a str> {
        self.skip_space();
        let length = self.object_here();
        let length = length.unwrap_or_else(|| value_length(self.rest.as_bytes()));
        self.taken(|reader| {
            reader.rest = reader.rest.get(length..)?;
            (length > 0).then_some(())
        })
        .map(|((), json)| json)
    }

    /// What `read` makes of what comes next, and that as it stands there.
    pub(crate) fn taken<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<(T, &'a str)> {
        self.skip_space();
        let before = self.rest;
        let value = read(self)?;
        let length = before.len().checked_sub(self.rest.len())?;
        Some((value, before.get(..length)?))
    }

    /// Passes `token` if it comes next; whether it did.
    #[inline]
    fn passes(&mut self, token: char) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    #[inline]
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::GoodJson;

    #[test]
    fn members_and_elements_are_read_where_they_stand() {
        let json = r#" { "a\u0062" : [ 1 , {"x":"]}"} ,"\"" ] ,"b":{},"" : null } rest"#;
        let mut reader = GoodJson::new(json);
        reader.object().unwrap();
        assert_eq!(reader.key().unwrap().unwrap(), "ab");
        reader.array().unwrap();
        let mut elements = Vec::new();
        while reader.has_element() {
            elements.push(reader.value().unwrap());
        }
        assert_eq!(elements, ["1", r#"{"x":"]}"}"#, r#""\"""#]);
        assert_eq!(reader.key().unwrap().unwrap(), "b");
        assert_eq!(reader.value(), Some("{}"));
        assert_eq!(reader.key().unwrap().unwrap(), "");
        assert_eq!(reader.taken(GoodJson::value), Some(("null", "null")));
        assert_eq!(reader.key(), Some(None));
        assert!(reader.object().is_none());
    }

    #[test]
    fn what_is_not_good_ends_the_reading() {
        for json in [
            "", "{", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":}", "{1:2}", "{\"a\\",
        ] {
            let mut reader = GoodJson::new(json);
            let read = reader.object().and_then(|()| reader.key().flatten());
            let value = read.and_then(|_| reader.value());
            assert_eq!(value, None, "{json}");
        }
        let mut open = GoodJson::new("[");
        open.array().unwrap();
        assert!(open.has_element());
        assert_eq!(open.value(), None);
    }
}
