//! Custom error pages: the mapping from status codes to fetched pages.

use std::collections::HashMap;

use tidegate_shared::snapshot::{ErrorPage, ErrorPages};

use super::resources::given;
use crate::arm::gateway::{CustomError, CustomErrorStatus};
use crate::arm::page::{MAX_ALL, MAX_PAGES, PageError, Pages, locate};
use crate::violation::{Violations, code};

/// The pages of a gateway and its listeners, without duplicates.
pub(super) struct Collected<'a> {
    known: &'a Pages,
    pages: Vec<ErrorPage>,
    by_url: HashMap<String, usize>,
    /// The total size of the pages.
    bytes: usize,
}

impl<'a> Collected<'a> {
    /// Starts without pages. `known` holds the results of fetching.
    pub(super) fn new(known: &'a Pages) -> Collected<'a> {
        Collected { known, pages: Vec::new(), by_url: HashMap::new(), bytes: 0 }
    }

    /// Adds the pages of a list, which is at the JSON path `target`. Returns the index of the page for each
    /// status code.
    pub(super) fn add(
        &mut self,
        configurations: &[CustomError],
        target: &str,
        violations: &mut Violations,
    ) -> ErrorPages {
        let mut by_status = ErrorPages::new();
        let mut seen = Vec::new();
        for (i, configuration) in configurations.iter().enumerate() {
            let at = |property: &str| format!("{target}[{i}].{property}");
            let page = self.page(configuration, &at("customErrorPageUrl"), violations);
            match configuration.status_code {
                None => {
                    let message = "An error page must have a statusCode.";
                    violations.push(code::ERROR_PAGE_STATUS, at("statusCode"), message);
                }
                Some(status) if seen.contains(&status) => {
                    let message = format!("There are two pages for {status:?}. Only one is allowed.");
                    violations.push(code::ERROR_PAGE_STATUS, at("statusCode"), message);
                }
                Some(status) => {
                    seen.push(status);
                    by_status.extend(page.map(|page| (number(status), page)));
                }
            }
        }
        by_status
    }

    /// Returns the index of a page. A page that was not fetched is omitted without a violation.
    fn page(&mut self, wanted: &CustomError, target: &str, violations: &mut Violations) -> Option<usize> {
        let Some(url) = given(wanted.custom_error_page_url.as_ref()) else {
            violations.push(code::ERROR_PAGE_URL, target, "An error page must have a customErrorPageUrl.");
            return None;
        };
        if let Err(error) = locate(url) {
            violations.push(code::ERROR_PAGE_URL, target, format!("{error}."));
            return None;
        }
        if let Some(index) = self.by_url.get(url) {
            return Some(*index);
        }
        if self.pages.len() == MAX_PAGES {
            let message = format!("A gateway may have at most {MAX_PAGES} different pages.");
            violations.push(code::limit::ERROR_PAGES, target, message);
            return None;
        }
        let page = match self.known.get(url)? {
            // Pages that were fetched for separate writes are summed up only here.
            Ok(page) if self.bytes + page.body.len() > MAX_ALL => Err(&PageError::TooMuch),
            found => found.as_ref(),
        };
        match page {
            Ok(page) => {
                self.bytes += page.body.len();
                self.pages
                    .push(ErrorPage { content_type: page.content_type.clone(), body: page.body.to_vec() });
                self.by_url.insert(url.to_owned(), self.pages.len() - 1);
                Some(self.pages.len() - 1)
            }
            Err(error) => {
                violations.push(code::ERROR_PAGE_UNAVAILABLE, target, format!("{error}."));
                None
            }
        }
    }

    /// Returns all pages.
    pub(super) fn into_pages(self) -> Vec<ErrorPage> {
        self.pages
    }
}

fn number(status: CustomErrorStatus) -> u16 {
    match status {
        CustomErrorStatus::HttpStatus400 => 400,
        CustomErrorStatus::HttpStatus403 => 403,
        CustomErrorStatus::HttpStatus404 => 404,
        CustomErrorStatus::HttpStatus405 => 405,
        CustomErrorStatus::HttpStatus408 => 408,
        CustomErrorStatus::HttpStatus500 => 500,
        CustomErrorStatus::HttpStatus502 => 502,
        CustomErrorStatus::HttpStatus503 => 503,
        CustomErrorStatus::HttpStatus504 => 504,
    }
}
