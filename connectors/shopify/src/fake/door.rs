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
pub(super) struct Line(Arc<AtomicI64>);

/// As many bytes as there are.
const OPEN: i64 = -1;

impl Line {
    /// Nothing goes out any more; the connection closes as soon as something should.
    pub(super) fn cut(&self) {
        self.0.store(0, Ordering::Release);
    }

    /// So many bytes of the next body go out behind its head; then the connection closes.
    pub(super) fn cut_after(&self, body: usize) {
        self.0.store(i64::try_from(body).unwrap_or(i64::MAX).max(1), Ordering::Release);
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Conn {
    stream: TcpStream,
    line: Line,
    /// Whether the head of the answer that breaks off is out.
    head_out: bool,
}

impl Conn {
    /// How many bytes of `buf` may go out, and how many of them are no body.
    fn allowed(&self, buf: &[u8]) -> (usize, usize) {
        let left = self.line.0.load(Ordering::Acquire);
        let Ok(left) = usize::try_from(left) else {
            return (buf.len(), buf.len());
        };
        // hyper hands the whole head over in its first write.
        let end = buf.windows(4).position(|window| window == b"\r\n\r\n").map_or(buf.len(), |at| at + 4);
        let head = if self.head_out || left == 0 { 0 } else { end };
        ((head + left).min(buf.len()), head)
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
        let (allowed, head) = self.allowed(buf);
        if allowed == 0 && !buf.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, &buf[..allowed]);
        let left = self.line.0.load(Ordering::Acquire);
        if let Poll::Ready(Ok(count)) = written
            && left > OPEN
        {
            self.head_out = true;
            let body = i64::try_from(count.saturating_sub(head)).unwrap_or(i64::MAX);
            self.line.0.store((left - body).max(0), Ordering::Release);
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
            // Without it each small answer waits for the caller's delayed acknowledgement. Where it cannot be set the
            // fake is slower and still right.
            let _ = stream.set_nodelay(true);
            let line = Line(Arc::new(AtomicI64::new(OPEN)));
            return (Conn { stream, line, head_out: false }, addr);
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
