//! Which nftables rulesets are allowed (nft(8)): ours, in so many words.

use super::Forbidden;
use crate::primitives::ArtifactPath;

/// The only hook: packets on their way through, before anybody's filters see them.
const HOOK: &str = "type filter hook forward priority mangle; policy accept;";

/// The rules: the segment size of TCP is brought down to what the way can carry.
const RULES: [&str; 2] = [
    "oifname \"tl-*\" tcp flags syn tcp option maxseg size set rt mtu",
    "iifname \"tl-*\" tcp flags syn tcp option maxseg size set rt mtu",
];

/// Where in the file a line stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Top,
    Table,
    Chain,
}

/// Refuses a ruleset with any line that this version does not know. nft can include files, define
/// variables and flush what belongs to others; a list of what it may not do would have gaps.
#[expect(clippy::match_same_arms, reason = "one arm a statement, in the order of the file")]
pub(in crate::reconcile::units) fn check(
    file: &ArtifactPath,
    content: &[u8],
) -> Result<(), Forbidden> {
    let fail = |line: usize, problem: &str| Forbidden::Line {
        file: file.clone(),
        line,
        problem: problem.to_owned(),
    };
    let text = str::from_utf8(content).map_err(|_| fail(1, "the file is not UTF-8"))?;
    let mut level = Level::Top;
    for (number, line) in (1..).zip(text.split('\n')) {
        let line = line.trim_matches([' ', '\t']);
        if line.is_empty() || line.starts_with('#') {
            // nft joins a line that ends with a backslash to the next, in a comment as well.
            if line.ends_with('\\') {
                return Err(fail(number, "a line may not go on in the next"));
            }
            continue;
        }
        level = match (level, line) {
            (Level::Top, "table inet tieline" | "delete table inet tieline") => Level::Top,
            (Level::Top, "table inet tieline {") => Level::Table,
            (Level::Table, "chain forward {") => Level::Chain,
            (Level::Chain, "}") => Level::Table,
            (Level::Table, "}") => Level::Top,
            (Level::Chain, line) if line == HOOK || RULES.contains(&line) => Level::Chain,
            _ => {
                let problem = format!(
                    "{line:?} is not a statement that this version allows in the table inet \
                     tieline; if a newer Tieline made the release, upgrade this gateway first"
                );
                return Err(fail(number, &problem));
            }
        };
    }
    if level == Level::Top { Ok(()) } else { Err(fail(text.lines().count(), "a brace is open")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
# comment
table inet tieline
delete table inet tieline

table inet tieline {
	chain forward {
		type filter hook forward priority mangle; policy accept;
		oifname \"tl-*\" tcp flags syn tcp option maxseg size set rt mtu
	}
}
";

    fn said(text: &str) -> String {
        let file = "nftables/tieline.nft".parse().unwrap();
        check(&file, text.as_bytes()).map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn ours_is_allowed() {
        assert_eq!(said(GOOD), "");
        assert_eq!(said(""), "");
    }

    #[test]
    fn nothing_else_is() {
        for bad in [
            "include \"/etc/shadow\"",
            "flush ruleset",
            "delete table inet filter",
            "table ip tieline",
            "table inet tieline { chain x { } }",
            "define a = b",
            "table inet tieline; flush ruleset",
        ] {
            let said = said(&format!("{GOOD}{bad}\n"));
            assert!(said.starts_with("nftables/tieline.nft, line 11: "), "{bad}: {said}");
        }
        let inside = GOOD.replace("policy accept;", "policy drop;");
        assert!(said(&inside).contains("line 7"), "{}", said(&inside));
        assert!(said(&GOOD.replace("# comment", "# comment \\")).contains("line 1"));
        assert!(said(GOOD.trim_end().trim_end_matches('}')).contains("brace"));
        assert!(said(&GOOD.replace('\n', "\r\n")).contains("line 2"));
    }
}
