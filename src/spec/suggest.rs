//! "Did you mean …?"

/// The candidate that `text` was probably meant to be: at most a third of its characters wrong.
pub fn closest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A key of a megabyte is no typing error.
    if text.len() > 64 {
        return None;
    }
    let scored = candidates.into_iter().map(|candidate| (distance(text, candidate), candidate));
    let (distance, candidate) = scored.min_by_key(|&(distance, _)| distance)?;
    (distance * 3 <= candidate.chars().count().max(3)).then_some(candidate)
}

/// How many single characters have to be inserted, removed, replaced or swapped with their
/// neighbour to make `b` of `a`, in any case.
fn distance(a: &str, b: &str) -> usize {
    strsim::osa_distance(&a.to_lowercase(), &b.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let keys = ["endpoint", "address", "certificates"];
        for (typed, meant) in [
            ("endpiont", "endpoint"),
            ("Endpoint", "endpoint"),
            ("adress", "address"),
            ("certificate", "certificates"),
            ("certs", ""),
            ("x", ""),
            ("", ""),
        ] {
            assert_eq!(closest(typed, keys).unwrap_or_default(), meant, "{typed}");
        }
        assert_eq!(closest(&"endpoint".repeat(1000), keys), None);
    }

    #[test]
    fn counts_edits() {
        for (a, b, edits) in [
            ("", "", 0),
            ("a", "", 1),
            ("ab", "ba", 1),
            ("lans", "lan", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), edits, "{a} {b}");
            assert_eq!(distance(b, a), edits, "{b} {a}");
        }
    }
}
