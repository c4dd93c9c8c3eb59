//! HTTP/1.1, as much of it as a connection that can break at any byte needs.

use std::io;
use std::sync::Arc;

use banto_sim::Fault;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{Inner, api};

/// The largest request that is read.
const REQUEST_MAX: usize = 8 * 1024 * 1024;

/// One call, read whole.
#[derive(Debug, Default)]
pub(super) struct Call {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Call {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What a call is answered with.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn xml(status: u16, document: &str) -> Self {
        let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n{document}\n");
        let kind = ("content-type", "application/xml;charset=UTF-8".to_owned());
        Self { status, headers: vec![kind], body: body.into_bytes() }
    }

    pub(super) fn json(status: u16, body: &str) -> Self {
        let kind = ("content-type", "application/json; charset=UTF-8".to_owned());
        Self { status, headers: vec![kind], body: body.as_bytes().to_vec() }
    }

    fn html(status: u16, text: &str) -> Self {
        let page =
            format!("<!DOCTYPE html><html><head><title>{text}</title></head><body>{text}</body></html>");
        let kind = ("content-type", "text/html; charset=UTF-8".to_owned());
        Self { status, headers: vec![kind], body: page.into_bytes() }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Told\r\ncontent-length: {}\r\n", self.status, self.body.len());
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        [head.as_bytes(), &self.body].concat()
    }
}

/// Answers callers until the task is ended.
pub(super) async fn serve(listener: TcpListener, inner: Arc<Inner>) {
    let mut callers = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        // Without it each small answer waits for the caller's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let inner = Arc::clone(&inner);
        callers.spawn(async move {
            // A caller that hangs up is no news.
            let _ = answer_all(stream, &inner).await;
        });
        while callers.try_join_next().is_some() {}
    }
}

/// What goes out, and whether the connection lives on.
enum Out {
    Whole(Vec<u8>),
    Cut(Vec<u8>),
}

async fn answer_all(mut stream: TcpStream, inner: &Inner) -> io::Result<()> {
    let mut read = Vec::new();
    while let Some(call) = next_call(&mut stream, &mut read).await? {
        match played(inner, &call) {
            Out::Whole(bytes) => stream.write_all(&bytes).await?,
            Out::Cut(bytes) => {
                stream.write_all(&bytes).await?;
                return stream.shutdown().await;
            }
        }
    }
    Ok(())
}

fn played(inner: &Inner, call: &Call) -> Out {
    let reply = match inner.faults.for_call() {
        Some(Fault::Reset) => return Out::Cut(Vec::new()),
        Some(Fault::LostAnswer) => {
            api::answer(inner, call);
            return Out::Cut(Vec::new());
        }
        Some(Fault::Torn) => {
            let mut bytes = api::answer(inner, call).bytes();
            bytes.truncate(bytes.len() - 8);
            return Out::Cut(bytes);
        }
        Some(Fault::Html) => Reply::html(200, "ただいまメンテナンス中です"),
        Some(Fault::Status { code, retry_after }) => {
            let mut reply = Reply::html(code, "Error");
            reply.headers.extend(retry_after.map(|seconds| ("retry-after", seconds.to_string())));
            reply
        }
        Some(Fault::Huge(size)) => {
            let mut reply = api::answer(inner, call);
            reply.body.resize(size, b' ');
            return Out::Whole(reply.bytes());
        }
        _ => return Out::Whole(api::answer(inner, call).bytes()),
    };
    inner.store().saw(call, Vec::new());
    Out::Whole(reply.bytes())
}

/// The next call of a connection; `None` when the caller is done.
async fn next_call(stream: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<Option<Call>> {
    loop {
        if let Some((call, used)) = parse(read) {
            read.drain(..used);
            return Ok(Some(call));
        }
        if read.len() > REQUEST_MAX || stream.read_buf(read).await? == 0 {
            return Ok(None);
        }
    }
}

/// A call, if all of it is there, and how many bytes it took.
fn parse(read: &[u8]) -> Option<(Call, usize)> {
    let head_end = read.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&read[..head_end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let method = first.next()?.to_owned();
    let target = first.next()?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pair = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers: Vec<(String, String)> = lines.filter_map(pair).collect();
    let mut call = Call { method, path: path.to_owned(), query: query.to_owned(), headers, body: Vec::new() };
    let length: usize = call.header("content-length").parse().unwrap_or(0);
    let body = head_end + 4;
    call.body = read.get(body..body + length)?.to_vec();
    Some((call, body + length))
}
