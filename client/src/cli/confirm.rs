//! Asks a person before something is signed.

use super::exit::{Failure, Kind};
use super::{Done, output};
use std::io::{self, IsTerminal, Write};

/// Asks, unless `yes`. Whoever can see no question must have answered it before.
pub(crate) fn confirm(question: &str, yes: bool) -> Done {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Failure::new(Kind::Usage, "there is no terminal to ask on; nothing is signed")
            .hint("look at what would be signed, then say --yes"));
    }
    let mut err = io::stderr().lock();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if is_yes(&answer) { Ok(()) } else { Err(Failure::new(Kind::Failed, "nothing is signed")) }
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

/// Shows what is going to be signed: to people, so that standard output stays for results.
pub(crate) fn show(title: &str, lines: &[String]) {
    output::say(title);
    for line in lines {
        drop(writeln!(io::stderr(), "  - {}", output::printable(line)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        assert!(is_yes("y\n") && is_yes("YES") && is_yes(" yes "));
        assert!(!is_yes("") && !is_yes("\n") && !is_yes("n") && !is_yes("yep"));
    }

    #[test]
    fn who_said_yes_is_not_asked() {
        assert!(confirm("Sign?", true).is_ok());
    }
}
