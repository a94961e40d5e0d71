//! Reads YAML, or JSON, which has the same structure: within bounds, and for the line of each value.
//!
//! The parser's tree has no lines. A text is read here before it is parsed, for its bounds alone,
//! and once more if there are problems, whose lines are then found. An alias is not copied: it leads
//! to the lines of the node with the anchor.

use std::cell::Cell;
use std::collections::HashMap;

use yaml_rust2::Event;
use yaml_rust2::parser::{Parser, Tag};
use yaml_rust2::scanner::TScalarStyle;

use super::bounds::{Excess, Size};

/// The maximum number of merged tables searched for all paths together. A file may merge each table
/// into all that follow.
const MAX_MERGED: usize = 1_000_000;

/// The node without content.
const VALUE: usize = 0;

pub(super) struct Lines {
    nodes: Vec<Node>,
    root: usize,
    /// How many more merged tables may be searched.
    merged: Cell<usize>,
}

enum Node {
    Value,
    /// By key: the key's line, and the node of its value.
    Table(HashMap<String, (usize, usize)>),
    /// An element without a value has no line.
    List(Vec<(Option<usize>, usize)>),
}

/// An open list or table.
struct Open {
    anchor: usize,
    /// What had been read before it.
    start: Size,
    line: usize,
    node: Node,
    /// The key of the next value.
    key: Option<Key>,
}

enum Key {
    /// With its line.
    Text(String, usize),
    /// A list, a table or an alias, which is not part of any path.
    Other,
}

impl Open {
    fn is_before_key(&self) -> bool {
        matches!(self.node, Node::Table(_)) && self.key.is_none()
    }

    /// Adds a node in `line` as the next key, value or element.
    fn add(&mut self, node: usize, line: Option<usize>) {
        match &mut self.node {
            Node::Value => {}
            Node::List(elements) => elements.push((line, node)),
            Node::Table(keys) => match self.key.take() {
                None => self.key = Some(Key::Other),
                Some(Key::Other) => {}
                Some(Key::Text(name, line)) => {
                    keys.insert(name, (line, node));
                }
            },
        }
    }
}

/// What has been read of a text.
struct Reading {
    nodes: Vec<Node>,
    root: usize,
    open: Vec<Open>,
    /// By anchor: the node, and its size.
    anchored: HashMap<usize, (usize, Size)>,
    /// Aliases counted with what they stand for.
    size: Size,
    /// The parser keeps a copy of each node with an anchor.
    copies: Size,
}

