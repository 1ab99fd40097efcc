//! Finds the piece of the source that each mutant is about, and says in which form it can be switched.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Arm, BinOp, Block, Expr, Signature};

use crate::insert::Insertion;
use crate::{Mutant, Position};

/// The mutants of a file by genre and place.
pub struct Places<'a> {
    text: &'a str,
    mutants: BTreeMap<(&'a str, Position), Vec<&'a Mutant>>,
    insertions: RefCell<Vec<Insertion>>,
}

impl<'a> Places<'a> {
    pub fn new(text: &'a str, of_file: &[&'a Mutant]) -> Self {
        let mut mutants = BTreeMap::<_, Vec<_>>::new();
        for mutant in of_file {
            let place = (mutant.genre.as_str(), mutant.span.start);
            mutants.entry(place).or_default().push(*mutant);
        }
        Self {
            text,
            mutants,
            insertions: RefCell::default(),
        }
    }

    pub fn insertions(mut self, file: &syn::File) -> Vec<Insertion> {
        self.visit_file(file);
        self.insertions.into_inner()
    }

    fn at(&self, genre: &'static str, span: Span) -> &[&'a Mutant] {
        let start = span.start();
        let position = Position {
            line: start.line,
            column: start.column + 1,
        };
        self.mutants
            .get(&(genre, position))
            .map_or(&[], Vec::as_slice)
    }

    fn add(
        &self,
        id: u32,
        around: Range<usize>,
        before: String,
        after: &'static str,
        extent: Span,
    ) {
        self.insertions.borrow_mut().push(Insertion {
            id,
            around,
            before,
            after,
            extent: extent.byte_range(),
        });
    }

    /// Does `instead` in place of the expression at `around`.
    fn switch(&self, id: u32, around: Span, instead: &str) {
        let before = format!("(if crate::mutant::on({id}) {{ ({instead}) }} else {{ (");
        self.add(id, around.byte_range(), before, ") })", around);
    }

    fn function(&self, signature: &Signature, block: &Block) {
        let Some(first) = block.stmts.first() else {
            return;
        };
        let start = first.span().byte_range().start;
        let before = self.insertions.borrow().len();
        for mutant in self.at("FnValue", first.span()) {
            let Mutant {
                id, replacement, ..
            } = mutant;
            let value = format!("if crate::mutant::on({id}) {{ return {replacement}; }} ");
            self.add(*id, start..start, value, "", block.span());
        }
        visit::visit_block(&mut Inner(self), block);
        // Nothing can be switched while the compiler computes.
        let mut ids: Vec<u32> = self.insertions.borrow()[before..]
            .iter()
            .map(|one| one.id)
            .collect();
        ids.sort_unstable();
        ids.dedup();
        if let (Some(constness), false) = (signature.constness, ids.is_empty()) {
            for (index, id) in ids.into_iter().enumerate() {
                let (open, close) = if index == 0 { ("/*", "*/") } else { ("", "") };
                self.add(
                    id,
                    constness.span().byte_range(),
                    open.to_owned(),
                    close,
                    block.span(),
                );
            }
        }
    }

    fn binary(&self, node: &syn::ExprBinary) {
        if has_let(&node.left) || has_let(&node.right) {
            return;
        }
        let (whole, operator) = (node.span(), operator(&node.op));
        for mutant in self.at("BinaryOperator", operator) {
            let (left, right) = (whole.byte_range().start, whole.byte_range().end);
            let (from, to) = (operator.byte_range().start, operator.byte_range().end);
            let instead = [
                &self.text[left..from],
                &mutant.replacement,
                &self.text[to..right],
            ]
            .concat();
            self.switch(mutant.id, whole, &instead);
        }
    }

    fn unary(&self, node: &syn::ExprUnary) {
        for mutant in self.at("UnaryOperator", node.op.span()) {
            let operand = self.text[node.expr.span().byte_range()].to_owned();
            self.switch(mutant.id, node.span(), &operand);
        }
    }

    fn arm(&self, arm: &Arm, of: Span) {
        for mutant in self.at("MatchArm", arm.span()) {
            let id = mutant.id;
            match &arm.guard {
                Some((_, guard)) => {
                    let before = format!("!crate::mutant::on({id}) && (");
                    self.add(id, guard.span().byte_range(), before, ")", of);
                }
                None => {
                    let end = arm.pat.span().byte_range().end;
                    self.add(
                        id,
                        end..end,
                        format!(" if !crate::mutant::on({id})"),
                        "",
                        of,
                    );
                }
            }
        }
        let Some((_, guard)) = &arm.guard else {
            return;
        };
        for mutant in self.at("MatchArmGuard", guard.span()) {
            let (not, operator) = match mutant.replacement.as_str() {
                "true" => ("", "||"),
                _ => ("!", "&&"),
            };
            let before = format!("({not}crate::mutant::on({}) {operator} (", mutant.id);
            self.add(mutant.id, guard.span().byte_range(), before, "))", of);
        }
    }

    fn fields(&self, node: &syn::ExprStruct) {
        let Some(rest) = &node.rest else {
            return;
        };
        for field in &node.fields {
            for mutant in self.at("StructField", field.span()) {
                let name = &self.text[field.member.span().byte_range()];
                let label = match field.colon_token {
                    Some(_) => String::new(),
                    None => format!("{name}: "),
                };
                let rest = &self.text[rest.span().byte_range()];
                let id = mutant.id;
                let before =
                    format!("{label}if crate::mutant::on({id}) {{ ({rest}).{name} }} else {{ ");
                self.add(
                    id,
                    field.expr.span().byte_range(),
                    before,
                    " }",
                    node.span(),
                );
            }
        }
    }
}

