//! The two byte streams under lettre's connection that lettre cannot make itself.
//!
//! lettre opens its own sockets without TCP_NODELAY, and then loses 40 ms a mail to Nagle and delayed
//! acknowledgement. It accepts a socket of ours only as a plain stream; so implicit TLS is handed in as a
//! [`Wrapped`] stream, and STARTTLS goes over a [`Lockstep`] one.
#![expect(
    deprecated,
    reason = "lettre marks AsyncNetworkStream as not meant to be public, and offers no other way to start TLS on a socket of ours"
)]

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::io::{AsyncRead as FuturesRead, AsyncWrite as FuturesWrite};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::{AsyncNetworkStream, AsyncTokioStream, TlsParameters};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The first octet of every TLS handshake record; no SMTP command begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// Reads one octet at a time until TLS begins.
///
/// A client that buffers what follows the server's `220` to STARTTLS would later take that clear text, which
/// anybody on the way can put there, for answers that came through TLS. With nothing buffered, such text runs
/// into the handshake and ends it.
#[derive(Debug)]
pub(super) struct Lockstep {
    tcp: TcpStream,
    in_tls: bool,
}

impl Lockstep {
    pub(super) const fn new(tcp: TcpStream) -> Self {
        Self { tcp, in_tls: false }
    }
}

impl AsyncRead for Lockstep {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.in_tls || buf.remaining() == 0 {
            return Pin::new(&mut self.tcp).poll_read(cx, buf);
        }
        let mut octet = [0];
        let mut one = ReadBuf::new(&mut octet);
        ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut one))?;
        buf.put_slice(one.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Lockstep {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.in_tls |= buf.first() == Some(&TLS_HANDSHAKE);
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for Lockstep {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }
}

/// A TLS stream that was there before the first SMTP octet.
#[derive(Debug)]
pub(super) struct Wrapped(AsyncNetworkStream);

impl Wrapped {
    /// Shakes hands on an open socket.
    pub(super) async fn connect(tcp: TcpStream, tls: TlsParameters) -> Result<Self, Error> {
        let mut stream = AsyncNetworkStream::use_existing_tokio1(Box::new(tcp));
        stream.upgrade_tls(tls).await?;
        Ok(Self(stream))
    }
}

impl AsyncRead for Wrapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(FuturesRead::poll_read(Pin::new(&mut self.0), cx, buf.initialize_unfilled()))?;
        buf.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wrapped {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        FuturesWrite::poll_write(Pin::new(&mut self.0), cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        FuturesWrite::poll_flush(Pin::new(&mut self.0), cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        FuturesWrite::poll_close(Pin::new(&mut self.0), cx)
    }
}

impl AsyncTokioStream for Wrapped {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }
}
