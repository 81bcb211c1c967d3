//! The compact form of a snapshot for stores: one byte of version, then the tree, key tables once.

use std::collections::HashMap;
use std::sync::Arc;

use super::MAX_DEPTH;
use super::keys::{Keys, Shape};
use super::node::{Map, Node};

/// The first byte. A form that older code cannot read gets a new number.
const VERSION: u8 = 1;

/// What kind of node follows. Small integers, lengths and table numbers are LEB128.
mod tag {
    pub(super) const NULL: u8 = 0;
    pub(super) const FALSE: u8 = 1;
    pub(super) const TRUE: u8 = 2;
    pub(super) const INT: u8 = 3;
    pub(super) const UINT: u8 = 4;
    pub(super) const INT128: u8 = 5;
    pub(super) const UINT128: u8 = 6;
    pub(super) const FLOAT: u8 = 7;
    pub(super) const STR: u8 = 8;
    pub(super) const BYTES: u8 = 9;
    pub(super) const SEQ: u8 = 10;
    pub(super) const TUPLE: u8 = 11;
    /// A map by the number of its key table.
    pub(super) const MAP: u8 = 12;
    /// A map with its key table before the values; the table gets the next number.
    pub(super) const NEW_MAP: u8 = 13;
    pub(super) const NEW_STRUCT: u8 = 14;
    pub(super) const SOME: u8 = 15;
}

pub(super) fn encode(node: &Node) -> Vec<u8> {
    let mut writer = Writer {
        out: vec![VERSION],
        tables: HashMap::new(),
    };
    writer.node(node);
    writer.out
}

struct Writer {
    out: Vec<u8>,
    /// The numbers of the tables written so far, by address: the tree keeps them alive meanwhile.
    tables: HashMap<*const Keys, u64>,
}

impl Writer {
    fn node(&mut self, node: &Node) {
        match node {
            Node::Null => self.out.push(tag::NULL),
            Node::Some(levels) => self.out.extend([tag::SOME, *levels]),
            Node::Bool(false) => self.out.push(tag::FALSE),
            Node::Bool(true) => self.out.push(tag::TRUE),
            Node::Int(value) => {
                self.out.push(tag::INT);
                // Zigzag: small numbers stay short on both sides of zero.
                self.number(((value << 1) ^ (value >> 63)) as u64);
            }
            Node::UInt(value) => {
                self.out.push(tag::UINT);
                self.number(*value);
            }
            Node::Int128(value) => self.fixed(tag::INT128, &value.to_le_bytes()),
            Node::UInt128(value) => self.fixed(tag::UINT128, &value.to_le_bytes()),
            Node::Float(value) => self.fixed(tag::FLOAT, &value.to_le_bytes()),
            Node::Str(text) => self.bytes(tag::STR, text.as_bytes()),
            Node::Bytes(bytes) => self.bytes(tag::BYTES, bytes),
            Node::Seq(seq) => self.items(tag::SEQ, &seq.items),
            Node::Tuple(tuple) => self.items(tag::TUPLE, &tuple.items),
            Node::Map(map) => self.map(map),
        }
    }

    fn map(&mut self, map: &Map) {
        let table = Arc::as_ptr(&map.keys);
        if let Some(number) = self.tables.get(&table).copied() {
            self.out.push(tag::MAP);
            self.number(number);
        } else {
            let tag = if map.keys.shape() == Shape::Struct {
                tag::NEW_STRUCT
            } else {
                tag::NEW_MAP
            };
            self.items(tag, map.keys.names());
            // Numbered after its keys, which may hold maps of their own.
            self.tables.insert(table, self.tables.len() as u64);
        }
        for value in &map.values {
            self.node(value);
        }
    }

    fn items(&mut self, tag: u8, items: &[Node]) {
        self.out.push(tag);
        self.number(items.len() as u64);
        for item in items {
            self.node(item);
        }
    }

