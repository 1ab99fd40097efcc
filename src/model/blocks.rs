//! The content of a tool's result: its blocks as a list that holds one block in place, since most
//! results say one thing.

use alloc::vec::{self, Vec};
use core::iter::Chain;
use core::ops::{Deref, DerefMut};
use core::{fmt, mem, option, slice};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::content::{ContentBlock, TextContent};
use crate::model::owned::IntoOwned;
use crate::rpc::{Source, elements};

/// The blocks of a result, in order. A single one costs no allocation.
///
/// It reads and is iterated like a slice; a block, a `Vec` or an iterator of blocks makes one.
#[derive(Clone)]
pub struct ContentBlocks<'a>(Repr<'a>);

// No `SmallVec`, with which a list couldn't stand for one of a shorter life.
#[derive(Clone)]
enum Repr<'a> {
    One(ContentBlock<'a>),
    Many(Vec<ContentBlock<'a>>),
}

impl<'a> ContentBlocks<'a> {
    /// Creates an empty list.
    pub const fn new() -> Self {
        Self(Repr::Many(Vec::new()))
    }

    /// Appends a block.
    pub fn push(&mut self, block: ContentBlock<'a>) {
        match mem::take(self).0 {
            Repr::Many(blocks) if blocks.is_empty() => *self = block.into(),
            Repr::Many(mut blocks) => {
                blocks.push(block);
                *self = blocks.into();
            }
            Repr::One(first) => *self = Vec::from([first, block]).into(),
        }
    }

    /// Removes all blocks.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Returns the blocks as a `Vec`.
    pub fn into_vec(self) -> Vec<ContentBlock<'a>> {
        match self.0 {
            Repr::One(block) => Vec::from([block]),
            Repr::Many(blocks) => blocks,
        }
    }
}

impl<'a> ContentBlocks<'a> {
    /// The text of an array whose only block is plain text without escapes; `None` for all others.
    #[inline]
    pub(super) fn plain_text(array: &'a str) -> Option<&'a str> {
        let listed = array.strip_prefix('[')?.strip_suffix(']')?;
        TextContent::plain_text(listed)
    }

    /// Reads an array of blocks from JSON that is known to be good; `None` when it isn't one.
    pub(super) fn read(array: &'a str) -> Option<Self> {
        array.strip_prefix('[')?.strip_suffix(']')?;
        elements(array.as_bytes())
            .map(|element| array.get(element.range()).map(ContentBlock::read))
            .collect()
    }
}

impl fmt::Debug for ContentBlocks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl Default for ContentBlocks<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for ContentBlocks<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<'a> Deref for ContentBlocks<'a> {
    type Target = [ContentBlock<'a>];

    #[inline]
    fn deref(&self) -> &[ContentBlock<'a>] {
        match &self.0 {
            Repr::One(block) => slice::from_ref(block),
            Repr::Many(blocks) => blocks,
        }
    }
}

impl<'a> DerefMut for ContentBlocks<'a> {
    fn deref_mut(&mut self) -> &mut [ContentBlock<'a>] {
        match &mut self.0 {
            Repr::One(block) => slice::from_mut(block),
            Repr::Many(blocks) => blocks,
        }
    }
}

impl<'a> From<ContentBlock<'a>> for ContentBlocks<'a> {
    #[inline]
    fn from(block: ContentBlock<'a>) -> Self {
        Self(Repr::One(block))
    }
}

impl<'a> From<Vec<ContentBlock<'a>>> for ContentBlocks<'a> {
    fn from(blocks: Vec<ContentBlock<'a>>) -> Self {
        Self(Repr::Many(blocks))
    }
}

impl<'a, const N: usize> From<[ContentBlock<'a>; N]> for ContentBlocks<'a> {
    fn from(blocks: [ContentBlock<'a>; N]) -> Self {
        Vec::from(blocks).into()
    }
}

impl<'a> FromIterator<ContentBlock<'a>> for ContentBlocks<'a> {
    fn from_iter<I: IntoIterator<Item = ContentBlock<'a>>>(blocks: I) -> Self {
        let mut blocks = blocks.into_iter();
        match (blocks.next(), blocks.next()) {
            (None, _) => Self::new(),
            (Some(only), None) => only.into(),
            (Some(first), Some(second)) => {
                let all = [first, second].into_iter().chain(blocks);
                Vec::from_iter(all).into()
            }
        }
    }
}

impl<'a> Extend<ContentBlock<'a>> for ContentBlocks<'a> {
    fn extend<I: IntoIterator<Item = ContentBlock<'a>>>(&mut self, blocks: I) {
        for block in blocks {
            self.push(block);
        }
    }
}

/// The blocks themselves, one by one.
#[derive(Debug)]
pub struct IntoBlocks<'a>(
    Chain<option::IntoIter<ContentBlock<'a>>, vec::IntoIter<ContentBlock<'a>>>,
);

impl<'a> Iterator for IntoBlocks<'a> {
    type Item = ContentBlock<'a>;

    fn next(&mut self) -> Option<ContentBlock<'a>> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<'a> IntoIterator for ContentBlocks<'a> {
    type Item = ContentBlock<'a>;
    type IntoIter = IntoBlocks<'a>;

    fn into_iter(self) -> IntoBlocks<'a> {
        let (one, many) = match self.0 {
            Repr::One(block) => (Some(block), Vec::new()),
            Repr::Many(blocks) => (None, blocks),
        };
        IntoBlocks(one.into_iter().chain(many))
    }
}

impl<'l, 'a> IntoIterator for &'l ContentBlocks<'a> {
    type Item = &'l ContentBlock<'a>;
    type IntoIter = slice::Iter<'l, ContentBlock<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'l, 'a> IntoIterator for &'l mut ContentBlocks<'a> {
    type Item = &'l mut ContentBlock<'a>;
    type IntoIter = slice::IterMut<'l, ContentBlock<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl<'a> PartialEq<Vec<ContentBlock<'a>>> for ContentBlocks<'a> {
    fn eq(&self, other: &Vec<ContentBlock<'a>>) -> bool {
        **self == **other
    }
}

impl<'a, const N: usize> PartialEq<[ContentBlock<'a>; N]> for ContentBlocks<'a> {
    fn eq(&self, other: &[ContentBlock<'a>; N]) -> bool {
        **self == *other
    }
}

impl Serialize for ContentBlocks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for ContentBlocks<'a> {
    /// A `null` reads as an empty list.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let blocks = Option::<Vec<ContentBlock<'a>>>::deserialize(deserializer)?;
        Ok(blocks.unwrap_or_default().into())
    }
}

impl IntoOwned for ContentBlocks<'_> {
    type Owned = ContentBlocks<'static>;

    fn owned_from(self, source: Source<'_>) -> ContentBlocks<'static> {
        let blocks = self.into_iter();
        blocks.map(|block| block.owned_from(source)).collect()
    }
}
