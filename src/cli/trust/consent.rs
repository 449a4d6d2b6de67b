//! Asking before something is signed.

use crate::cli::{Context, Exit, Failure};

/// Says `what` is about to be done, in words, and asks whether to, unless told `yes`. An error
/// where the answer is no, or where there is nobody to ask: nothing has been done then.
pub(in crate::cli) fn consent(
    what: &str,
    question: &str,
    yes: bool,
    context: &mut Context,
) -> Result<(), Failure> {
    if yes {
        context.terminal.note(what);
        return Ok(());
    }
    // Whoever is asked must see what for, however quiet it is to be.
    context.terminal.report(&format!("{what}\n"));
    if !context.host.console.is_attended() {
        let text =
            "nothing was done, because there is nobody to ask: standard input is no terminal";
        return Err(Failure::say(Exit::Usage, text)
            .hint("if what is said above is what you want, add --yes"));
    }
    context.terminal.ask(&format!("{question} [y/N] "));
    let answer = context.host.console.line();
    let answer = answer.map_err(|error| Failure::new(Exit::Failure, &error))?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::say(Exit::Failure, "nothing was done: you did not say yes")),
    }
}
