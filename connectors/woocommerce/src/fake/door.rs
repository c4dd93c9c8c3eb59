//! The door that callers come through: a listener whose connections can break at a chosen point.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// A handler's hold on the connection that its request came in on.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// How many bytes of the next body may still go out; negative: as many as there are.
    body_left: Arc<AtomicI64>,
}

impl Line {
    /// From now on nothing goes out; the connection closes as soon as something should.
    pub(super) fn cut(&self) {
        self.body_left.store(0, Ordering::Release);
    }

    /// The head of the answer goes out, and `body` bytes after it; then the connection closes.
    pub(super) fn cut_after(&self, body: usize) {
        // Zero means that not even the head goes out, so one byte of body is the least.
        let body = i64::try_from(body).unwrap_or(i64::MAX).max(1);
        self.body_left.store(body, Ordering::Release);
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Conn {
    stream: TcpStream,
    line: Line,
    head_sent: bool,
}

impl Conn {
    /// How much of `buf` may go out.
    fn allowed(&mut self, buf: &[u8]) -> usize {
        let left = self.line.body_left.load(Ordering::Acquire);
        let Ok(left) = usize::try_from(left) else {
            return buf.len();
        };
        if left == 0 {
            return 0;
        }
        if self.head_sent {
            return left.min(buf.len());
        }
        // hyper hands the whole head over in its first write.
        let head = buf.windows(4).position(|w| w == b"\r\n\r\n").map_or(buf.len(), |at| at + 4);
        (head + left).min(buf.len())
    }

    fn sent(&mut self, buf: &[u8], count: usize) {
        let left = self.line.body_left.load(Ordering::Acquire);
        if left <= 0 {
            return;
        }
        let head = if self.head_sent {
            0
        } else {
            buf.windows(4).position(|w| w == b"\r\n\r\n").map_or(count, |at| at + 4)
        };
        self.head_sent = true;
        let body = i64::try_from(count.saturating_sub(head)).unwrap_or(i64::MAX);
        self.line.body_left.store((left - body).max(0), Ordering::Release);
    }
}

impl AsyncRead for Conn {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Conn {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let allowed = self.allowed(buf);
        if allowed == 0 && !buf.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, &buf[..allowed]);
        if let Poll::Ready(Ok(count)) = written {
            self.sent(buf, count);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The listener.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) listener: TcpListener,
    /// While true every caller finds the connection closed at once.
    pub(super) shut: Arc<AtomicBool>,
}

impl Listener for Door {
    type Io = Conn;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Conn, SocketAddr) {
        loop {
            let (stream, addr) = <TcpListener as Listener>::accept(&mut self.listener).await;
            if self.shut.load(Ordering::Acquire) {
                continue;
            }
            // Without it each small answer waits for the caller's delayed acknowledgement. Where it cannot be
            // set the fake is slower and still right.
            let _ = stream.set_nodelay(true);
            let line = Line { body_left: Arc::new(AtomicI64::new(-1)) };
            let conn = Conn { stream, line, head_sent: false };
            return (conn, addr);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, Door>> for Line {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().line.clone()
    }
}
