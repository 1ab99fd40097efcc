//! Builds many mutants into one program: `mutants_switch LIST SOURCES COPY`.
//!
//! LIST holds the mutants that `cargo mutants --list --json` names, each with an `id`. In COPY, which holds the sources
//! already, the files under SOURCES are written anew so that the crate does what mutant N would do while
//! `crate::mutant::on(N)`. Prints as JSON which text has been added for which mutant, for the compiler's complaints to
//! be traced back, and the ids that have no such form.

mod insert;
mod place;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;

use serde::{Deserialize, Serialize};

use insert::Added;
use place::Places;

/// A mutant as `cargo mutants` lists it, as far as it matters here.
#[derive(Deserialize)]
pub struct Mutant {
    id: u32,
    file: String,
    genre: String,
    replacement: String,
    span: Span,
}

#[derive(Deserialize)]
struct Span {
    start: Position,
}

/// A place in a file: both numbers begin with one.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    line: usize,
    column: usize,
}

#[derive(Serialize)]
struct Written {
    added: Vec<Added>,
    formless: BTreeSet<u32>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [list, sources, copy] = arguments.as_slice() else {
        return Err("mutants_switch LIST SOURCES COPY".into());
    };
    let mutants: Vec<Mutant> = serde_json::from_str(&fs::read_to_string(list)?)?;
    let mut by_file = BTreeMap::<&str, Vec<&Mutant>>::new();
    for mutant in &mutants {
        by_file.entry(&mutant.file).or_default().push(mutant);
    }
    let mut written = Written {
        added: Vec::new(),
        formless: mutants.iter().map(|mutant| mutant.id).collect(),
    };
    for (file, mutants) in by_file {
        let text = fs::read_to_string(format!("{sources}/{file}"))?;
        let insertions = Places::new(&text, &mutants).insertions(&syn::parse_file(&text)?);
        let (text, added) = insert::insert(file, &text, insertions);
        fs::write(format!("{copy}/{file}"), text)?;
        for one in added {
            written.formless.remove(&one.id);
            written.added.push(one);
        }
    }
    println!("{}", serde_json::to_string(&written)?);
    Ok(())
}