impl Reading {
    fn event(&mut self, event: Event, line: usize) {
        let bytes = |tag: Option<Tag>| tag.map_or(0, |tag| tag.handle.len() + tag.suffix.len());
        match event {
            Event::SequenceStart(anchor, tag) => {
                self.open(anchor, bytes(tag), line, Node::List(Vec::new()));
            }
            Event::MappingStart(anchor, tag) => {
                self.open(anchor, bytes(tag), line, Node::Table(HashMap::new()));
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Scalar(text, style, anchor, tag) => {
                let start = self.size;
                self.size.add(Size::of(text.len() + bytes(tag)));
                self.anchor(anchor, VALUE, start);
                match self.open.last_mut() {
                    Some(table) if table.is_before_key() => {
                        table.key = Some(Key::Text(text, line));
                    }
                    // The parser gives the position of the next node.
                    _ if text.is_empty() && style == TScalarStyle::Plain => self.add(VALUE, None),
                    _ => self.add(VALUE, Some(line)),
                }
            }
            Event::Alias(anchor) => {
                let known = self.anchored.get(&anchor).copied();
                let (node, size) = known.unwrap_or((VALUE, Size::of(0)));
                self.size.add(size);
                self.add(node, Some(line));
            }
            _ => {}
        }
    }

    fn open(&mut self, anchor: usize, tag: usize, line: usize, node: Node) {
        self.open.push(Open {
            anchor,
            start: self.size,
            line,
            node,
            key: None,
        });
        self.size.add(Size::of(tag));
    }

    fn close(&mut self) {
        let Some(ended) = self.open.pop() else { return };
        self.nodes.push(ended.node);
        let node = self.nodes.len() - 1;
        self.anchor(ended.anchor, node, ended.start);
        self.add(node, Some(ended.line));
    }

    /// Remembers a node that ends here. Number 0 means no anchor.
    fn anchor(&mut self, anchor: usize, node: usize, start: Size) {
        if anchor != 0 {
            let size = self.size.since(start);
            self.anchored.insert(anchor, (node, size));
            self.copies.add(size);
        }
    }

    fn add(&mut self, node: usize, line: Option<usize>) {
        match self.open.last_mut() {
            Some(parent) => parent.add(node, line),
            None => self.root = node,
        }
    }

    fn check(&self, line: usize) -> Result<(), Excess> {
        let mut size = self.size;
        size.add(self.copies);
        size.check(self.open.len(), line)
    }
}

impl Lines {
    /// Reads a text. A syntax error is not reported, since the actual parser finds it at the same
    /// place; nothing after it has a line.
    pub(super) fn read(text: &str) -> Result<Self, Excess> {
        let mut reading = Reading {
            nodes: vec![Node::Value],
            root: VALUE,
            open: Vec::new(),
            anchored: HashMap::new(),
            size: Size::default(),
            copies: Size::default(),
        };
        let mut parser = Parser::new_from_str(text);
        while let Ok((event, mark)) = parser.next_token() {
            if event == Event::StreamEnd {
                break;
            }
            reading.event(event, mark.line());
            reading.check(mark.line())?;
        }
        // After a mistake, open lists and tables are kept as far as they were read.
        while !reading.open.is_empty() {
            reading.close();
        }
        Ok(Self {
            nodes: reading.nodes,
            root: reading.root,
            merged: Cell::new(MAX_MERGED),
        })
    }

    /// The line of a path such as `apps[1].regions[0].url`, or of its longest part that the file
    /// has. `None` if the file has no part of it.
    pub(super) fn of(&self, path: &str) -> Option<usize> {
        let (mut node, mut rest, mut line) = (self.root, path, None);
        while let Some((found, next, after)) = self.step(node, rest) {
            line = found.or(line);
            (node, rest) = (next, after);
        }
        line
    }

    /// The line and the node of the path's first part, and the rest of the path.
    fn step<'p>(&self, node: usize, path: &'p str) -> Option<(Option<usize>, usize, &'p str)> {
        match &self.nodes[node] {
            Node::Value => None,
            Node::List(elements) => {
                let (index, after) = path.strip_prefix('[')?.split_once(']')?;
                let (line, node) = *elements.get(index.parse::<usize>().ok()?)?;
                Some((line, node, after))
            }
            Node::Table(_) => {
                let path = path.strip_prefix('.').unwrap_or(path);
                // A key may contain dots.
                let ends = path.match_indices(['.', '[']).map(|(at, _)| at);
                ends.chain([path.len()]).find_map(|end| {
                    let (line, node) = self.key(node, &path[..end])?;
                    Some((Some(line), node, &path[end..]))
                })
            }
        }
    }

    /// The position of a key in a table or in the tables that it merges, in the order of
    /// [`super::document`].
    fn key(&self, table: usize, key: &str) -> Option<(usize, usize)> {
        let mut tables = vec![table];
        while let Some(table) = tables.pop() {
            let Node::Table(keys) = &self.nodes[table] else {
                continue;
            };
            if let Some(found) = keys.get(key) {
                return Some(*found);
            }
            let Some((_, merged)) = keys.get("<<") else {
                continue;
            };
            let more = match &self.nodes[*merged] {
                Node::List(elements) => elements.as_slice(),
                _ => &[(None, *merged)],
            };
            self.merged.set(self.merged.get().checked_sub(more.len())?);
            tables.extend(more.iter().rev().map(|(_, node)| *node));
        }
        None
    }
}
