//! A server with a skill, and a client that lists it, reads its files and looks into its folder, in one
//! program: `skills [FOLDER]`. With a folder (feature `skills-dir`) the server has the skills in it.

#![allow(clippy::disallowed_methods, reason = "a program reads its arguments")]

use std::error::Error;

use mcp_proto::server::SkillFiles;
use mcp_proto::{Server, testing};

const REFUNDS: &str = "---
name: refunds
description: How to refund an order. Use when a customer wants money back.
---
Read policy.md, then take the letter of the customer's country from letters/.
";

fn skills() -> Result<Vec<SkillFiles>, Box<dyn Error>> {
    #[cfg(all(feature = "skills-dir", unix))]
    if let Some(folder) = std::env::args().nth(1) {
        return Ok(mcp_proto::io::skills::read_skills(folder)?);
    }
    let refunds = SkillFiles::new(REFUNDS)?
        .file("policy.md", "Within 30 days, with a receipt.\n")?
        .file("letters/at.md", "Sehr geehrte Kundschaft, ..\n")?
        .below("shop")?;
    Ok(vec![refunds])
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::new("shop", "1.0");
    let server = skills()?.into_iter().fold(server, Server::skill);
    let client = testing::connect(server);
    // What a host shows its user, without having read a file.
    for skill in client.list_skills()?.iter() {
        println!("{} at {}: {}", skill.name(), skill.uri, skill.description());
        // What its model reads once the user agrees: each file is what the entry says, or an error.
        for listed in skill.files() {
            let file = client.read_skill_file(skill, &listed.uri)?;
            println!("  {} ({} bytes)", file.path, file.bytes.len());
        }
        for child in client.read_directory(skill.root())? {
            println!("  in its folder: {}", child.uri);
        }
    }
    Ok(())
}
