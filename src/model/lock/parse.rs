//! mesh.lock from its text.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::{Entry, Format, Lock, NumberOwner, number_at};
use crate::primitives::{GatewayNumber, Name};
use crate::spec::{Code, Finding, Place, Printable};

const RESTORE: &str = "restore mesh.lock from git; only `tieline lock` writes it";

impl Lock {
    /// Reads mesh.lock. Every line that is not as `tieline lock` writes it is reported: a line
    /// that was lost or edited could give a number to two gateways.
    pub fn parse(text: &str) -> Result<Self, Vec<Finding>> {
        let lines = lines(text);
        let format = match header(&lines) {
            Ok(format) => format,
            Err(finding) => return Err(vec![*finding]),
        };
        if let Some(finding) = conflict(&lines) {
            return Err(vec![finding]);
        }
        let mut findings = Vec::new();
        findings.extend(line_ends(text, &lines));
        let mut entries = Vec::new();
        for line in lines.iter().skip(1) {
            match entry(line.text, format) {
                Some((number, entry)) => entries.push((number, entry, line.place())),
                None => findings.push(not_an_entry(line, format)),
            }
        }
        // Where a line made no sense, those after it would only seem out of order.
        if findings.iter().all(|finding| finding.code != Code::LockLine) {
            findings.extend(order(&entries));
        }
        findings.extend(duplicates(&entries));
        findings.extend(orphans(&entries));
        if findings.is_empty() {
            let entries = entries.into_iter().map(|(_, entry, _)| entry).collect();
            return Ok(Self { format, entries });
        }
        crate::spec::sort(&mut findings);
        Err(findings)
    }
}

/// A line without its line end.
struct Line<'a> {
    text: &'a str,
    bytes: Range<usize>,
}

impl Line<'_> {
    fn place(&self) -> Place {
        Place::lock(self.bytes.clone())
    }
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    let lines = text.split_inclusive('\n').map(|whole| {
        let text = whole.strip_suffix('\n').unwrap_or(whole);
        let text = text.strip_suffix('\r').unwrap_or(text);
        let bytes = start..start + text.len();
        start += whole.len();
        Line { text, bytes }
    });
    lines.collect()
}

