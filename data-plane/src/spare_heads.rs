//! The heads of messages that a thread is done with. Their memory is used for the next ones, so that a request needs
//! none of its own and an idle connection owns none.

use std::cell::RefCell;

use tidegate_http1::{Fields, RequestHead, RequestScanner, ResponseHead, ResponseScanner};

/// The most heads of each kind that a thread keeps: few requests are running at once, compared with those that wait.
const MAX_SPARE: usize = 32;
/// The largest memory of a head that is kept, in bytes.
const MAX_MEMORY: usize = 16 * 1024;

thread_local! {
    static REQUESTS: RefCell<Vec<RequestHead>> = const { RefCell::new(Vec::new()) };
    static RESPONSES: RefCell<Vec<ResponseHead>> = const { RefCell::new(Vec::new()) };
}

/// Keeps the memory of a request's head.
pub(crate) fn keep_request(head: RequestHead) {
    if is_worth_keeping(&head.fields) {
        // While the thread ends, there may be no list left: the head is freed.
        let _ = REQUESTS.try_with(|spare| keep(&mut spare.borrow_mut(), head));
    }
}

/// Keeps the memory of a response's head.
pub(crate) fn keep_response(head: ResponseHead) {
    if is_worth_keeping(&head.fields) {
        let _ = RESPONSES.try_with(|spare| keep(&mut spare.borrow_mut(), head));
    }
}

/// Gives a scanner memory for the head that begins.
pub(crate) fn lend_to_requests(scanner: &mut RequestScanner) {
    if scanner.is_between_heads()
        && let Some(head) = REQUESTS.with_borrow_mut(Vec::pop)
    {
        scanner.recycle(head);
    }
}

/// Gives a scanner memory for the head that begins.
pub(crate) fn lend_to_responses(scanner: &mut ResponseScanner) {
    if scanner.is_between_heads()
        && let Some(head) = RESPONSES.with_borrow_mut(Vec::pop)
    {
        scanner.recycle(head);
    }
}

fn is_worth_keeping(fields: &Fields) -> bool {
    (1..=MAX_MEMORY).contains(&fields.capacity())
}

fn keep<T>(spare: &mut Vec<T>, head: T) {
    if spare.len() < MAX_SPARE {
        spare.push(head);
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, StatusCode};
    use tidegate_http1::{Known, Limits};

    use super::*;

    #[test]
    fn the_memory_of_a_head_is_that_of_the_next() {
        let mut head = RequestHead::new(Method::GET, "/").unwrap();
        head.fields.append(Known::Cookie, &[b'x'; 5000]);
        let capacity = head.fields.capacity();
        keep_request(head);
        keep_request(RequestHead::default());
        let mut scanner = RequestScanner::new(Limits { max_body: 0, is_host: |_| false });
        lend_to_requests(&mut scanner);
        let (head, _) = scanner.scan(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().unwrap();
        assert!(head.fields.capacity() >= capacity);
        for size in [1000, MAX_MEMORY] {
            let mut head = ResponseHead::new(StatusCode::OK);
            head.fields.append(Known::SetCookie, &vec![b'x'; size]);
            keep_response(head);
            assert_eq!(RESPONSES.with_borrow(Vec::len), 1, "large heads are not kept");
        }
    }
}
