//! The results of fetching from various servers.

use bytes::Bytes;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Starts a server that sends the same bytes to each request and closes. Returns its URL.
async fn server(answer: Vec<u8>) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => head.push(byte),
                    Err(_) => break,
                }
            }
            // The client may have closed already.
            let _ = stream.write_all(&answer).await;
        }
    });
    (format!("http://{address}"), tasks)
}

/// A fetcher that may connect to the servers of these tests, which are on loopback.
fn fetcher() -> Fetcher {
    Fetcher::new("none".parse().unwrap())
}

async fn fetch_from(fetcher: &Fetcher, urls: &[String]) -> Pages {
    fetch_for("client", fetcher, urls).await
}

async fn fetch_for(client: &str, fetcher: &Fetcher, urls: &[String]) -> Pages {
    let pages: Vec<Value> = urls.iter().map(|url| json!({ "customErrorPageUrl": url })).collect();
    fetcher.fetch(&json!({ "properties": { "customErrorConfigurations": pages } }), &client.to_owned()).await
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn a_page_is_what_its_server_says_or_a_cause_that_a_person_can_act_on() {
    let page = |content_type: &str, body: &[u8]| {
        Ok(Page { content_type: content_type.to_owned(), body: Bytes::copy_from_slice(body) })
    };
    let largest = vec![b'x'; MAX_PAGE - 1];
    let too_large = vec![b'x'; MAX_PAGE];
    let cases = [
        (
            answer("200 OK", "Content-Type: text/html; charset=utf-8\r\n", b"sorry"),
            page("text/html; charset=utf-8", b"sorry"),
        ),
        (answer("200 OK", "Content-Type: application/javascript\r\n", b"sorry"), page(HTML, b"sorry")),
        (answer("200 OK", "", b""), page(HTML, b"")),
        (answer("200 OK", "", &largest), page(HTML, &largest)),
        (answer("200 OK", "", &too_large), Err(PageError::TooLarge)),
        (
            [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", &too_large[..]].concat(),
            Err(PageError::TooLarge),
        ),
        (answer("404 Not Found", "", b"none"), Err(PageError::Status(404))),
        (answer("302 Found", "Location: http://a.test/a.html\r\n", b""), Err(PageError::Status(302))),
        (answer("200 OK", "Content-Encoding: gzip\r\n", b"\x1f\x8b"), Err(PageError::Encoded)),
    ];
    for (answer, expected) in cases {
        let said = String::from_utf8_lossy(&answer[..60.min(answer.len())]).into_owned();
        let (server, _tasks) = server(answer).await;
        let url = format!("{server}/a.html?sig=secret");
        let pages = fetch_from(&fetcher(), std::slice::from_ref(&url)).await;
        assert_eq!(pages.get(&url), Some(&expected), "{said}");
    }
}

#[tokio::test]
async fn what_is_no_http_server_is_not_told_from_what_is_nothing_at_all() {
    let nobody = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    let mut urls = vec![format!("http://{nobody}/a.html"), "http://name.invalid/a.html".to_owned()];
    let mut servers = Vec::new();
    for answer in [&b"nonsense\r\n\r\n"[..], b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"] {
        let (server, tasks) = server(answer.to_vec()).await;
        urls.push(format!("{server}/a.html?sig=secret"));
        servers.push(tasks);
    }
    let plain = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    urls.push(format!("https://{}/a.html", plain.local_addr().unwrap()));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let pages = fetch_from(&fetcher(), &urls).await;
    for url in urls {
        assert_eq!(pages.get(&url), Some(&Err(PageError::Unreachable)), "{url}");
    }
}

#[tokio::test]
async fn nothing_is_fetched_from_an_address_that_is_refused_however_it_is_written() {
    let (server, _tasks) = server(answer("200 OK", "", b"secret")).await;
    let port = server.rsplit(':').next().unwrap();
    let hosts = ["127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"];
    let urls: Vec<String> = hosts
        .iter()
        .map(|host| format!("http://{host}:{port}/a.html"))
        .chain(["http://169.254.169.254/a.html".to_owned()])
        .collect();
    let pages = fetch_from(&Fetcher::new(FetchDeny::default()), &urls).await;
    for url in &urls {
        assert_eq!(pages.get(url), Some(&Err(PageError::Denied)), "{url}");
    }
    let pages = fetch_from(&fetcher(), &urls[..2]).await;
    assert!(pages.get(&urls[0]).unwrap().is_ok(), "{pages:?}");
}

#[tokio::test]
async fn nobody_waits_for_a_silent_server() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/a.html", listener.local_addr().unwrap());
    let fetcher = Fetcher { deadline: Duration::from_millis(50), ..fetcher() };
    let pages = fetch_from(&fetcher, std::slice::from_ref(&url)).await;
    assert_eq!(pages.get(&url), Some(&Err(PageError::TooSlow(0))));
}

#[tokio::test]
async fn the_time_of_a_body_begins_with_its_turn() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (server, _tasks) = server(answer("200 OK", "", b"sorry")).await;
    let urls = [format!("http://{}/a.html", silent.local_addr().unwrap()), format!("{server}/a.html")];
    // The first body holds the only turn until its time limit.
    let turns = FairShare::new(Bounds { total: 1, each: 1, waiting: 1 });
    let fetcher = Fetcher { turns, deadline: Duration::from_secs(1), ..fetcher() };
    let (first, second) = tokio::join!(fetch_from(&fetcher, &urls[..1]), fetch_from(&fetcher, &urls[1..]));
    assert_eq!(first.get(&urls[0]), Some(&Err(PageError::TooSlow(1))));
    assert!(second.get(&urls[1]).unwrap().is_ok(), "{second:?}");
}

