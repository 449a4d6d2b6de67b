//! The language of the table: what is written is read, and nothing else is.

use proptest::prelude::*;

use super::*;
use crate::lang::testing::Language;

const LANGUAGE: Language<Ruleset> = Language { indents: true, write: Ruleset::write, read };

fn ours() -> Ruleset {
    Ruleset { forward: vec![Rule::ClampSegments] }
}

fn said(text: &str) -> String {
    read(text.as_bytes()).map_or_else(|error| error.to_string(), |_| String::new())
}

fn rulesets() -> impl Strategy<Value = Ruleset> {
    prop::collection::vec(Just(Rule::ClampSegments), 0..9).prop_map(|forward| Ruleset { forward })
}

proptest! {
    #[test]
    fn what_is_written_is_read(ruleset in rulesets()) {
        LANGUAGE.reads_back(&ruleset);
    }

    #[test]
    fn no_text_makes_it_panic(text: String, bytes: Vec<u8>) {
        let _ = LANGUAGE.agrees(text.as_bytes());
        let _ = LANGUAGE.agrees(&bytes);
    }

    /// Lines of the language in any number and order.
    #[test]
    fn what_is_read_would_be_written(
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let written = Ruleset { forward: Vec::new() }.write() + &ours().write();
        let lines: Vec<_> = written.lines().collect();
        let text: Vec<_> = order.iter().map(|line| *line.get(&lines)).collect();
        let _ = LANGUAGE.agrees((text.join("\n") + "\n").as_bytes());
    }
}

#[test]
fn every_change_of_a_line_is_seen() {
    for rules in [0, 1, 2] {
        LANGUAGE.tells_apart(&Ruleset { forward: vec![Rule::ClampSegments; rules] });
    }
}

#[test]
fn nothing_else_is_read_wherever_it_stands() {
    let written = ours().write();
    let lines: Vec<_> = written.lines().collect();
    for bad in [
        "include \"/etc/shadow\"",
        "flush ruleset",
        "flush table inet tieline",
        "delete table inet filter",
        "table ip tieline",
        "table ip tieline {",
        "table inet tieline { chain x { } }",
        "define a = b",
        "table inet tieline; flush ruleset",
        "table inet tieline \\",
        "chain forward {",
        "\t\ttcp dport 22 accept",
        "\t\toifname \"tl-*\" accept",
        "\t\tiifname \"eth0\" tcp flags syn tcp option maxseg size set rt mtu",
        "}",
    ] {
        for at in 0..=lines.len() {
            let mut spoiled = lines.clone();
            spoiled.insert(at, bad);
            // It may be the line before which it stands that is out of place.
            let error = read((spoiled.join("\n") + "\n").as_bytes()).unwrap_err();
            assert!(error.line > at, "{bad:?} in line {}: {error}", at + 1);
        }
    }
}

/// The number of the line of `text` that contains `part`.
fn line(text: &str, part: &str) -> usize {
    text.lines().position(|line| line.contains(part)).unwrap() + 1
}

#[test]
fn the_table_is_replaced_whole_and_lets_everything_pass() {
    let good = ours().write();
    let bad = good.replace("delete table inet tieline\n", "");
    assert_eq!(
        said(&bad),
        format!(
            "line {}: \"table inet tieline {{\" stands where this version allows only \"delete table \
             inet tieline\"; if a newer Tieline made the release, upgrade this gateway first",
            line(&bad, "tieline {")
        )
    );
    for (part, other) in
        [("policy accept;", "policy drop;"), ("mangle", "0"), ("forward ", "input ")]
    {
        let number = line(&good, part);
        let said = said(&good.replace(part, other));
        assert!(said.starts_with(&format!("line {number}: ")), "{other}: {said}");
    }
    let open = good.strip_suffix("}\n").unwrap();
    let expected = format!("line {}: the file ends without \"}}\"; ", open.lines().count());
    assert!(said(open).starts_with(&expected), "{}", said(open));
    assert!(said("").starts_with("line 1: the file ends without \"table inet tieline\"; "));
}

#[test]
fn a_comment_does_not_go_on_in_the_next_line() {
    let good = ours().write();
    for part in ["this file.", "filters ICMP."] {
        let bad = good.replacen(part, &format!("{part} \\ \t"), 1);
        let expected = format!("line {}: a line may not go on in the next", line(&good, part));
        assert_eq!(said(&bad), expected);
    }
}

#[test]
fn spaces_tabs_and_line_ends_are_as_they_are_written() {
    let good = ours().write();
    for bad in [
        good.replace('\n', "\r\n"),
        good.replace('\t', "    "),
        good.replace("table inet", "table  inet"),
        good.replace("oifname", "oifname "),
        good.trim_end().to_owned(),
    ] {
        assert!(!said(&bad).is_empty(), "{bad}");
    }
}