/// Walks what a function does.
struct Inner<'p, 'a>(&'p Places<'a>);

impl<'ast> Visit<'ast> for Inner<'_, '_> {
    fn visit_expr_binary(&mut self, node: &'ast syn::ExprBinary) {
        self.0.binary(node);
        visit::visit_expr_binary(self, node);
    }

    fn visit_expr_unary(&mut self, node: &'ast syn::ExprUnary) {
        self.0.unary(node);
        visit::visit_expr_unary(self, node);
    }

    fn visit_expr_match(&mut self, node: &'ast syn::ExprMatch) {
        for arm in &node.arms {
            self.0.arm(arm, node.span());
        }
        visit::visit_expr_match(self, node);
    }

    fn visit_expr_struct(&mut self, node: &'ast syn::ExprStruct) {
        self.0.fields(node);
        visit::visit_expr_struct(self, node);
    }

    fn visit_item(&mut self, node: &'ast syn::Item) {
        Outer(self.0).visit_item(node);
    }
}

/// Walks what is outside functions, which has nothing that could be switched.
struct Outer<'p, 'a>(&'p Places<'a>);

impl<'ast> Visit<'ast> for Outer<'_, '_> {
    fn visit_item_fn(&mut self, node: &'ast syn::ItemFn) {
        self.0.function(&node.sig, &node.block);
    }

    fn visit_impl_item_fn(&mut self, node: &'ast syn::ImplItemFn) {
        self.0.function(&node.sig, &node.block);
    }

    fn visit_trait_item_fn(&mut self, node: &'ast syn::TraitItemFn) {
        if let Some(block) = &node.default {
            self.0.function(&node.sig, block);
        }
    }
}

impl Visit<'_> for Places<'_> {
    fn visit_file(&mut self, file: &syn::File) {
        Outer(self).visit_file(file);
    }
}

/// Where the operator is: the span of its first token begins there, and its last ends there.
fn operator(operator: &BinOp) -> Span {
    operator.span()
}

/// Whether it binds a name by `let`, as a chain does that nothing can be put around.
fn has_let(expression: &Expr) -> bool {
    match expression {
        Expr::Let(_) => true,
        Expr::Binary(node) => has_let(&node.left) || has_let(&node.right),
        _ => false,
    }
}
