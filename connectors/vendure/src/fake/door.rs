//! The door that callers come through: connections that a handler can break at a chosen byte.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// No byte more.
const SHUT: i64 = 0;
/// As many as there are.
const OPEN: i64 = -1;

/// A handler's hold on the connection that its request came in on.
#[derive(Clone, Debug)]
pub(super) struct Line(Arc<AtomicI64>);

impl Line {
    /// Nothing goes out any more; the connection closes as soon as something should.
    pub(super) fn cut(&self) {
        self.0.store(SHUT, Ordering::Release);
    }

    /// So many bytes of the whole answer go out, its head included; then the connection closes.
    pub(super) fn cut_after(&self, bytes: usize) {
        self.0.store(i64::try_from(bytes).unwrap_or(i64::MAX).max(1), Ordering::Release);
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Conn {
    stream: TcpStream,
    line: Line,
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
        let left = self.line.0.load(Ordering::Acquire);
        if left == SHUT && !buf.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let allowed = usize::try_from(left).map_or(buf.len(), |left| left.min(buf.len()));
        let written = Pin::new(&mut self.stream).poll_write(cx, &buf[..allowed]);
        if let (Poll::Ready(Ok(count)), true) = (&written, left > 0) {
            let count = i64::try_from(*count).unwrap_or(i64::MAX);
            self.line.0.store((left - count).max(SHUT), Ordering::Release);
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
pub(super) struct Door(pub(super) TcpListener);

impl Listener for Door {
    type Io = Conn;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Conn, SocketAddr) {
        let (stream, addr) = <TcpListener as Listener>::accept(&mut self.0).await;
        // Without it each small answer waits for the caller's delayed acknowledgement; where it cannot be set the fake
        // is slower and still right.
        let _ = stream.set_nodelay(true);
        (Conn { stream, line: Line(Arc::new(AtomicI64::new(OPEN))) }, addr)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Door>> for Line {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().line.clone()
    }
}
