//! https that cannot be trusted, and https that is none.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use banto_channel::{ErrorKind, Http, Method, Request, Secret};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

use crate::secrets::Memory;
use crate::server::{Server, reply};
use crate::{config, get, wire};

/// Made for this test alone, for the name `localhost` and the address 127.0.0.1; nobody trusts it.
const CERTIFICATE: &[u8] = include_bytes!("../fixtures/self-signed.crt.der");
const KEY: &[u8] = include_bytes!("../fixtures/self-signed.key.der");

/// Serves TLS with the certificate above and counts what it could read of requests.
fn secure_server(connections: usize) -> (String, thread::JoinHandle<usize>) {
    let key = PrivateKeyDer::try_from(KEY).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(CERTIFICATE)], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let served = thread::spawn(move || {
        let mut read = 0;
        for _ in 0..connections {
            let (mut socket, _) = listener.accept().unwrap();
            let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = Stream::new(&mut connection, &mut socket);
            read += stream.read(&mut [0; 1024]).unwrap_or(0);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok();
        }
        read
    });
    (url, served)
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_sent() {
    let (url, served) = secure_server(1);
    let wire = wire(config());
    let call = Request::new(Method::Get, url).secret_header("authorization", Secret::new("Bearer tok_123"));
    let error = wire.send(call).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert!(error.message.contains("the certificate of 127.0.0.1:"), "{error}");
    assert!(error.message.contains("issuer is not known"), "{error}");
    assert_eq!(wire.stats().retries, 0, "it would come back the same");
    assert_eq!(served.join().unwrap(), 0, "bytes of a request were sent");
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_told_from_one_that_is_away() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let served = thread::spawn(move || {
        for _ in 0..3 {
            let (mut socket, _) = listener.accept().unwrap();
            _ = socket.read(&mut [0; 1024]);
            socket.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").unwrap();
        }
    });
    let error = wire(config()).send(Request::new(Method::Get, url)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert!(error.message.contains("no secure connection to 127.0.0.1:"), "{error}");
    served.join().unwrap();
}

/// Set by the next test in the child process that it starts, where no CA certificate is to be found.
const CHILD: &str = "BANTO_TEST_WITHOUT_CA";

/// The child of the next test; alone it has nothing to show.
#[tokio::test]
async fn without_ca_certificates() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let log = Memory::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).finish();
    let made = tracing::subscriber::with_default(subscriber, || wire(config()));
    assert!(log.text().contains("install the package ca-certificates"), "{}", log.text());
    let server = Server::start(vec![reply(200, &[], b"")]).await;
    assert_eq!(made.send(get(&server)).await.unwrap().status, 200);
}

#[test]
fn a_machine_without_ca_certificates_still_serves_plain_http() {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tls::without_ca_certificates"])
        .envs([("SSL_CERT_FILE", "/dev/null"), ("SSL_CERT_DIR", "/dev/null"), (CHILD, "1")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}
