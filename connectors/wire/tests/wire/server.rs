//! A server on the loopback interface that answers by a script, one connection an answer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server does with one request.
pub enum Reply {
    /// Writes these bytes and closes.
    Bytes(Vec<u8>),
    /// Closes without a word.
    Close,
    /// Says nothing and keeps the connection.
    Hang,
    /// Announces nothing, and writes chunks of zeros until this many bytes or until nobody takes them.
    Endless(usize),
}

pub struct Server {
    pub url: String,
    /// The requests so far, head and body.
    seen: Arc<Mutex<Vec<String>>>,
    /// Bytes that `Reply::Endless` got rid of.
    pub written: Arc<AtomicUsize>,
}

impl Server {
    /// Answers with `replies` in order; after the last one connections are closed.
    pub async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { url, seen: Arc::default(), written: Arc::default() };
        let (seen, written) = (Arc::clone(&server.seen), Arc::clone(&server.written));
        tokio::spawn(async move {
            let mut replies = replies.into_iter();
            while let Ok((mut stream, _)) = listener.accept().await {
                let request = read(&mut stream).await;
                seen.lock().unwrap().push(request);
                let reply = replies.next().unwrap_or(Reply::Close);
                tokio::spawn(answer(stream, reply, Arc::clone(&written)));
            }
        });
        server
    }

    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    pub fn calls(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

async fn answer(mut stream: TcpStream, reply: Reply, written: Arc<AtomicUsize>) {
    match reply {
        Reply::Bytes(bytes) => {
            stream.write_all(&bytes).await.unwrap();
            stream.shutdown().await.ok();
        }
        Reply::Close => {}
        Reply::Hang => tokio::time::sleep(Duration::from_secs(60)).await,
        Reply::Endless(total) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
            let chunk = [b"10000\r\n".as_slice(), &[b'0'; 0x10000], b"\r\n"].concat();
            while written.load(Ordering::SeqCst) < total && stream.write_all(&chunk).await.is_ok() {
                written.fetch_add(0x10000, Ordering::SeqCst);
            }
        }
    }
}

/// One request with its body.
async fn read(stream: &mut TcpStream) -> String {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let n = stream.read(&mut buffer).await.unwrap_or(0);
        bytes.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let complete = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            length.is_none_or(|n| body.len() >= n.parse().unwrap())
        });
        if complete || n == 0 {
            return text;
        }
    }
}

/// An answer with a body whose length is told.
pub fn reply(status: u16, headers: &[&str], body: &[u8]) -> Reply {
    torn(status, headers, body, body.len())
}

/// An answer whose body is told to be `length` bytes long.
pub fn torn(status: u16, headers: &[&str], body: &[u8], length: usize) -> Reply {
    let mut head = format!("HTTP/1.1 {status} Said\r\nconnection: close\r\ncontent-length: {length}\r\n");
    for header in headers {
        head += &format!("{header}\r\n");
    }
    Reply::Bytes([head.as_bytes(), b"\r\n", body].concat())
}
