//! A browser as far as a benchmark needs one: a connection that stays open, a session's cookie, whole answers.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// An open connection of somebody who is logged in.
pub struct Browser {
    stream: BufReader<TcpStream>,
    headers: String,
    /// Of the next requests, besides.
    more: String,
}

/// An answer.
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Where it leads, if it is elsewhere.
    pub location: Option<String>,
    /// The body as it came.
    pub body: Vec<u8>,
    /// From the request's first byte to the body's last.
    pub took: Duration,
}

impl Answer {
    /// The body of an answer that is not packed.
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

impl Browser {
    /// Connects; `headers` go with every request, each with its line end.
    pub async fn open(at: SocketAddr, headers: &str) -> Self {
        let stream = TcpStream::connect(at).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let stream = BufReader::with_capacity(1 << 16, stream);
        Self { stream, headers: headers.to_owned(), more: String::new() }
    }

    /// From now on these headers go with every request, too, each with its line end; those that did before do not.
    pub fn carry(&mut self, headers: &str) {
        headers.clone_into(&mut self.more);
    }

    /// Gets a page, packed as browsers ask for it.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.ask(path, "accept-encoding: gzip\r\n").await
    }

    /// Gets a page as it is.
    pub async fn plain(&mut self, path: &str) -> Answer {
        self.ask(path, "").await
    }

    /// Gets the text of a page that is there, or of the one that it leads to.
    pub async fn text(&mut self, path: &str) -> String {
        let mut answer = self.plain(path).await;
        if let Some(location) = answer.location.take() {
            answer = self.plain(&location).await;
        }
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    }

    async fn ask(&mut self, path: &str, more: &str) -> Answer {
        let (own, carried) = (&self.headers, &self.more);
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{more}{own}{carried}\r\n");
        let began = Instant::now();
        self.stream.get_mut().write_all(request.as_bytes()).await.unwrap();
        let (status, length, location) = self.head().await;
        let body = match length {
            Some(length) => self.exactly(length).await,
            None => self.chunks().await,
        };
        Answer { status, location, body, took: began.elapsed() }
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).await.unwrap();
        assert!(read > 0, "the connection was closed");
        line.trim_end().to_owned()
    }

    /// The status, how long the body is if it is not in chunks, and where the answer leads.
    async fn head(&mut self) -> (u16, Option<usize>, Option<String>) {
        let status = self.line().await;
        let status = status.split(' ').nth(1).unwrap().parse().unwrap();
        let mut length = (status == 304 || status == 204).then_some(0);
        let mut location = None;
        loop {
            let line = self.line().await;
            let Some((name, value)) = line.split_once(": ") else { return (status, length, location) };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = Some(value.parse().unwrap()),
                "location" => location = Some(value.to_owned()),
                _ => {}
            }
        }
    }

    async fn exactly(&mut self, length: usize) -> Vec<u8> {
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        body
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let size = usize::from_str_radix(&self.line().await, 16).unwrap();
            body.extend(self.exactly(size).await);
            self.line().await;
            if size == 0 {
                return body;
            }
        }
    }
}
