//! The texts of one response, each cleaned once.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use crate::scrubber::Scrubber;

/// The maximum number of bytes of different texts examined in one response; each text is cut
/// before it counts. A thousand codes with the longest texts that are kept whole need a third
/// of it.
pub(super) const MAX_EXAMINED: usize = 1 << 20;

/// Cleans texts; most rows repeat the same few.
pub(super) struct Texts<'a> {
    scrubber: &'a Scrubber,
    max_chars: usize,
    /// The cleaned form of each text, by the part that was examined.
    cleaned: HashMap<Cow<'a, str>, Rc<str>>,
    /// In bytes.
    left: usize,
}

impl<'a> Texts<'a> {
    /// Texts are cut after `max_chars` characters.
    pub(super) fn new(scrubber: &'a Scrubber, max_chars: usize) -> Self {
        Self {
            scrubber,
            max_chars,
            cleaned: HashMap::new(),
            left: MAX_EXAMINED,
        }
    }

    /// `text`, scrubbed; empty once too many bytes were examined.
    pub(super) fn clean(&mut self, text: Cow<'a, str>) -> Rc<str> {
        let end = Scrubber::examined(&text, self.max_chars).len();
        if let Some(cleaned) = self.cleaned.get(&text[..end]) {
            return Rc::clone(cleaned);
        }
        let Some(left) = self.left.checked_sub(end) else {
            return Rc::default();
        };
        self.left = left;
        let cleaned: Rc<str> = self.scrubber.scrub(&text, self.max_chars).into();
        let examined = match text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
            Cow::Owned(text) => Cow::Owned(text[..end].to_owned()),
        };
        self.cleaned.insert(examined, Rc::clone(&cleaned));
        cleaned
    }
}
