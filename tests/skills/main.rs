//! Skills on both sides: what is read of front matter and entries, what a server offers on every
//! revision, what a client takes from a server that lies, and folders on a disk.

#![allow(
    clippy::disallowed_methods,
    reason = "some of these tests are about files and threads"
)]

#[cfg(all(feature = "skills-dir", unix))]
mod directory;
mod entries;
mod front_matter;
mod hostile;
#[cfg(all(feature = "http", feature = "hyper-client"))]
mod http;
mod listed;
mod offered;
#[cfg(all(feature = "skills-dir", feature = "child", unix))]
mod peers;

use mcp_proto::server::SkillFiles;

const REFUNDS: &str = "---\nname: refunds\ndescription: How to refund an order\nlicense: MIT\n---\n\
                       Read policy.md, then pick a form from forms/.\n";

/// A skill with a text, a folder and bytes that are no text.
fn refunds() -> SkillFiles {
    SkillFiles::new(REFUNDS)
        .and_then(|skill| skill.file("policy.md", "Within 30 days.\n"))
        .and_then(|skill| skill.file("forms/eu/letter.md", "Dear customer"))
        .and_then(|skill| skill.file("forms/us letter.txt", "Hi"))
        .and_then(|skill| skill.file("forms/stamp.png", [0x89, b'P', 0xff, 0x00]))
        .and_then(|skill| skill.below("acme/billing"))
        .unwrap()
}

fn skill(name: &str) -> SkillFiles {
    SkillFiles::new(format!(
        "---\nname: {name}\ndescription: One of many\n---\n"
    ))
    .unwrap()
}
