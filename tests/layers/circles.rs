//! Circles between files: each use of a name is followed to the file that declares it, through
//! re-exports. What a file takes from the `mod.rs` above it isn't counted: the two are one thing,
//! written down in parts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::source::paths;
use crate::{Source, module_path, root, sources};

/// A file as the circles see it.
struct Module {
    file: PathBuf,
    paths: Vec<Vec<String>>,
    /// What the file re-exports, by its last name: the whole path.
    reexports: BTreeMap<String, Vec<String>>,
}

type Modules = BTreeMap<Vec<String>, Module>;

#[test]
fn no_files_use_each_other_in_a_circle() {
    let modules = modules();
    let arrows = arrows(&modules);
    let circles: Vec<String> = circles(&arrows)
        .iter()
        .map(|circle| {
            let of_circle =
                |(from, to): &(&PathBuf, &PathBuf)| circle.contains(*from) && circle.contains(*to);
            let arrows = arrows
                .iter()
                .flat_map(|(from, to)| to.iter().map(move |to| (from, to)));
            let arrows: Vec<String> = arrows
                .filter(of_circle)
                .map(|(from, to)| format!("{} -> {}", from.display(), to.display()))
                .collect();
            arrows.join("\n  ")
        })
        .collect();
    assert!(circles.is_empty(), "circles:\n  {}", circles.join("\n\n  "));
}

#[test]
fn a_circle_is_found() {
    let arrow = |from: &str, to: &str| (PathBuf::from(from), BTreeSet::from([PathBuf::from(to)]));
    let straight = BTreeMap::from([arrow("a", "b"), arrow("b", "c")]);
    assert!(circles(&straight).is_empty());
    let round = BTreeMap::from([arrow("a", "b"), arrow("b", "c"), arrow("c", "b")]);
    let expected = BTreeSet::from([PathBuf::from("b"), PathBuf::from("c")]);
    assert_eq!(circles(&round), [expected]);
}

fn modules() -> Modules {
    let module = |Source { file, tokens, .. }: &Source| {
        let path = module_path(file);
        let reexports = reexports(tokens, &path);
        let paths = paths(tokens, &path);
        (
            path,
            Module {
                file: file.clone(),
                paths,
                reexports,
            },
        )
    };
    sources().iter().map(module).collect()
}

/// The paths of every `use` that is visible outside, by the name that it gives.
fn reexports(tokens: &[String], path: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for statement in tokens.split(|token| token == ";") {
        let Some(at) = statement.iter().position(|token| token == "use") else {
            continue;
        };
        for path in paths(&statement[at..], path) {
            if let Some(name) = path.last() {
                found.insert(name.clone(), path.clone());
            }
        }
    }
    found
}

/// Which file uses which.
fn arrows(modules: &Modules) -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
    let mut arrows: BTreeMap<PathBuf, BTreeSet<PathBuf>> = BTreeMap::new();
    for (path, module) in modules {
        for used in &module.paths {
            let Some(target) = declared_in(modules, used, 8) else {
                continue;
            };
            let is_above = path.starts_with(target) && path.len() > target.len();
            if target != path && !is_above {
                let file = |path: &[String]| relative(&modules[path].file);
                arrows.entry(file(path)).or_default().insert(file(target));
            }
        }
    }
    arrows
}

/// The module that declares what `path` names: the deepest one on the path, or where that one has
/// it from.
fn declared_in<'a>(
    modules: &'a Modules,
    path: &[String],
    re_exports_left: usize,
) -> Option<&'a Vec<String>> {
    let depth = (0..=path.len())
        .rev()
        .find(|depth| modules.contains_key(&path[..*depth]))?;
    let (found, module) = modules.get_key_value(&path[..depth])?;
    if let Some(name) = path.get(depth)
        && let Some(origin) = module.reexports.get(name)
        && re_exports_left > 0
        && origin != path
    {
        return declared_in(modules, origin, re_exports_left - 1);
    }
    Some(found)
}

/// The sets of files from each of which every other one can be reached.
fn circles(arrows: &BTreeMap<PathBuf, BTreeSet<PathBuf>>) -> Vec<BTreeSet<PathBuf>> {
    let reached: BTreeMap<&PathBuf, BTreeSet<PathBuf>> = arrows
        .keys()
        .map(|file| (file, reached_from(arrows, file)))
        .collect();
    let mut circles: Vec<BTreeSet<PathBuf>> = Vec::new();
    for (file, all) in &reached {
        let is_known = circles.iter().any(|circle| circle.contains(*file));
        if all.contains(*file) && !is_known {
            let back = |other: &&PathBuf| reached.get(other).is_some_and(|all| all.contains(*file));
            circles.push(all.iter().filter(back).cloned().collect());
        }
    }
    circles
}

fn reached_from(
    arrows: &BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    file: &PathBuf,
) -> BTreeSet<PathBuf> {
    let mut reached = BTreeSet::new();
    let mut open = vec![file];
    while let Some(file) = open.pop() {
        for next in arrows.get(file).into_iter().flatten() {
            if reached.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    reached
}

fn relative(file: &Path) -> PathBuf {
    file.strip_prefix(root()).unwrap_or(file).to_owned()
}
