//! `topology` and `routing`: one of a few words.

use crate::spec::{Code, Finding, Placed, Printable, closest};

/// A setting, what this version takes for it, and what the format will have one day.
struct Choice {
    key: &'static str,
    now: &'static str,
    later: &'static [&'static str],
}

/// Checks `topology`; left out, it is `full-mesh`.
pub(in crate::model) fn topology(text: Option<&Placed<String>>, findings: &mut Vec<Finding>) {
    let later = &["hub-and-spoke", "regions", "links"];
    choose(&Choice { key: "topology", now: "full-mesh", later }, text, findings);
}

/// Checks `routing`; left out, it is `static`.
pub(in crate::model) fn routing(text: Option<&Placed<String>>, findings: &mut Vec<Finding>) {
    choose(&Choice { key: "routing", now: "static", later: &["bgp"] }, text, findings);
}

fn choose(choice: &Choice, text: Option<&Placed<String>>, findings: &mut Vec<Finding>) {
    let Some(text) = text.filter(|text| text.value != choice.now) else { return };
    let Choice { key, now, later } = choice;
    let shown = Printable(&text.value);
    if later.contains(&text.value.as_str()) {
        let message = format!("{key} {shown} is not supported yet by this version");
        let finding = Finding::new(Code::NotSupported, text.place, message);
        findings.push(finding.hint(format!("there is `{now}`")));
        return;
    }
    let message = format!("`{key}` cannot be `{shown}`");
    let finding = Finding::new(Code::UnknownValue, text.place, message);
    findings.push(match closest(&text.value, [*now]) {
        Some(meant) => finding.hint(format!("did you mean `{meant}`?")),
        None => finding.hint(format!("there is `{now}`")),
    });
}

#[cfg(test)]
mod tests {
    use super::super::testing::judge;
    use super::*;

    #[test]
    fn knows_what_is_and_what_will_be() {
        let read = |text: &str| {
            judge(text, |text, findings| {
                topology(Some(text), findings);
                Some(())
            })
        };
        assert_eq!(read("full-mesh").1, None);
        assert_eq!(read("hub-and-spoke").1, Some(Code::NotSupported));
        let (_, code, hint) = read("fullmesh");
        assert_eq!((code, hint.as_str()), (Some(Code::UnknownValue), "did you mean `full-mesh`?"));
        assert_eq!(read("ring").1, Some(Code::UnknownValue));
    }
}
