//! What the daemon says about itself: for people on a terminal, one JSON object a line under a service manager.
//!
//! Decisions about an order or a listing carry its id as a field (`channel`, `order`, `listing`), so that everything
//! about one of them can be found by that field. Lines go to standard error; standard output belongs to answers.

use std::env;
use std::io::{IsTerminal, stderr};
use std::panic::PanicHookInfo;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::LogFormat;

/// The variable that outranks `log.level`.
const LEVEL_VARIABLE: &str = "BANTO_LOG";

/// Why logging could not begin or change.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `log.level` or `BANTO_LOG` is no level and no list of directives.
    #[error("{text:?} is no log level ({cause}); write \"info\" or \"debug\"")]
    Level {
        /// What was given.
        text: String,
        /// What is wrong with it.
        cause: ParseError,
    },
    /// Something else in this process logs already.
    #[error("logging was already set up ({0})")]
    Taken(#[from] TryInitError),
    /// The subscriber is gone.
    #[error("the log level cannot be changed any more ({0})")]
    Gone(#[from] reload::Error),
}

/// Changes the level of a running daemon.
#[derive(Clone, Debug)]
pub struct LogHandle {
    filter: reload::Handle<Targets, Registry>,
    outranked: bool,
}

impl LogHandle {
    /// Takes over `log.level` of a re-read config; `false` if `BANTO_LOG` outranks it and nothing changed.
    ///
    /// Errors: the text is no level.
    pub fn set_level(&self, level: &str) -> Result<bool, LogError> {
        let filter = filter(level)?;
        if self.outranked {
            return Ok(false);
        }
        self.filter.reload(filter)?;
        Ok(true)
    }
}

/// Begins logging for the whole process, panics included; `BANTO_LOG` outranks `level`.
///
/// Errors: the level is none, or logging was set up before.
pub fn init(level: &str, format: LogFormat) -> Result<LogHandle, LogError> {
    let variable = env::var(LEVEL_VARIABLE).ok().filter(|text| !text.is_empty());
    let (subscriber, mut handle) =
        subscriber(variable.as_deref().unwrap_or(level), for_people(format), stderr)?;
    handle.outranked = variable.is_some();
    subscriber.try_init()?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(handle)
}

/// A panic is a line like any other, so that a reader of JSON is not given bare text.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("no message");
    let at = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(panic = message, at, "panic");
}

/// Whether lines are for people. `$JOURNAL_STREAM` is set where systemd takes standard error (systemd.exec(5)).
fn for_people(format: LogFormat) -> bool {
    match format {
        LogFormat::Human => true,
        LogFormat::Json => false,
        LogFormat::Auto => env::var_os("JOURNAL_STREAM").is_none() && stderr().is_terminal(),
    }
}

/// Reads a level, or directives such as `info,banto::channels=debug`; nothing at all is `info`.
///
/// Errors: [`LogError::Level`].
pub(crate) fn filter(level: &str) -> Result<Targets, LogError> {
    // Between two commas, nothing would be read as the level `error` for everything.
    let directives: Vec<&str> = level.split(',').map(str::trim).filter(|one| !one.is_empty()).collect();
    if directives.is_empty() {
        return Ok(Targets::new().with_default(LevelFilter::INFO));
    }
    directives.join(",").parse().map_err(|cause| LogError::Level { text: level.to_owned(), cause })
}

type Boxed = Box<dyn Subscriber + Send + Sync>;

fn subscriber<W>(level: &str, for_people: bool, writer: W) -> Result<(Boxed, LogHandle), LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(filter(level)?);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let subscriber: Boxed = if for_people {
        Box::new(Registry::default().with(filter).with(lines.with_ansi(stderr().is_terminal())))
    } else {
        // Fields beside the message, not below it, so that a journal query finds them by their own names.
        let lines = lines.json().flatten_event(true).with_current_span(true).with_span_list(false);
        Box::new(Registry::default().with(filter).with(lines))
    };
    let handle = LogHandle { filter: handle, outranked: false };
    Ok((subscriber, handle))
}

