//! A web server with fixed contents.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Answers requests with the content of their path, or with 404. Each connection carries one request.
#[derive(Debug)]
pub struct FileServer {
    address: SocketAddr,
    targets: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl FileServer {
    /// Starts with these contents by path.
    pub async fn start(files: &[(&str, String)]) -> FileServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let files: HashMap<String, String> =
            files.iter().map(|(path, content)| ((*path).to_owned(), content.clone())).collect();
        let (files, targets) = (Arc::new(files), Arc::new(Mutex::default()));
        let (mut tasks, seen) = (JoinSet::new(), Arc::clone(&targets));
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(answer(stream, files.clone(), seen.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        FileServer { address, targets, _tasks: tasks }
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The targets of all requests so far, in order.
    pub fn targets(&self) -> Vec<String> {
        self.targets.lock().expect("no task panics with the lock").clone()
    }
}

async fn answer(
    mut stream: TcpStream,
    files: Arc<HashMap<String, String>>,
    targets: Arc<Mutex<Vec<String>>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let content = files.get(target.split('?').next().unwrap_or_default());
    targets.lock().expect("no task panics with the lock").push(target);
    let (status, content) = content.map_or(("404 Not Found", ""), |content| ("200 OK", content.as_str()));
    let length = content.len();
    let response =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{content}");
    // The client may have left.
    let _ = stream.write_all(response.as_bytes()).await;
}
