//! HTML as browsers read it, as a tree of plain values. The nodes lie in one list and know each
//! other by number: however deep a stranger nests them, nothing here calls itself.

use std::{borrow::Cow, cell::RefCell};

use html5ever::{
    Attribute, LocalName, Namespace, ParseOpts, QualName, local_name, ns, parse_fragment,
    tendril::{StrTendril, TendrilSink as _},
    tree_builder::{ElemName, ElementFlags, NodeOrText, QuirksMode, TreeSink},
};

/// More tags than any text has. A parser that mends wrong nesting looks again and again at what is
/// open, so thousands of open tags would cost seconds.
const MOST_TAGS: usize = 2_000;

/// A node's number.
pub(super) type NodeId = usize;

/// A piece of HTML.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    kind: NodeKind,
    parent: Option<NodeId>,
    children: Vec<NodeId>,
}

/// What a node is.
#[derive(Debug)]
pub(super) enum NodeKind {
    /// Text, its entities resolved.
    Text(String),
    /// An element.
    Element(Tag),
    /// The document itself, comments and other things nobody sees.
    Other,
}

/// An element's name and attributes.
#[derive(Debug)]
pub(super) struct Tag {
    name: QualName,
    attributes: Vec<Attribute>,
}

impl Tag {
    /// Returns the name in lower case.
    pub(super) fn name(&self) -> &str {
        &self.name.local
    }

    /// Returns an attribute's value.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|attribute| &*attribute.name.local == name);
        found.map(|attribute| &*attribute.value)
    }
}

/// One end of a node, met on a walk through the tree.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// It begins.
    Enter(NodeId),
    /// It ends.
    Leave(NodeId),
}

impl Tree {
    /// Reads HTML. `None` where it is so full of tags that it is no text.
    pub(super) fn parse(html: &str) -> Option<Self> {
        if html.bytes().filter(|&byte| byte == b'<').count() > MOST_TAGS {
            return None;
        }
        let context = QualName::new(None, ns!(html), local_name!("div"));
        let mut parser =
            parse_fragment(Sink::default(), ParseOpts::default(), context, Vec::new(), false);
        parser.process(StrTendril::from(html));
        Some(parser.finish())
    }

    /// Returns what a node is.
    pub(super) fn kind(&self, id: NodeId) -> &NodeKind {
        &self.nodes[id].kind
    }

    /// Returns every node's beginning and end in the order of the text.
    pub(super) fn walk(&self) -> Vec<Step> {
        let mut steps = Vec::with_capacity(self.nodes.len() * 2);
        let mut waiting = vec![Step::Enter(0)];
        while let Some(step) = waiting.pop() {
            if let Step::Enter(id) = step {
                waiting.push(Step::Leave(id));
                waiting.extend(self.nodes[id].children.iter().rev().map(|&id| Step::Enter(id)));
            }
            steps.push(step);
        }
        steps
    }

    /// Returns the text below a node.
    pub(super) fn text_of(&self, id: NodeId) -> String {
        let mut text = String::new();
        let mut waiting = vec![id];
        while let Some(id) = waiting.pop() {
            if let NodeKind::Text(piece) = &self.nodes[id].kind {
                text.push_str(piece);
            }
            waiting.extend(self.nodes[id].children.iter().rev());
        }
        text
    }
}

/// Where the parser puts what it finds.
#[derive(Debug)]
struct Sink {
    nodes: RefCell<Vec<Node>>,
}

impl Default for Sink {
    fn default() -> Self {
        let document = Node { kind: NodeKind::Other, parent: None, children: Vec::new() };
        Self { nodes: RefCell::new(vec![document]) }
    }
}

/// An element's name, as the parser asks for it.
#[derive(Debug)]
struct Name(QualName);

impl ElemName for Name {
    fn ns(&self) -> &Namespace {
        &self.0.ns
    }

    fn local_name(&self) -> &LocalName {
        &self.0.local
    }
}

impl Sink {
    fn add(&self, kind: NodeKind) -> NodeId {
        let mut nodes = self.nodes.borrow_mut();
        nodes.push(Node { kind, parent: None, children: Vec::new() });
        nodes.len() - 1
    }

