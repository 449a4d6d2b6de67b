//! Which target paths a delegation is for (TUF specification §4.5, `PATHPATTERN`).

/// Whether `pattern`, shell-style as in fnmatch(3), is one for `path`: `*`, `?`, `[seq]` and
/// `[!seq]`, of which none matches a `/`.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let mut patterns = pattern.split('/');
    let mut parts = path.split('/');
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) if matches_part(pattern, part) => {}
            _ => return false,
        }
    }
}

/// The same for what stands between two `/`. Where it fails after a `*`, that one takes one
/// character more; an earlier one never has to, so the time is at most the product of the lengths.
fn matches_part(pattern: &str, part: &str) -> bool {
    let (mut pattern, mut part) = (pattern, part);
    let mut retry: Option<(&str, &str)> = None;
    loop {
        if let Some(rest) = pattern.strip_prefix('*') {
            (pattern, retry) = (rest, Some((rest, part)));
            continue;
        }
        if pattern.is_empty() && part.is_empty() {
            return true;
        }
        if let Some((after_pattern, after_part)) = one(pattern, part) {
            (pattern, part) = (after_pattern, after_part);
            continue;
        }
        let Some((after_star, taken_to)) = retry else { return false };
        let mut more = taken_to.chars();
        if more.next().is_none() {
            return false;
        }
        (pattern, part, retry) = (after_star, more.as_str(), Some((after_star, more.as_str())));
    }
}

/// What is left of both when the first of `pattern` matches the first of `part`.
fn one<'a>(pattern: &'a str, part: &'a str) -> Option<(&'a str, &'a str)> {
    let mut left = pattern.chars();
    let mut right = part.chars();
    let (wanted, found) = (left.next()?, right.next()?);
    let rest = match wanted {
        '?' => left.as_str(),
        '[' => match set(left.as_str()) {
            Some((set, rest)) => contains(set, found).then_some(rest)?,
            // Without its end it is a character like any other.
            None => (found == '[').then_some(left.as_str())?,
        },
        _ => (wanted == found).then_some(left.as_str())?,
    };
    Some((rest, right.as_str()))
}

/// The inside of a set, and what stands after it. A `]` that comes first is one of the set.
fn set(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('!').unwrap_or(text);
    let first = inside.chars().next()?.len_utf8();
    let end = text.len() - inside.len() + first + inside.get(first..)?.find(']')?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

fn contains(set: &str, found: char) -> bool {
    let inside = set.strip_prefix('!').unwrap_or(set);
    let mut rest = inside.chars();
    let mut is_in = false;
    while let Some(low) = rest.next() {
        let mut range = rest.clone();
        if let (Some('-'), Some(high)) = (range.next(), range.next()) {
            is_in |= (low..=high).contains(&found);
            rest = range;
        } else {
            is_in |= low == found;
        }
    }
    is_in != (inside.len() < set.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the specification, and what python-tuf's fnmatch says.
    #[test]
    fn shell_style() {
        for (pattern, yes, no) in [
            ("*.tgz", &["foo.tgz", ".tgz"][..], &["foo.txt", "a/foo.tgz", "foo.tgz.x"][..]),
            ("foo-?.tgz", &["foo-2.tgz", "foo-é.tgz"], &["foo-alpha.tgz", "foo-.tgz"]),
            ("targets/*.tgz", &["targets/foo.tgz"], &["foo.tgz", "targets/a/foo.tgz"]),
            ("*", &["", "x"], &["/", "a/b"]),
            ("*/*", &["a/b", "/"], &["a", "a/b/c"]),
            ("a*b*c", &["abc", "aXbXc", "abcbc", "abbbc"], &["ab", "acb", "abcd"]),
            ("**", &["", "abc"], &["a/b"]),
            ("?", &["x"], &["", "/", "xx"]),
            ("[ab]", &["a", "b"], &["c", "", "ab"]),
            ("[!ab]", &["c"], &["a", "b", "/"]),
            ("x[a-c]", &["xa", "xb", "xc"], &["xd", "x-"]),
            ("[a-]", &["a", "-"], &["b"]),
            ("[]]", &["]"], &["[", "[]]"]),
            ("[!]]", &["["], &["]"]),
            ("[a", &["[a"], &["a"]),
            ("perth.tar.gz", &["perth.tar.gz"], &["Perth.tar.gz", "perthxtar.gz", "perth.tar.g"]),
            ("", &[""], &["x"]),
        ] {
            for path in yes {
                assert!(matches(pattern, path), "{pattern} should match {path}");
            }
            for path in no {
                assert!(!matches(pattern, path), "{pattern} should not match {path}");
            }
        }
    }

    #[test]
    fn takes_no_time() {
        let pattern = "*a".repeat(500);
        assert!(!matches(&pattern, &"a".repeat(499)));
        assert!(!matches(&pattern, &format!("{}b", "a".repeat(20_000))));
    }
}
