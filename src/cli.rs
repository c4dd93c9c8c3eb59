//! The command line: what a person types, answered as tables or JSON with stable exit codes.
//!
//! Each command has a file here and writes through the same store functions as the daemon, so it may run while the
//! daemon does. To add one: its file, a `mod` line, a variant of [`Command`] and its line in `Command::run`.

mod backup;
mod channel;
mod check;
mod completions;
mod demo;
mod doctor;
mod exit;
mod house;
mod items;
mod listings;
mod mail;
mod man;
mod migrate;
mod orders;
mod out;
mod queue;
mod restore;
mod run;
mod stock;
mod tokens;
mod users;
mod words;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::Config;

pub(crate) use crate::domain::counted::counted;
pub use exit::{Exit, Failure};
pub use house::House;
pub use out::{Amount, Out, Text, left, right, utc};

/// What a command ends with: an exit code when it did its work, a failure with its message when it could not.
pub type Outcome = Result<Exit, Failure>;

/// The head clerk of a shop that sells in many places: one stock ledger, one order book, one outgoing queue.
#[derive(Debug, Parser)]
#[command(name = "banto", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_long_help = exit::table(), max_term_width = 110)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Args, Clone, Debug)]
pub struct Globals {
    /// Folder with banto.toml and channels/ [default: /etc/banto if it exists, else ./config]
    #[arg(long, global = true, value_name = "DIR", env = "BANTO_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// Answer with one JSON document instead of a table
    #[arg(long, global = true)]
    json: bool,
}

impl Globals {
    /// The folder of the config.
    #[must_use]
    pub fn config_dir(&self) -> PathBuf {
        let installed = Path::new("/etc/banto");
        match &self.config {
            Some(dir) => dir.clone(),
            None if installed.is_dir() => installed.to_owned(),
            None => PathBuf::from("config"),
        }
    }

    /// Reads the config.
    ///
    /// Errors: [`Exit::Config`] with every problem on its own line.
    pub fn config(&self) -> Result<Config, Failure> {
        Ok(Config::load(&self.config_dir())?)
    }

    /// Whether to answer in JSON.
    #[must_use]
    pub const fn json(&self) -> bool {
        self.json
    }

    /// The config, the open store and the way to answer: what most commands need.
    ///
    /// Errors: [`Exit::Config`]; [`Exit::Store`] when it cannot be reached or its schema is not
    /// this program's; [`Exit::Refused`] when there is none yet.
    pub async fn house(&self) -> Result<House, Failure> {
        House::open(self.config()?, self.json).await
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write everything in the store into a new file
    Backup(backup::Backup),
    /// Look at channels and drive them by hand
    Channel(channel::ChannelCommand),
    /// Check every file, key and credential of the config
    Check(check::Check),
    /// Print the completion script of a shell
    Completions(completions::Completions),
    /// Show banto at its job: a shop of every kind, buyers, faults and a mail server on loopback
    Demo(demo::DemoCommand),
    /// Check that everything in the store is as it must be
    Doctor(doctor::Doctor),
    /// Import, list and show items and sets
    Items(items::Items),
    /// List and map the offers of channels
    Listings(listings::Listings),
    /// Look at mails to buyers, and decide about them
    Mail(mail::MailCommand),
    /// Print the manual page
    Man(man::Man),
    /// Bring the store's schema up to this program's
    Migrate(migrate::Migrate),
    /// Look at orders, and do something to them
    Orders(orders::OrdersCommand),
    /// Look at what waits to be done, and at what was given up
    Queue(queue::QueueCommand),
    /// Fill an empty store with a backup
    Restore(restore::Restore),
    /// Run the daemon until it is told to stop
    Run(run::Run),
    /// See, change, count, explain and prove stock
    Stock(stock::Stock),
    /// See, make and revoke tokens of the HTTP API
    Tokens(tokens::Tokens),
    /// See and change who may use the screen
    Users(users::Users),
}

impl Command {
    /// Does it.
    ///
    /// Errors: [`Failure`], whose exit code says of which kind.
    pub async fn run(self, globals: &Globals) -> Outcome {
        match self {
            Self::Backup(command) => command.run(globals).await,
            Self::Channel(command) => command.run(globals).await,
            Self::Check(command) => command.run(globals).await,
            Self::Completions(command) => command.run(),
            Self::Demo(command) => command.run(globals).await,
            Self::Doctor(command) => command.run(globals).await,
            Self::Items(command) => command.run(globals).await,
            Self::Listings(command) => command.run(globals).await,
            Self::Mail(command) => command.run(globals).await,
            Self::Man(command) => command.run(),
            Self::Migrate(command) => command.run(globals).await,
            Self::Orders(command) => command.run(globals).await,
            Self::Queue(command) => command.run(globals).await,
            Self::Restore(command) => command.run(globals).await,
            Self::Run(command) => command.run(globals).await,
            Self::Stock(command) => command.run(globals).await,
            Self::Tokens(command) => command.run(globals).await,
            Self::Users(command) => command.run(globals).await,
        }
    }
}

/// Parses the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::from(error).report(),
    };
    match runtime.block_on(cli.command.run(&cli.globals)) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn verify_cli() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_argument_is_explained() {
        fn walk(command: &clap::Command, silent: &mut Vec<String>) {
            let name = command.get_name();
            if command.get_about().is_none() {
                silent.push(name.to_owned());
            }
            let arguments = command.get_arguments().filter(|a| a.get_help().is_none());
            silent.extend(arguments.map(|a| format!("{name} {}", a.get_id())));
            command.get_subcommands().for_each(|c| walk(c, silent));
        }
        let mut silent = Vec::new();
        walk(&Cli::command(), &mut silent);
        assert!(silent.is_empty(), "without help: {silent:?}");
    }
}
