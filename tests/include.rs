//! `include` of mesh.yaml: in which file a LAN stands means nothing, and what is noted and built
//! again is the whole mesh.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use support::cli::Desk;
use tieline::bundle::Bundle;
use tieline::compile::compile;
use tieline::model::{Lock, number, resolve};
use tieline::primitives::Name;
use tieline::spec::{SourceFile, parse};

fn example(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(file);
    std::fs::read_to_string(path).unwrap()
}

/// What stands before the LANs of an example that has them last, and each of its LANs.
fn parts(example: &str) -> (String, Vec<String>) {
    let (head, lans) = example.split_once("\nlans:\n").unwrap();
    let mut parts: Vec<String> = Vec::new();
    for line in lans.lines() {
        let begins =
            line.strip_prefix("  ").is_some_and(|rest| rest.starts_with(char::is_alphabetic));
        match parts.last_mut() {
            Some(part) if !begins => part.extend([line, "\n"]),
            _ => parts.push(format!("{line}\n")),
        }
    }
    (head.to_owned() + "\n", parts)
}

fn bundles(mesh: &str, included: &[String], lock: &str) -> BTreeMap<Name, Bundle> {
    let texts = included.iter().zip(0..).map(|(text, n)| (SourceFile::Included(n), text.as_str()));
    let resolved = resolve(parse(mesh).with(texts)).unwrap();
    let lock = Lock::parse(lock).unwrap();
    compile(&number(&resolved.mesh, &lock).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// However LANs are spread over mesh.yaml and any files, in any order: the same bytes.
    #[test]
    fn the_file_and_the_order_mean_nothing(
        order in Just((0..5).collect::<Vec<usize>>()).prop_shuffle(),
        files in prop::collection::vec(0..4_usize, 5),
    ) {
        let (text, lock) = (example("five-lans/mesh.yaml"), example("five-lans/mesh.lock"));
        let (head, lans) = parts(&text);
        prop_assert_eq!(lans.len(), 5);
        let mut spread = vec![String::new(); 4];
        for (lan, file) in order.iter().zip(&files) {
            spread[*file] += &lans[*lan];
        }
        // The first of them is mesh.yaml.
        let mut texts = spread.into_iter().map(|lans| match lans.as_str() {
            "" => String::new(),
            _ => format!("lans:\n{lans}"),
        });
        let mesh = format!("{head}include: lans/*.yaml\n{}", texts.next().unwrap());
        let included: Vec<_> = texts.filter(|text| !text.is_empty()).collect();
        prop_assert_eq!(bundles(&mesh, &included, &lock), bundles(&text, &[], &lock));
    }
}

fn git(desk: &Desk, arguments: &str) -> String {
    let settings = "-c user.name=a -c user.email=a@example.net -c init.defaultBranch=main";
    desk.tool("git", &format!("{settings} {arguments}"))
}

/// The example in git, in a directory of the repository.
fn committed() -> Desk {
    let desk = Desk::new();
    git(&desk, "init -q .");
    std::fs::create_dir_all(desk.path("net/lans")).unwrap();
    for file in [
        "mesh.yaml",
        "mesh.lock",
        "lans/datacentre.yaml",
        "lans/head-office.yaml",
        "lans/workshop.yaml",
    ] {
        desk.write(&format!("net/{file}"), example(&format!("lans-in-files/{file}")));
    }
    git(&desk, "add .");
    git(&desk, "commit -qm mesh");
    desk
}

/// The commit that a build notes.
fn noted(desk: &Desk) -> Option<String> {
    let json = desk.ok_out("build net/mesh.yaml --format json");
    let build: serde_json::Value = serde_json::from_str(&json).unwrap();
    build.get("source_commit").and_then(|commit| commit.as_str()).map(str::to_owned)
}

#[test]
fn a_commit_is_noted_if_it_has_every_file_and_no_other() {
    let desk = committed();
    let head = git(&desk, "rev-parse HEAD").trim().to_owned();
    assert_eq!(noted(&desk).as_deref(), Some(head.as_str()));
    let workshop = "net/lans/workshop.yaml";
    let text = desk.read(workshop);

    desk.write(workshop, [&text[..], b"# changed\n"].concat());
    assert_eq!(noted(&desk), None, "a file is not what was committed");
    desk.write(workshop, &text);

    // With another name the LAN is in the mesh still, but not in the commit by that name.
    std::fs::rename(desk.path(workshop), desk.path("net/lans/moved.yaml")).unwrap();
    assert_eq!(noted(&desk), None, "a file is not committed");
    std::fs::rename(desk.path("net/lans/moved.yaml"), desk.path(workshop)).unwrap();
    assert_eq!(noted(&desk).as_deref(), Some(head.as_str()));

    // What lies beside them without matching does not matter.
    desk.write("net/lans/notes.txt", "to do");
    assert_eq!(noted(&desk).as_deref(), Some(head.as_str()));

    // A LAN less than the commit has: every file that is left is committed, and it is another mesh.
    let lock = desk.read("net/mesh.lock");
    std::fs::remove_file(desk.path(workshop)).unwrap();
    desk.ok("lock net/mesh.yaml");
    git(&desk, "add net/mesh.lock");
    git(&desk, "commit -qm lock");
    assert_eq!(noted(&desk), None, "the commit has a LAN more");
    desk.write("net/mesh.lock", lock);
}

#[test]
fn a_release_is_built_again_from_its_commit() {
    let desk = committed();
    desk.ok("key generate anna.pem");
    desk.ok("key generate ci.pem");
    desk.ok("root init --yes --mesh lans-in-files --key anna.pem --release-key ci.pem.pub");
    desk.ok("build net/mesh.yaml");
    desk.ok("sign --yes --key ci.pem --mesh net/mesh.yaml");
    let rebuild = "verify --rebuild --mesh net/mesh.yaml";
    assert!(desk.ok_out(rebuild).contains("3 of 3 bundles the same"));

    // Since then everything stands in one file; the commit has them still.
    let lans = ["datacentre", "head-office", "workshop"];
    let lans = lans.map(|lan| example(&format!("lans-in-files/lans/{lan}.yaml")));
    let mesh = example("lans-in-files/mesh.yaml");
    let head = mesh.split_once("include:").unwrap().0;
    let lans: String = lans.iter().map(|text| text.split_once("lans:\n").unwrap().1).collect();
    desk.write("net/mesh.yaml", format!("{head}lans:\n{lans}"));
    std::fs::remove_dir_all(desk.path("net/lans")).unwrap();
    assert!(desk.ok_out(rebuild).contains("3 of 3 bundles the same"));
    git(&desk, "add -A net");
    git(&desk, "commit -qm one-file");
    desk.ok("build net/mesh.yaml");
    desk.ok("sign --yes --key ci.pem --mesh net/mesh.yaml");
    assert!(desk.ok_out(rebuild).contains("3 of 3 bundles the same"));
}

#[test]
fn every_file_with_errors_is_named() {
    let desk = committed();
    for lan in ["workshop", "head-office"] {
        let file = format!("net/lans/{lan}.yaml");
        let text = String::from_utf8(desk.read(&file)).unwrap();
        desk.write(&file, text.replace("address: ", "address: x"));
    }
    desk.refused(
        "build net/mesh.yaml",
        65,
        "because net/lans/head-office.yaml and net/lans/workshop.yaml have errors",
    );
    let checked = desk.run("check net/mesh.yaml --format json");
    let report: serde_json::Value = serde_json::from_str(&checked.out).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let places = findings.map(|finding| &finding["places"][0]);
    let files: Vec<_> = places
        .map(|place| (place["file"].as_str().unwrap(), place["line"].as_u64().unwrap()))
        .collect();
    assert_eq!(files, [("net/lans/head-office.yaml", 8), ("net/lans/workshop.yaml", 8)]);
}
