//! Finds the line of a path of the tree in its file.
//!
//! The parser's tree has no lines, so the text is read a second time, but only if there are
//! problems. Reading is linear in the text, which [`super::bounds`] has bounded. An alias is not
//! copied: it leads to the lines of the node with the anchor.

use std::cell::Cell;
use std::collections::HashMap;

use yaml_rust2::Event;
use yaml_rust2::parser::Parser;
use yaml_rust2::scanner::{Marker, TScalarStyle};

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
    fn new(anchor: usize, mark: &Marker, node: Node) -> Self {
        Self {
            anchor,
            line: mark.line(),
            node,
            key: None,
        }
    }

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

impl Lines {
    /// Reads YAML, or JSON, which has the same structure. Nothing after a mistake has a line.
    pub(super) fn new(text: &str) -> Self {
        let mut parser = Parser::new_from_str(text);
        let mut nodes = vec![Node::Value];
        let mut root = VALUE;
        let mut open: Vec<Open> = Vec::new();
        let mut anchored: HashMap<usize, usize> = HashMap::new();
        while let Ok((event, mark)) = parser.next_token() {
            let (node, line) = match event {
                Event::StreamEnd => break,
                Event::SequenceStart(anchor, _) => {
                    open.push(Open::new(anchor, &mark, Node::List(Vec::new())));
                    continue;
                }
                Event::MappingStart(anchor, _) => {
                    open.push(Open::new(anchor, &mark, Node::Table(HashMap::new())));
                    continue;
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    let Some(ended) = open.pop() else { break };
                    nodes.push(ended.node);
                    let node = nodes.len() - 1;
                    anchored.insert(ended.anchor, node);
                    (node, Some(ended.line))
                }
                Event::Scalar(text, style, ..) => match open.last_mut() {
                    Some(table) if table.is_before_key() => {
                        table.key = Some(Key::Text(text, mark.line()));
                        continue;
                    }
                    // The parser gives the position of the next node.
                    _ if text.is_empty() && style == TScalarStyle::Plain => (VALUE, None),
                    _ => (VALUE, Some(mark.line())),
                },
                Event::Alias(anchor) => {
                    let node = anchored.get(&anchor).copied().unwrap_or(VALUE);
                    (node, Some(mark.line()))
                }
                _ => continue,
            };
            match open.last_mut() {
                Some(parent) => parent.add(node, line),
                None => root = node,
            }
        }
        // After a mistake, open lists and tables are kept as far as they were read.
        while let Some(ended) = open.pop() {
            nodes.push(ended.node);
            let node = nodes.len() - 1;
            match open.last_mut() {
                Some(parent) => parent.add(node, Some(ended.line)),
                None => root = node,
            }
        }
        Self {
            nodes,
            root,
            merged: Cell::new(MAX_MERGED),
        }
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