    fn place_of(&self, id: NodeId) -> Option<(NodeId, usize)> {
        let nodes = self.nodes.borrow();
        let parent = nodes[id].parent?;
        let at = nodes[parent].children.iter().position(|&child| child == id)?;
        Some((parent, at))
    }

    fn detach(&self, id: NodeId) {
        if let Some((parent, at)) = self.place_of(id) {
            let mut nodes = self.nodes.borrow_mut();
            nodes[parent].children.remove(at);
            nodes[id].parent = None;
        }
    }

    /// Puts something among a node's children; text beside text becomes one.
    fn insert(&self, parent: NodeId, at: usize, what: NodeOrText<NodeId>) {
        let id = match what {
            NodeOrText::AppendNode(id) => id,
            NodeOrText::AppendText(text) => {
                let before = at.checked_sub(1);
                let mut nodes = self.nodes.borrow_mut();
                let before = before.map(|before| nodes[parent].children[before]);
                if let Some(NodeKind::Text(known)) = before.map(|id| &mut nodes[id].kind) {
                    known.push_str(&text);
                    return;
                }
                drop(nodes);
                self.add(NodeKind::Text(text.to_string()))
            }
        };
        let mut nodes = self.nodes.borrow_mut();
        nodes[id].parent = Some(parent);
        nodes[parent].children.insert(at, id);
    }
}

impl TreeSink for Sink {
    type Handle = NodeId;
    type Output = Tree;
    type ElemName<'a> = Name;

    fn finish(self) -> Tree {
        Tree { nodes: self.nodes.into_inner() }
    }

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> NodeId {
        0
    }

    fn elem_name<'a>(&'a self, target: &'a NodeId) -> Name {
        match &self.nodes.borrow()[*target].kind {
            NodeKind::Element(tag) => Name(tag.name.clone()),
            _ => Name(QualName::new(None, ns!(), local_name!(""))),
        }
    }

    fn create_element(
        &self,
        name: QualName,
        attributes: Vec<Attribute>,
        _: ElementFlags,
    ) -> NodeId {
        self.add(NodeKind::Element(Tag { name, attributes }))
    }

    fn create_comment(&self, _: StrTendril) -> NodeId {
        self.add(NodeKind::Other)
    }

    fn create_pi(&self, _: StrTendril, _: StrTendril) -> NodeId {
        self.add(NodeKind::Other)
    }

    fn append(&self, parent: &NodeId, child: NodeOrText<NodeId>) {
        if let NodeOrText::AppendNode(id) = &child {
            self.detach(*id);
        }
        let end = self.nodes.borrow()[*parent].children.len();
        self.insert(*parent, end, child);
    }

    fn append_based_on_parent_node(
        &self,
        element: &NodeId,
        prev_element: &NodeId,
        child: NodeOrText<NodeId>,
    ) {
        let has_parent = self.nodes.borrow()[*element].parent.is_some();
        if has_parent {
            self.append_before_sibling(element, child);
        } else {
            self.append(prev_element, child);
        }
    }

    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}

    fn get_template_contents(&self, target: &NodeId) -> NodeId {
        *target
    }

    fn same_node(&self, x: &NodeId, y: &NodeId) -> bool {
        x == y
    }

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn append_before_sibling(&self, sibling: &NodeId, child: NodeOrText<NodeId>) {
        if let NodeOrText::AppendNode(id) = &child {
            self.detach(*id);
        }
        match self.place_of(*sibling) {
            Some((parent, at)) => self.insert(parent, at, child),
            None => self.append(&0, child),
        }
    }

    fn add_attrs_if_missing(&self, target: &NodeId, attributes: Vec<Attribute>) {
        if let NodeKind::Element(tag) = &mut self.nodes.borrow_mut()[*target].kind {
            for attribute in attributes {
                if tag.attributes.iter().all(|known| known.name != attribute.name) {
                    tag.attributes.push(attribute);
                }
            }
        }
    }

    fn remove_from_parent(&self, target: &NodeId) {
        self.detach(*target);
    }

    fn reparent_children(&self, node: &NodeId, new_parent: &NodeId) {
        let mut nodes = self.nodes.borrow_mut();
        let children = std::mem::take(&mut nodes[*node].children);
        for &child in &children {
            nodes[child].parent = Some(*new_parent);
        }
        nodes[*new_parent].children.extend(children);
    }
}
