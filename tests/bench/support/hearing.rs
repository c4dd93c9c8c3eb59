//! How soon an open page hears of a change: the daemon's stream of events, and an event over bare TCP.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use banto::store::Store;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc};

use crate::year::{CHANNELS, Year};

/// Longest wait for an event.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two changes: longer than the daemon leaves between two events, so that each has one of its own.
const REST: Duration = Duration::from_millis(700);

/// A page that listens.
pub struct Page {
    heard: mpsc::UnboundedReceiver<Instant>,
}

impl Page {
    /// Opens the stream of somebody who is logged in; what changes from now on is told.
    pub async fn open(at: SocketAddr, headers: &str) -> Self {
        let mut stream = TcpStream::connect(at).await.unwrap();
        let request = format!("GET /live HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut lines = BufReader::new(stream).lines();
        let status = lines.next_line().await.unwrap().unwrap();
        assert!(status.starts_with("HTTP/1.1 200"), "{status}");
        while !lines.next_line().await.unwrap().unwrap().is_empty() {}
        Self::listen(lines)
    }

    /// Notes when each event comes.
    fn listen<R: AsyncRead + Unpin + Send + 'static>(mut lines: Lines<BufReader<R>>) -> Self {
        let (tell, heard) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                if line.starts_with("data:") && tell.send(Instant::now()).is_err() {
                    return;
                }
            }
        });
        Self { heard }
    }

    /// Lets things come to rest, and forgets what was heard meanwhile.
    async fn rest(&mut self, more: Duration) {
        tokio::time::sleep(REST + more).await;
        while self.heard.try_recv().is_ok() {}
    }

    /// How long after this moment the next event came, ms.
    async fn event(&mut self, changed: Instant) -> f64 {
        let at = tokio::time::timeout(PATIENCE, self.heard.recv()).await.unwrap().unwrap();
        at.saturating_duration_since(changed).as_secs_f64() * 1e3
    }

    /// From an order's commit by the daemon to its event, ms.
    pub async fn orders(&mut self, house: &mut Year, times: usize) -> Vec<f64> {
        let mut all = Vec::with_capacity(times);
        for _ in 0..times {
            self.rest(Duration::ZERO).await;
            let mut stock = house.store.watch_stock();
            let committed = tokio::spawn(async move {
                stock.changed().await.unwrap();
                Instant::now()
            });
            house.take(1).await;
            all.push(self.event(committed.await.unwrap()).await);
        }
        all
    }

    /// From the commit of another process to its event, ms: nothing wakes the daemon, it looks every second.
    pub async fn elsewhere(&mut self, house: &Year, times: usize) -> Vec<f64> {
        let other = Store::open(&house.url).await.unwrap();
        let channel = other.channel(CHANNELS[0]).await.unwrap().id;
        let mut all = Vec::with_capacity(times);
        for n in 0..2 * times.div_ceil(2) {
            // At another moment between two looks each time.
            self.rest(Duration::from_millis(n as u64 * 370 % 1_000)).await;
            let mut write = other.write().await.unwrap();
            write.pause_channel(channel, n % 2 == 0).await.unwrap();
            write.commit().await.unwrap();
            all.push(self.event(Instant::now()).await);
        }
        other.close().await;
        all
    }
}

/// From a change to a listener over loopback with nothing between but a channel of the same kind, ms.
pub async fn bare(times: usize) -> Vec<f64> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (tell, mut told) = broadcast::channel::<()>(1);
    let reading = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut writing, _) = listener.accept().await.unwrap();
    writing.set_nodelay(true).unwrap();
    tokio::spawn(async move {
        while told.recv().await.is_ok() {
            writing.write_all(b"event: changed\nid: 1-1\ndata: orders stock\n\n").await.unwrap();
        }
    });
    let mut page = Page::listen(BufReader::new(reading).lines());
    let mut all = Vec::with_capacity(times);
    for _ in 0..times {
        let changed = Instant::now();
        tell.send(()).unwrap();
        all.push(page.event(changed).await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    all
}
