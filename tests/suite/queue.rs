//! The queue: each job is done by one worker, a mail goes out once whatever is cut off, a channel is told everything
//! in order, and no outage makes anything be given up.

mod jobs;
pub mod mails;
pub mod notices;
mod post;
