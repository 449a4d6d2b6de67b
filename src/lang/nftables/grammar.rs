//! The statements, in the order of the file, to write and to read alike: one that is added is added
//! here and nowhere else.

use super::{Rule, Ruleset};
use crate::lang::pass::Pass;

/// The whole file, below its title.
pub(super) fn ruleset<P: Pass<Ruleset>>(pass: &mut P) -> Result<Ruleset, P::Error> {
    pass.explain(|_| {
        "
# Declared first, so that deleting it succeeds on a gateway that never had it; nft applies a file
# as one transaction, so that packets meet the old table or the new one."
    });
    pass.line("table inet tieline")?;
    pass.line("delete table inet tieline")?;
    pass.explain(|_| "");
    pass.line("table inet tieline {")?;
    let forward = forward(pass)?;
    pass.line("}")?;
    Ok(Ruleset { forward })
}

fn forward<P: Pass<Ruleset>>(pass: &mut P) -> Result<Vec<Rule>, P::Error> {
    const END: &str = "\t}";
    pass.line("\tchain forward {")?;
    pass.line("\t\ttype filter hook forward priority mangle; policy accept;")?;
    let mut rules = Vec::new();
    while let Some(mut part) =
        pass.part(|line| line != END, |ruleset| ruleset.forward.get(rules.len()))
    {
        rules.push(rule(&mut part)?);
    }
    pass.line(END)?;
    Ok(rules)
}

fn rule<P: Pass<Rule>>(pass: &mut P) -> Result<Rule, P::Error> {
    pass.explain(|rule| match rule {
        Rule::ClampSegments => {
            "
		# TCP between LANs never needs fragments: the segment size both ends agree on fits the
		# smaller MTU of the way there and the way back. OpenVPN could do this only without
		# kernel offload, and path MTU discovery only where nobody filters ICMP."
        }
    });
    pass.line("\t\toifname \"tl-*\" tcp flags syn tcp option maxseg size set rt mtu")?;
    pass.line("\t\tiifname \"tl-*\" tcp flags syn tcp option maxseg size set rt mtu")?;
    Ok(Rule::ClampSegments)
}