/// Has `subscriber` hear this thread until the guard is dropped.
///
/// With no other subscriber in the process, tracing asks only the default of the thread that first passes a log
/// statement whether anybody listens to it, and keeps that answer: a test beside this one, on a thread where nobody
/// listens, would silence the statement here too (`tracing_core::callsite`, `Rebuilder::JustOne`). So the whole process
/// gets one first, which takes nothing and whose answer is never kept.
#[cfg(test)]
pub(crate) fn heard_by(
    subscriber: impl tracing::Subscriber + Send + Sync + 'static,
) -> tracing::subscriber::DefaultGuard {
    let nobody =
        tracing_subscriber::registry().with(tracing_subscriber::filter::dynamic_filter_fn(|_, _| false));
    // Refused from the second time on.
    _ = tracing::subscriber::set_global_default(nobody);
    tracing::subscriber::set_default(subscriber)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Keeps what is logged.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Kept {
        fn lines(&self) -> Vec<String> {
            let text = String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap();
            text.lines().map(str::to_owned).collect()
        }
    }

    fn begin(level: &str, for_people: bool) -> (Kept, LogHandle, tracing::subscriber::DefaultGuard) {
        let kept = Kept::default();
        let writer = kept.clone();
        let (subscriber, handle) = subscriber(level, for_people, move || writer.clone()).unwrap();
        (kept, handle, heard_by(subscriber))
    }

    #[test]
    fn a_line_for_machines_is_one_object_with_its_ids() {
        let (kept, _handle, _guard) = begin("info", false);
        let span = tracing::info_span!("task", channel = "honten").entered();
        tracing::warn!(order = "8801", "total does not add up\nand more");
        drop(span);
        let lines = kept.lines();
        assert_eq!(lines.len(), 1, "{lines:?}");
        let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["order"], "8801");
        assert_eq!(line["message"], "total does not add up\nand more");
        assert_eq!(line["span"]["channel"], "honten");
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn a_line_for_people_can_be_read() {
        let (kept, _handle, _guard) = begin("info", true);
        tracing::info!(order = "8801", "taken in");
        let lines = kept.lines();
        assert!(lines[0].contains("INFO") && lines[0].contains("taken in order=\"8801\""), "{lines:?}");
    }

    #[test]
    fn the_level_can_change_while_running() {
        let (kept, handle, _guard) = begin("warn", false);
        tracing::info!("one");
        assert!(handle.set_level("debug").unwrap());
        tracing::debug!("two");
        assert!(handle.set_level("warn,banto=trace").unwrap());
        tracing::trace!(target: "banto::channels", "three");
        tracing::info!(target: "sqlx", "four");
        let said: Vec<_> = kept
            .lines()
            .iter()
            .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()["message"].clone())
            .collect();
        assert_eq!(said, ["two", "three"]);
    }

    #[test]
    fn spaces_and_a_comma_too_many_do_no_harm() {
        assert_eq!(filter("warn, banto=trace,").unwrap(), filter("warn,banto=trace").unwrap());
        assert_eq!(filter(" , ").unwrap(), filter("info").unwrap());
    }

    #[test]
    fn a_level_that_is_none_changes_nothing() {
        let (kept, handle, _guard) = begin("info", false);
        let said = handle.set_level("banto=loud").unwrap_err().to_string();
        assert!(said.starts_with("\"banto=loud\" is no log level"), "{said}");
        tracing::info!("still here");
        assert_eq!(kept.lines().len(), 1);
    }

    #[test]
    fn the_variable_outranks_a_re_read_config() {
        let (kept, mut handle, _guard) = begin("warn", false);
        handle.outranked = true;
        assert!(!handle.set_level("debug").unwrap());
        tracing::info!("not shown");
        assert_eq!(kept.lines(), [] as [&str; 0]);
    }
}