fn header(lines: &[Line<'_>]) -> Result<Format, Box<Finding>> {
    let Some(first) = lines.first() else {
        let finding = Finding::new(Code::LockFormat, Place::lock(0..0), "mesh.lock is empty");
        return Err(Box::new(finding.hint(RESTORE)));
    };
    let known = [Format::One, Format::Two].into_iter().find(|format| format.header() == first.text);
    if let Some(format) = known {
        return Ok(format);
    }
    let rest = first.text.strip_prefix("# tieline-lock ");
    let format = rest.and_then(|rest| rest.split(':').next());
    if let Some(format) = format.filter(|format| !["1", "2"].contains(format)) {
        let message =
            format!("mesh.lock is of format {}; this version reads 1 and 2", Printable(format));
        let finding = Finding::new(Code::LockFormat, first.place(), message);
        return Err(Box::new(finding.hint("use a newer Tieline")));
    }
    let message = "mesh.lock does not begin with its header";
    let finding = Finding::new(Code::LockFormat, first.place(), message);
    Err(Box::new(finding.hint(format!("its first line is `{}`", Format::Two.header()))))
}

/// A merge that git could not do.
fn conflict(lines: &[Line<'_>]) -> Option<Finding> {
    let is_marker = |line: &&Line<'_>| {
        ["<<<<<<<", "|||||||", "=======", ">>>>>>>"].iter().any(|mark| line.text.starts_with(mark))
    };
    let mut markers = lines.iter().filter(is_marker);
    let first = markers.next()?;
    let message = "mesh.lock has a conflict of git: two branches gave out the same numbers";
    let mut finding = Finding::new(Code::LockConflict, first.place(), message);
    if let Some(last) = markers.next_back() {
        finding = finding.related(last.place(), "to here");
    }
    Some(finding.hint(
        "take the side that is deployed, whole (`git checkout --ours mesh.lock`, or `--theirs`), \
         then run `tieline lock`: it numbers what the other side had added",
    ))
}

fn line_ends(text: &str, lines: &[Line<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(at) = text.find('\r') {
        let message = "mesh.lock has carriage returns; its lines end with a line feed alone";
        let finding = Finding::new(Code::LockLine, Place::lock(at..at), message);
        findings.push(finding.hint("tell git: `echo 'mesh.lock text eol=lf' >> .gitattributes`"));
    }
    if let Some(last) = lines.last().filter(|_| !text.ends_with('\n')) {
        let message = "the last line of mesh.lock has no end: the file may be cut off";
        findings.push(Finding::new(Code::LockLine, last.place(), message).hint(RESTORE));
    }
    findings
}

/// `7 perth`, `8 perth/lte` or either with ` removed`, and nothing else.
fn entry(text: &str, format: Format) -> Option<(GatewayNumber, Entry)> {
    let (number, rest) = text.split_once(' ')?;
    let (owner, removed) = match rest.strip_suffix(" removed") {
        Some(owner) => (owner, true),
        None => (rest, false),
    };
    let owner = match (owner.split_once('/'), format) {
        (None, _) => NumberOwner { gateway: owner.parse().ok()?, uplink: None },
        (Some((gateway, uplink)), Format::Two) => {
            NumberOwner { gateway: gateway.parse().ok()?, uplink: Some(uplink.parse().ok()?) }
        }
        (Some(_), Format::One) => return None,
    };
    Some((number.parse().ok()?, Entry { owner, removed }))
}

fn not_an_entry(line: &Line<'_>, format: Format) -> Finding {
    let message = format!("`{}` is not a line of mesh.lock", Printable(line.text));
    let finding = Finding::new(Code::LockLine, line.place(), message);
    let uplink = match format {
        Format::One => "",
        Format::Two => "`8 perth/lte` for its uplink lte, ",
    };
    finding.hint(format!(
        "a line is `7 perth`, {uplink}or `7 perth removed` for a gateway that is gone; {RESTORE}"
    ))
}

type Entries = [(GatewayNumber, Entry, Place)];

/// Line n has number n. Only the first deviation is reported: it shifts all that follow.
fn order(entries: &Entries) -> Option<Finding> {
    let mut numbered = entries.iter().enumerate();
    let (index, (number, _, place)) =
        numbered.find(|(index, (number, _, _))| number_at(*index) != Some(*number))?;
    let expected = index + 1;
    let earlier = entries.iter().take(index).find(|(other, _, _)| other == number);
    if let Some((_, _, earlier)) = earlier {
        let message = format!("number {number} is given twice");
        let finding = Finding::new(Code::LockOrder, *place, message);
        let finding = finding.label("again here").related(*earlier, "first here");
        let remedy = "take the side of the merge that is deployed, then run `tieline lock`";
        return Some(finding.hint(remedy));
    }
    let message = format!("number {expected} is missing before {number}");
    let finding = Finding::new(Code::LockOrder, *place, message);
    let finding = finding.label(format!("{expected} should stand here"));
    Some(
        finding.hint(format!("a number must never be given out again, so no line goes; {RESTORE}")),
    )
}

/// Of the lines of one gateway or uplink, only the last may be that of a living one.
fn duplicates(entries: &Entries) -> Vec<Finding> {
    let mut alive: HashMap<&NumberOwner, Place> = HashMap::new();
    let mut findings = Vec::new();
    for (_, entry, place) in entries {
        let owner = &entry.owner;
        if let Some(earlier) = alive.get(owner) {
            let what = if owner.uplink.is_none() { "gateway" } else { "uplink" };
            let message = format!("{what} {owner} has two numbers");
            let finding = Finding::new(Code::LockDuplicate, *place, message);
            let finding = finding.label("again here").related(*earlier, "first here");
            findings.push(finding.hint(RESTORE));
        } else if !entry.removed {
            alive.insert(owner, *place);
        }
    }
    findings
}

/// An uplink gets its number after its gateway, and goes with it.
fn orphans(entries: &Entries) -> Vec<Finding> {
    let mut gateways: HashSet<&Name> = HashSet::new();
    let mut findings = Vec::new();
    for (_, Entry { owner, removed }, place) in entries {
        match owner.uplink {
            None if *removed => {}
            None => drop(gateways.insert(&owner.gateway)),
            Some(_) if *removed || gateways.contains(&owner.gateway) => {}
            Some(_) => {
                let message =
                    format!("uplink {owner} has a number, and its gateway has none before");
                findings.push(Finding::new(Code::LockLine, *place, message).hint(RESTORE));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEADER: &str = "# tieline-lock 2: the number of every gateway and uplink, never reused; written by tieline lock";

    fn codes(lines: &str) -> Vec<Code> {
        let text = format!("{HEADER}\n{lines}");
        match Lock::parse(&text) {
            Ok(lock) => {
                assert_eq!(lock.to_string(), text, "what is read is what is written");
                Vec::new()
            }
            Err(findings) => findings.iter().map(|finding| finding.code).collect(),
        }
    }

    #[test]
    fn reads_what_is_written() {
        let text = format!("{HEADER}\n1 perth\n2 fremantle removed\n3 fremantle\n");
        let lock = Lock::parse(&text).unwrap();
        assert_eq!(lock.to_string(), text);
        assert_eq!(lock.highest(), 3);
        let numbers: Vec<_> =
            lock.numbers().into_iter().map(|(name, number)| format!("{name} {number}")).collect();
        assert_eq!(numbers, ["fremantle 3", "perth 1"]);
        let place = lock.place(GatewayNumber::new(2).unwrap());
        assert_eq!(&text[place.start..place.end], "2 fremantle removed");
    }

    #[test]
    fn refuses_everything_else() {
        use Code::{LockConflict, LockDuplicate, LockFormat, LockLine, LockOrder};
        for (lines, expected) in [
            ("", vec![]),
            ("1 a\n2 b\n", vec![]),
            ("1 a\n1 b\n", vec![LockOrder]),
            ("1 a\n3 b\n", vec![LockOrder]),
            ("2 a\n1 b\n", vec![LockOrder]),
            ("1 a\n2 a\n", vec![LockDuplicate]),
            ("1 a\n2 a removed\n", vec![LockDuplicate]),
            ("1 a removed\n2 a removed\n3 a\n", vec![]),
            ("1 a\n2 b", vec![LockLine]),
            ("1 a\r\n2 b\r\n", vec![LockLine]),
            ("1 a\n\n2 b\n", vec![LockLine]),
            ("1  a\n", vec![LockLine]),
            ("1 a \n", vec![LockLine]),
            ("01 a\n", vec![LockLine]),
            ("0 a\n", vec![LockLine]),
            ("65536 a\n", vec![LockLine]),
            ("1 A\n", vec![LockLine]),
            ("1 a Removed\n", vec![LockLine]),
            ("1 removed\n", vec![]),
            ("1 a\n2 a/lte\n", vec![]),
            ("1 a\n2 a/lte removed\n3 a/lte\n", vec![]),
            ("1 a\n2 a/lte\n3 a/lte\n", vec![LockDuplicate]),
            ("1 a/lte\n", vec![LockLine]),
            ("1 a/lte\n2 a\n", vec![LockLine]),
            ("1 a removed\n2 a/lte\n", vec![LockLine]),
            ("1 a removed\n2 a/lte removed\n3 a\n4 a/lte\n", vec![]),
            ("1 a\n2 a/\n", vec![LockLine]),
            ("1 a\n2 a/b/c\n", vec![LockLine]),
            ("# a remark\n", vec![LockLine]),
            ("<<<<<<< ours\n1 a\n=======\n1 b\n>>>>>>> theirs\n", vec![LockConflict]),
        ] {
            assert_eq!(codes(lines), expected, "{lines:?}");
        }
        for text in ["", "\n", "1 a\n", "# tieline-lock 3: \n1 a\n", "# tieline-lock 1\n1 a\n"] {
            let findings = Lock::parse(text).unwrap_err();
            assert_eq!(findings[0].code, LockFormat, "{text:?}");
        }
    }

    /// A mesh.lock of before is read as it is, and written in the format of today.
    #[test]
    fn the_first_format_is_read() {
        let old = format!("{}\n1 perth\n2 fremantle removed\n", Format::One.header());
        let lock = Lock::parse(&old).unwrap();
        let place = lock.place(GatewayNumber::new(2).unwrap());
        assert_eq!(&old[place.start..place.end], "2 fremantle removed");
        assert_eq!(lock.to_string(), format!("{HEADER}\n1 perth\n2 fremantle removed\n"));
        let uplink = Lock::parse(&format!("{old}3 perth/lte\n")).unwrap_err();
        assert_eq!(uplink[0].code, Code::LockLine, "which has no uplinks");
    }

    #[test]
    fn uplinks_are_numbered_with_gateways() {
        let text = format!("{HEADER}\n1 perth\n2 perth/lte\n3 hobart\n4 perth/mpls removed\n");
        let lock = Lock::parse(&text).unwrap();
        let numbers = lock.numbers().into_iter().map(|(n, number)| format!("{n} {number}"));
        assert_eq!(numbers.collect::<Vec<_>>(), ["hobart 3", "perth 1"]);
        let uplinks = lock.uplinks();
        let uplinks: Vec<_> = uplinks.iter().map(|(of, number)| format!("{of} {number}")).collect();
        assert_eq!(uplinks, ["perth/lte 2"]);
        assert_eq!((lock.highest(), lock.removed().len()), (3, 0));
    }

    proptest! {
        #[test]
        fn takes_any_text_without_panic(text in "(?s).{0,200}") {
            let _ = Lock::parse(&text);
            let _ = Lock::parse(&format!("{HEADER}\n{text}"));
        }

        #[test]
        fn reads_only_what_it_would_write(lines in "([0-3] [ab]{1,2}(/[xy])?( removed)?\n){0,4}") {
            codes(&lines);
        }
    }
}
