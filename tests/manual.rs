//! Manual pages and shell completions know every command there is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, missing_docs)]

mod support;

use std::collections::BTreeSet;
use std::process::Command;

use support::cli::{Desk, tree};
use support::skip::skip;

/// The commands below `command`, as its help lists them.
fn commands(desk: &Desk, command: &str) -> Vec<String> {
    let help = desk.run(&format!("{command} --help")).out;
    let Some((_, list)) = help.split_once("\nCommands:\n") else { return Vec::new() };
    let lines = list.lines().take_while(|line| !line.is_empty());
    // What a command says about itself begins in a column of its own, as do its further lines.
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Every command with those below it, such as `key generate`.
fn all_commands(desk: &Desk) -> BTreeSet<String> {
    let mut found = BTreeSet::from([String::new()]);
    let mut open = vec![String::new()];
    while let Some(next) = open.pop() {
        for name in commands(desk, &next) {
            let full = format!("{next} {name}").trim().to_owned();
            assert!(found.insert(full.clone()), "{full} is listed twice");
            open.push(full);
        }
    }
    found
}

#[test]
fn every_command_has_a_manual_page() {
    let desk = Desk::new();
    desk.ok("man pages");
    let pages = tree(&desk.path("pages"));
    let all = all_commands(&desk);
    assert!(all.contains("reconcile") && all.contains("key generate"), "{all:?}");
    let page = |command: &String| format!("tieline {command}").trim().replace(' ', "-") + ".1";
    let expected: BTreeSet<_> = all.iter().map(page).collect();
    assert_eq!(pages.keys().cloned().collect::<BTreeSet<_>>(), expected);
    for command in &all {
        let text = String::from_utf8(pages[&page(command)].clone()).unwrap().replace("\\-", "-");
        let help = desk.run(&format!("{command} --help")).out;
        let options = help.split([' ', ',', '\n']).filter(|word| {
            word.starts_with("--")
                && word.len() > 2
                && word[2..].chars().all(|c| c == '-' || c.is_ascii_lowercase())
        });
        for option in options {
            assert!(text.contains(option), "{option} is not in the page of {command:?}");
        }
        assert!(text.starts_with(".ie") || text.starts_with(".TH"), "{text}");
        assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{text}");
        assert!(
            !text.contains("git-worker"),
            "what is not for people is in the page of {command:?}"
        );
    }
    // The same version gives the same bytes, so that packages can be built again.
    desk.ok("man again");
    assert_eq!(tree(&desk.path("again")), pages);
}

#[test]
fn groff_finds_no_fault_with_the_pages() {
    if Command::new("groff").arg("--version").output().is_err() {
        return skip("groff is not installed");
    }
    let desk = Desk::new();
    desk.ok("man pages");
    for page in tree(&desk.path("pages")).keys() {
        let path = desk.path("pages").join(page);
        let groff = Command::new("groff").args(["-man", "-ww", "-z", "-Tutf8"]).arg(path).output();
        let said = String::from_utf8(groff.unwrap().stderr).unwrap();
        assert_eq!(said, "", "{page}");
    }
}

/// What bash offers after `typed`.
fn offered(script: &str, typed: &[&str]) -> String {
    let words = typed.join(" ");
    let last = typed.len() - 1;
    let ask = format!(
        "{script}\nCOMP_WORDS=({words}); COMP_CWORD={last}; \
         _tieline tieline \"${{COMP_WORDS[{last}]}}\" \"${{COMP_WORDS[{last}-1]}}\"; \
         echo \"${{COMPREPLY[@]}}\""
    );
    let output = Command::new("bash").args(["--norc", "-c", &ask]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn bash_completes_commands_and_options() {
    let desk = Desk::new();
    let script = desk.run("completions bash").out;
    assert_eq!(offered(&script, &["tieline", "recon"]), "reconcile");
    assert_eq!(offered(&script, &["tieline", "key", "gen"]), "generate");
    assert_eq!(offered(&script, &["tieline", "reconcile", "--det"]), "--detailed-exitcode");
    for command in commands(&desk, "") {
        let words = offered(&script, &["tieline", &command]);
        assert!(words.split(' ').any(|word| word == command), "{command}: {words}");
    }
}

#[test]
fn each_shell_gets_a_script_of_its_own() {
    let desk = Desk::new();
    let mut scripts = BTreeSet::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = desk.run(&format!("completions {shell}")).out;
        assert!(script.contains("reconcile"), "{shell}");
        assert!(scripts.insert(script), "{shell}");
    }
    desk.refused("completions", 64, "<SHELL>");
    desk.refused("completions tcsh", 64, "possible values");
}
