//! `banto completions SHELL`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Exit, Outcome, out};

/// Print the completion script of a shell
#[derive(Args, Debug)]
pub struct Completions {
    /// The shell: `banto completions bash > /usr/share/bash-completion/completions/banto`
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "banto", &mut script);
        out::print(&script)?;
        Ok(Exit::Ok)
    }
}
