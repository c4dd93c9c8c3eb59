//! A power cut in the middle of a hop.

use std::pin::Pin;
use std::task::{Context, Poll};

/// A hop that ends by itself, or is dropped where it stands after it was woken so many times.
pub struct CutOff<F> {
    hop: Pin<Box<F>>,
    left: u32,
}

impl<F: Future> CutOff<F> {
    pub fn after(wakes: u32, hop: F) -> Self {
        Self { hop: Box::pin(hop), left: wakes }
    }
}

impl<F: Future> Future for CutOff<F> {
    /// `None` if it was cut off.
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        self.hop.as_mut().poll(cx).map(Some)
    }
}