#[tokio::test]
async fn pages_are_bounded_in_number_and_in_all() {
    let (server, _tasks) = server(answer("200 OK", "", &vec![b'x'; MAX_PAGE - 1])).await;
    let urls: Vec<String> = (0..=MAX_PAGES).map(|i| format!("{server}/{i:03}.html")).collect();
    let pages = fetch_from(&fetcher(), &urls).await;
    let count =
        |wanted: &PageError| urls.iter().filter(|url| pages.get(url) == Some(&Err(wanted.clone()))).count();
    assert_eq!(pages.found().count(), MAX_ALL / (MAX_PAGE - 1));
    assert_eq!(count(&PageError::TooMany), 1);
    assert_eq!(count(&PageError::TooMuch), MAX_PAGES - MAX_ALL / (MAX_PAGE - 1));
}

#[tokio::test]
async fn what_is_no_page_is_not_asked_for() {
    let urls = ["ftp://a.test/a.html", "http://a.test/"].map(str::to_owned);
    let pages = fetch_from(&fetcher(), &urls).await;
    assert_eq!(pages.get(&urls[0]), Some(&Err(PageError::Url)));
    assert_eq!(pages.get(&urls[1]), Some(&Err(PageError::Name)));
}

#[tokio::test]
async fn a_client_whose_servers_are_silent_does_not_keep_others_waiting_and_may_not_queue_for_ever() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (server, _tasks) = server(answer("200 OK", "", b"sorry")).await;
    let silent = [format!("http://{}/a.html", silent.local_addr().unwrap())];
    let good = [format!("{server}/a.html")];
    let turns = FairShare::new(Bounds { total: 2, each: 1, waiting: 1 });
    let fetcher = Fetcher { turns, ..fetcher() };
    let one = || fetch_for("one", &fetcher, &silent);
    tokio::select! {
        biased;
        _ = async { tokio::join!(one(), one()) } => panic!("its server is silent"),
        pages = async {
            assert_eq!(one().await.get(&silent[0]), Some(&Err(PageError::Busy)));
            fetch_for("another", &fetcher, &good).await
        } => assert!(pages.get(&good[0]).unwrap().is_ok(), "{pages:?}"),
    }
}
