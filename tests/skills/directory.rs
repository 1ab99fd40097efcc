//! Skills out of folders on a disk: what is taken, and what leads out of them.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use mcp_proto::io::skills::{ReadSkillsError, read_skills};
use mcp_proto::model::skill::SkillError;
use mcp_proto::{Server, testing};

/// A folder that goes with its test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mcp-proto-skills-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn with(self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    fn skill(self, path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap();
        let text = format!("---\nname: {name}\ndescription: d\n---\n");
        self.with(&format!("{path}/SKILL.md"), text)
    }

    fn link(self, from: &str, to: impl AsRef<Path>) -> Self {
        symlink(to, self.0.join(from)).unwrap();
        self
    }

    fn read(&self) -> Result<Vec<String>, ReadSkillsError> {
        let skills = read_skills(&self.0)?;
        Ok(skills.iter().map(|skill| skill.uri()).collect())
    }

    fn refused(&self) -> String {
        self.read().unwrap_err().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

#[test]
fn every_folder_with_a_skill_md_is_a_skill_with_all_that_is_in_it() {
    let folder = Folder::new()
        .skill("b")
        .skill("acme/refunds")
        .with("acme/refunds/forms/eu/a b.md", "x")
        .with("acme/refunds/stamp.png", [0xff, 0xfe])
        .skill("acme/refunds/inner")
        .with("acme/refunds/.git/config", "left out")
        .with("README.md", "no skill's")
        .with("b-2/notes.txt", "no skill's");
    let skills = read_skills(&folder.0).unwrap();
    let server = skills
        .into_iter()
        .fold(Server::new("s", "1"), Server::skill);
    server.check().unwrap();
    let client = testing::connect(server);
    let listed = client.list_skills().unwrap();
    let found: Vec<(&str, usize)> = listed
        .iter()
        .map(|skill| (&*skill.uri, skill.files().len()))
        .collect();
    assert_eq!(
        found,
        [
            ("skill://acme/refunds/SKILL.md", 4),
            ("skill://acme/refunds/inner/SKILL.md", 1),
            ("skill://b/SKILL.md", 1),
        ]
    );
    for skill in listed.iter() {
        for file in skill.files() {
            client.read_skill_file(skill, &file.uri).unwrap();
        }
    }
    // What happens to the files afterwards changes nothing of what is served.
    fs::write(
        folder.0.join("b/SKILL.md"),
        "---\nname: b\ndescription: evil\n---\n",
    )
    .unwrap();
    assert!(
        client
            .read_skill_file(&listed[2], "skill://b/SKILL.md")
            .is_ok()
    );
}

#[test]
fn no_link_is_followed_wherever_it_leads() {
    // `res.file.traversal`
    let outside = Folder::new().with("secret", "s").skill("other");
    let inside = |folder: Folder, name: &str, to: &Path| folder.link(name, to).refused();
    let skill = || Folder::new().skill("x");
    let cases = [
        inside(skill(), "x/passwd", Path::new("/etc/passwd")),
        inside(skill(), "x/secret", &outside.0.join("secret")),
        inside(skill(), "x/SKILL.txt", Path::new("SKILL.md")),
        inside(skill(), "x/up", Path::new("..")),
        inside(skill(), "x/nowhere", Path::new("nowhere")),
        inside(skill(), "other", &outside.0.join("other")),
        inside(
            Folder::new().with("y/z", ""),
            "y/SKILL.md",
            &outside.0.join("other/SKILL.md"),
        ),
    ];
    for refused in cases {
        assert!(refused.contains("links aren't followed"), "{refused}");
    }
    // The folder that the caller names may be a link.
    let link = Folder::new().link("skills", &outside.0);
    assert_eq!(read_skills(link.0.join("skills")).unwrap().len(), 1);
}

#[test]
fn only_ordinary_files_are_read() {
    let folder = Folder::new().skill("x");
    let _socket = std::os::unix::net::UnixListener::bind(folder.0.join("x/socket")).unwrap();
    assert_eq!(folder.refused(), "x/socket: it is no ordinary file");
    let folder = Folder::new().skill("x");
    let made = std::process::Command::new("mkfifo")
        .arg(folder.0.join("x/pipe"))
        .status();
    if made.is_ok_and(|made| made.success()) {
        assert_eq!(folder.refused(), "x/pipe: it is no ordinary file");
    }
}

#[test]
fn manifests_are_checked_and_the_file_is_named() {
    let named = |folder: Folder| {
        let error = folder.read().unwrap_err();
        (error.path().to_owned(), error.to_string())
    };
    let (path, error) = named(Folder::new().with("x/SKILL.md", "# no front matter"));
    assert_eq!(path, "x/SKILL.md");
    assert!(error.contains("begin with a line of ---"), "{error}");
    let (path, error) =
        named(Folder::new().with("x/SKILL.md", "---\nname: y\ndescription: d\n---\n"));
    assert_eq!(path, "x/SKILL.md");
    assert!(
        error.contains("isn't in a directory of its name"),
        "{error}"
    );
    let (_, error) = named(Folder::new().with("x/SKILL.md", [0xff]));
    assert!(error.contains("UTF-8"), "{error}");
    let (path, _) = named(Folder::new().skill("x").with("x/a:b", ""));
    assert_eq!(path, "x/a:b");
    let (_, error) = named(Folder::new().skill("x").with("SKILL.md", ""));
    assert!(error.contains("a folder of its own"), "{error}");
    let bad = Folder::new().skill("x");
    let name = std::ffi::OsStr::from_bytes(b"x/\xff");
    if fs::write(bad.0.join(name), "").is_ok() {
        assert!(bad.refused().contains("UTF-8"));
    }
    let missing = read_skills("/nowhere/at/all").unwrap_err();
    assert!(
        missing.to_string().starts_with("the directory of skills: "),
        "{missing}"
    );
    assert!(missing.skill_error().is_none());
}

#[test]
fn sizes_counts_and_depth_are_bounded() {
    let large = Folder::new().skill("x");
    let file = fs::File::create(large.0.join("x/large")).unwrap();
    // A file with a hole, so that nothing is written.
    file.set_len(1 << 40).unwrap();
    let error = large.read().unwrap_err();
    assert!(
        matches!(error.skill_error(), Some(SkillError::TooManyBytes(_))),
        "{error}"
    );

    let mut many = Folder::new().skill("x");
    for number in 0..512 {
        many = many.with(&format!("x/{number}"), "");
    }
    let error = many.read().unwrap_err();
    assert!(
        matches!(error.skill_error(), Some(SkillError::TooManyFiles(513))),
        "{error}"
    );

    let deep = (0..40).map(|_| "d").collect::<Vec<_>>().join("/");
    let deep = Folder::new().with(&format!("{deep}/x"), "");
    assert!(deep.refused().contains("nest too deep"));
}
