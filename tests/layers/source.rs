//! The words and signs of a Rust source, and the paths among them. Knows just enough of the language
//! to tell a path from a comment, a string or a character.

/// Every path that starts at `crate`, at `self` or by `super`, from the root on, in a file that is the
/// module `path`; groups are spread out.
pub fn paths(tokens: &[String], path: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut module = path.to_vec();
    // Where inline modules end: the depth of braces they were opened at.
    let mut inline = Vec::new();
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        let before = |back: usize| at.checked_sub(back).map(|at| tokens[at].as_str());
        let is_start = || before(1) != Some("::") && !in_group(tokens, at);
        let is_followed = tokens.get(at + 1).is_some_and(|next| next == "::");
        match token.as_str() {
            "{" => {
                if before(2) == Some("mod") {
                    module.push(tokens[at - 1].clone());
                    inline.push(depth);
                }
                depth += 1;
            }
            "}" => {
                depth -= 1;
                if inline.last() == Some(&depth) {
                    inline.pop();
                    module.pop();
                }
            }
            // A macro is at the root whatever file it is in, and says itself what it uses.
            "crate" if is_followed && tokens.get(at + 3).is_some_and(|next| next == "!") => {}
            "crate" if is_followed => {
                spread(tokens, at + 1, Vec::new(), &mut found);
            }
            "self" if is_followed && is_start() => {
                spread(tokens, at + 1, module.clone(), &mut found);
            }
            "super" if is_start() => {
                let above = module[..module.len().saturating_sub(1)].to_vec();
                spread(tokens, at + 1, above, &mut found);
            }
            // The paths of a `use` may start at a child of the module itself.
            "use" if is_followed_by_a_name(tokens, at) => {
                spread(tokens, at + 1, module.clone(), &mut found);
            }
            _ => {}
        }
    }
    found
}

fn is_followed_by_a_name(tokens: &[String], at: usize) -> bool {
    let next = tokens.get(at + 1).map_or("", String::as_str);
    let is_rooted = matches!(next, "crate" | "self" | "super" | "std" | "core" | "alloc");
    !is_rooted && next.starts_with(|c: char| c.is_ascii_lowercase())
}

/// Whether the token is an element of a `{..}` that follows a `::`, which its own path covers.
fn in_group(tokens: &[String], at: usize) -> bool {
    let mut open = 0;
    for at in (1..at).rev() {
        match tokens[at].as_str() {
            "}" => open += 1,
            "{" if open > 0 => open -= 1,
            "{" => return tokens[at - 1] == "::",
            ";" => return false,
            _ => {}
        }
    }
    false
}

/// Walks on from the module `path`; `at` is the place of a `::` or of a name. Returns the place behind.
fn spread(
    tokens: &[String],
    mut at: usize,
    mut path: Vec<String>,
    found: &mut Vec<Vec<String>>,
) -> usize {
    let token = |at: usize| tokens.get(at).map_or("", String::as_str);
    loop {
        match token(at) {
            "::" => at += 1,
            "super" => {
                path.pop();
                at += 1;
            }
            "{" => {
                at += 1;
                while !matches!(token(at), "}" | "") {
                    at = spread(tokens, at, path.clone(), found).max(at + 1);
                    while matches!(token(at), "," | "as" | "_") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            name if is_name(name) => {
                path.push(name.to_owned());
                at += 1;
                if token(at) != "::" {
                    found.push(path);
                    return if token(at) == "as" { at + 2 } else { at };
                }
            }
            _ => {
                found.push(path);
                return at;
            }
        }
    }
}

fn is_name(token: &str) -> bool {
    token != "self" && token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The words and signs of a source text, without comments and without strings, except for strings
/// that are a path, as in attributes.
pub fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => {
                let length = string(rest);
                let inside = &rest[1..length - 1];
                if inside.starts_with("crate::") || inside.starts_with("super::") {
                    tokens.extend(self::tokens(inside));
                }
                length
            }
            'r' if rest.starts_with("r\"") || rest.starts_with("r#") => raw_string(rest),
            '\'' => character(rest),
            ':' if rest.starts_with("::") => {
                tokens.push("::".to_owned());
                2
            }
            _ if first.is_alphanumeric() || first == '_' => {
                let is_word = |c: char| c.is_alphanumeric() || c == '_';
                let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                tokens.push(rest[..length].to_owned());
                length
            }
            _ if first.is_whitespace() => first.len_utf8(),
            _ => {
                tokens.push(first.to_string());
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    tokens
}

fn block_comment(text: &str) -> usize {
    let mut open = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            open += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            open -= 1;
            at += 2;
            if open == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A raw string, or a raw identifier such as `r#type`.
fn raw_string(text: &str) -> usize {
    let hashes = text[1..].bytes().take_while(|byte| *byte == b'#').count();
    if !text[1 + hashes..].starts_with('"') {
        return 1 + hashes;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let from = hashes + 2;
    text[from..]
        .find(&end)
        .map_or(text.len(), |at| from + at + end.len())
}

/// A character, or the tick of a lifetime.
fn character(text: &str) -> usize {
    let mut inside = text.char_indices().skip(1);
    match inside.next() {
        Some((_, '\\')) => text[3..].find('\'').map_or(text.len(), |at| at + 4),
        Some(_) => match inside.next() {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
        None => 1,
    }
}
