//! `banto man`: the manual page, made from the same definitions as the help.

use clap::{Arg, Args, Command, CommandFactory};
use clap_mangen::Man as Page;

use super::{Cli, Exit, Failure, Outcome, out};

/// Print the manual page
#[derive(Args, Debug)]
pub struct Man {}

impl Man {
    pub(super) fn run(&self) -> Outcome {
        out::print(&page()?)?;
        Ok(Exit::Ok)
    }
}

/// The whole manual as one page: clap_mangen's sections, then each command with its arguments.
fn page() -> Result<Vec<u8>, Failure> {
    let mut command = Cli::command().after_long_help(None::<&str>);
    command.build();
    let mut roff = Vec::new();
    let page = Page::new(command.clone()).manual("banto");
    page.render_title(&mut roff)?;
    page.render_name_section(&mut roff)?;
    page.render_synopsis_section(&mut roff)?;
    page.render_description_section(&mut roff)?;
    page.render_options_section(&mut roff)?;
    let mut rest = ".SH COMMANDS\n".to_owned();
    for sub in command.get_subcommands_mut() {
        describe(sub, &mut rest);
    }
    rest.push_str(".SH EXIT STATUS\n");
    for exit in Exit::ALL {
        rest.push_str(&format!(".TP\n.B {}\n{}\n", exit.code(), escaped(exit.meaning())));
    }
    roff.extend(rest.into_bytes());
    Ok(roff)
}

fn describe(command: &mut Command, roff: &mut String) {
    if command.is_hide_set() || command.get_name() == "help" {
        return;
    }
    if !command.has_subcommands() {
        let usage = command.render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ").lines().map(str::trim).collect::<Vec<_>>().join(" ");
        roff.push_str(&format!(".SS {}\n", escaped(&usage)));
        let about = command.get_long_about().or_else(|| command.get_about()).map(ToString::to_string);
        roff.push_str(&format!("{}.\n", escaped(about.unwrap_or_default().trim_end_matches('.'))));
        let own = |a: &&Arg| {
            !a.is_global_set() && !a.is_hide_set() && !["help", "version"].contains(&a.get_id().as_str())
        };
        for argument in command.get_arguments().filter(own) {
            let help = argument.get_long_help().or_else(|| argument.get_help());
            let help = help.map(ToString::to_string).unwrap_or_default();
            roff.push_str(&format!(".TP\n.B {}\n{}\n", escaped(&argument.to_string()), escaped(&help)));
        }
    }
    for sub in command.get_subcommands_mut() {
        describe(sub, roff);
    }
}

/// Text that roff shows as it is: a backslash, a leading dot or quote, and a hyphen mean something there.
fn escaped(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-");
    let guarded =
        |line: &str| if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() };
    escaped.lines().map(guarded).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_and_exit_code_has_its_place() {
        let page = String::from_utf8(page().unwrap()).unwrap();
        assert!(page.contains(".SS banto completions [OPTIONS] <SHELL>\n"), "{page}");
        for exit in Exit::ALL {
            assert!(page.contains(&format!(".B {}\n", exit.code())), "{exit:?}");
        }
        for sub in Cli::command().get_subcommands() {
            assert!(page.contains(&format!(".SS banto {}", sub.get_name())), "{}", sub.get_name());
        }
    }

    #[test]
    fn nothing_in_a_text_steers_roff() {
        assert_eq!(escaped(".SH a\\b\n'x --y"), "\\&.SH a\\eb\n\\&'x \\-\\-y");
    }
}