    fn bytes(&mut self, tag: u8, bytes: &[u8]) {
        self.out.push(tag);
        self.number(bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    fn fixed(&mut self, tag: u8, bytes: &[u8]) {
        self.out.push(tag);
        self.out.extend_from_slice(bytes);
    }

    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }
}

type Read<T> = Result<T, String>;

pub(super) fn decode(bytes: &[u8]) -> Read<Node> {
    let mut reader = Reader {
        rest: bytes,
        len: bytes.len(),
        tables: Vec::new(),
    };
    match reader.byte()? {
        VERSION => {}
        other => {
            return Err(format!(
                "it has version {other}, and this code reads version {VERSION}"
            ));
        }
    }
    let node = reader.node(0)?;
    match reader.rest.len() {
        0 => Ok(node),
        left => Err(format!("{left} bytes follow its end")),
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    len: usize,
    tables: Vec<Arc<Keys>>,
}

impl Reader<'_> {
    fn node(&mut self, depth: usize) -> Read<Node> {
        if depth > MAX_DEPTH {
            return Err(self.at(format!("it nests more than {MAX_DEPTH} levels")));
        }
        Ok(match self.byte()? {
            tag::NULL => Node::Null,
            tag::SOME => match self.byte()? {
                levels if (1..=MAX_DEPTH).contains(&usize::from(levels)) => Node::Some(levels),
                levels => return Err(self.at(format!("{levels} levels of Some"))),
            },
            tag::FALSE => Node::Bool(false),
            tag::TRUE => Node::Bool(true),
            tag::INT => {
                let zigzag = self.number()?;
                Node::Int((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
            }
            tag::UINT => Node::uint(self.number()?),
            tag::INT128 => Node::int128(i128::from_le_bytes(self.fixed()?)),
            tag::UINT128 => Node::uint128(u128::from_le_bytes(self.fixed()?)),
            tag::FLOAT => Node::Float(f64::from_le_bytes(self.fixed()?)),
            tag::STR => {
                let text = std::str::from_utf8(self.bytes()?).ok().map(Into::into);
                Node::Str(text.ok_or_else(|| self.at("a string is not UTF-8"))?)
            }
            tag::BYTES => Node::Bytes(self.bytes()?.into()),
            tag::SEQ => Node::seq(self.items(depth)?),
            tag::TUPLE => Node::tuple(self.items(depth)?),
            tag::MAP => {
                let number = self.number()?;
                let known = usize::try_from(number)
                    .ok()
                    .and_then(|number| self.tables.get(number))
                    .cloned();
                let keys = known.ok_or_else(|| self.at(format!("there is no key table {number}")))?;
                self.map(keys, depth)?
            }
            tag::NEW_MAP => {
                let names = self.items(depth)?;
                let (keys, repeated) = Keys::new(Shape::Map, names);
                // Keys of kinds other than strings are always looked at; they repeat when fewer are left.
                if repeated
                    .is_some_and(|sources| sources.iter().enumerate().any(|(at, source)| at != *source))
                {
                    return Err(self.at("a map has a key twice"));
                }
                self.define(keys, depth)?
            }
            tag::NEW_STRUCT => {
                let names = self.items(depth)?;
                if names.iter().any(|name| name.as_str().is_none()) {
                    return Err(self.at("a field's name is not a string"));
                }
                self.define(Keys::new(Shape::Struct, names).0, depth)?
            }
            other => return Err(self.at(format!("{other} is no kind of value"))),
        })
    }

    fn define(&mut self, keys: Keys, depth: usize) -> Read<Node> {
        let keys = Arc::new(keys);
        self.tables.push(keys.clone());
        self.map(keys, depth)
    }

    fn map(&mut self, keys: Arc<Keys>, depth: usize) -> Read<Node> {
        let len = keys.names().len();
        let values = self.several(len, depth)?.into();
        Ok(Node::Map(Arc::new(Map { keys, values })))
    }

    fn items(&mut self, depth: usize) -> Read<Vec<Node>> {
        let len = self.number()?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        self.several(len, depth)
    }

    /// So many nodes. Each takes at least a byte, so a length beyond the rest is refused; and since every level of a
    /// tree could claim the whole rest, memory is taken in advance only for a part.
    fn several(&mut self, len: usize, depth: usize) -> Read<Vec<Node>> {
        if len > self.rest.len() {
            return Err(self.at(format!(
                "{len} items do not fit into the {} bytes left",
                self.rest.len()
            )));
        }
        let mut nodes = Vec::with_capacity(len.min(1024));
        for _ in 0..len {
            nodes.push(self.node(depth + 1)?);
        }
        Ok(nodes)
    }

    fn bytes(&mut self) -> Read<&[u8]> {
        let len = self.number()?;
        let cut = usize::try_from(len)
            .ok()
            .and_then(|len| self.rest.split_at_checked(len));
        let Some((bytes, rest)) = cut else {
            return Err(self.at(format!(
                "{len} bytes are announced and {} are left",
                self.rest.len()
            )));
        };
        self.rest = rest;
        Ok(bytes)
    }

    fn fixed<const N: usize>(&mut self) -> Read<[u8; N]> {
        let Some((bytes, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.at("it ends in the middle of a number"));
        };
        self.rest = rest;
        Ok(*bytes)
    }

    fn number(&mut self) -> Read<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.at("a number has more than 64 bits"))
    }

    fn byte(&mut self) -> Read<u8> {
        let [byte] = self.fixed::<1>().map_err(|_| self.at("it is cut short"))?;
        Ok(byte)
    }

    fn at(&self, why: impl std::fmt::Display) -> String {
        format!("{why} (at byte {} of {})", self.len - self.rest.len(), self.len)
    }
}
