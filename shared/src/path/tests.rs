//! Tests of canonical paths, by tables and by generated spellings.

use super::*;

fn form(path: &str) -> (String, bool) {
    let canonical = CanonicalPath::of(path);
    (String::from_utf8_lossy(canonical.as_bytes()).into_owned(), canonical.has_dot_segments())
}

#[test]
fn spellings_of_one_path_have_one_form() {
    for (path, expected, dots) in [
        ("/admin/", "/admin/", false),
        ("/ADMIN/x", "/admin/x", false),
        ("/%61dmin/", "/admin/", false),
        ("//admin//x/", "/admin/x/", false),
        ("/\\admin\\x", "/admin/x", false),
        ("/a%2Fb%5cc", "/a/b/c", false),
        ("/a%2f%2F/b", "/a/b", false),
        ("/%2561dmin/", "/%61dmin/", false),
        ("/a%zz%4", "/a%zz%4", false),
        ("/admin;x/", "/admin;x/", false),
        ("/.well-known/a", "/.well-known/a", false),
        ("/..a/.b./...", "/..a/.b./...", false),
        ("/caf\u{e9}", "/caf\u{e9}", false),
        ("*", "*", false),
        ("", "", false),
        ("/", "/", false),
        ("/x/../admin/", "/admin/", true),
        ("/./admin/", "/admin/", true),
        ("/%2e/admin/", "/admin/", true),
        ("/x/%2e%2E/admin/", "/admin/", true),
        ("/x/.%2e\\admin/", "/admin/", true),
        ("/x/..%2fadmin", "/admin", true),
        ("/x/..;a/admin", "/admin", true),
        ("/a/b/..", "/a/", true),
        ("/a/b/.", "/a/b/", true),
        ("/../../a", "/a", true),
        ("/..", "/", true),
        ("/a//../b", "/b", true),
    ] {
        assert_eq!(form(path), (expected.to_owned(), dots), "{path}");
        assert_eq!(has_dot_segments(path), dots, "{path}");
    }
}

#[test]
fn a_usual_path_is_not_copied() {
    for (path, borrowed) in [("/a/b.c/.well-known/x-1_2~3", true), ("/", true), ("/A", false), ("//", false)]
    {
        assert_eq!(matches!(CanonicalPath::of(path).bytes, Cow::Borrowed(_)), borrowed, "{path}");
    }
}

/// Writes a canonical path in another spelling that common backends resolve to the same path.
fn respell(path: &str, random: &mut fastrand::Rng) -> String {
    let mut spelt = String::new();
    for (at, letter) in path.char_indices() {
        let byte = u8::try_from(letter).expect("the paths of this test are ASCII");
        match (byte, random.u8(0..5)) {
            (b'/', 0) => spelt.push_str("//"),
            (b'/', 1) if at > 0 => spelt.push('\\'),
            (b'/', 2) if at > 0 => spelt.push_str("%2f"),
            (b'/', 3) => spelt.push_str("/%5C"),
            (b'/', _) => spelt.push('/'),
            (_, 0) => spelt.push(letter.to_ascii_uppercase()),
            (_, 1) => spelt.push_str(&format!("%{byte:02x}")),
            (_, 2) => spelt.push_str(&format!("%{:02X}", byte.to_ascii_uppercase())),
            _ => spelt.push(letter),
        }
    }
    spelt
}

#[test]
fn a_pattern_matches_each_spelling_that_backends_resolve_to_its_path() {
    let mut random = fastrand::Rng::with_seed(9);
    for pattern in ["/admin", "/admin/", "/admin/*", "/a.b/c-d/*", "/a*", "/~x/.y/z"] {
        let pattern = PathPattern::parse(pattern).unwrap();
        let path = String::from_utf8(pattern.literal().to_vec()).unwrap();
        for _ in 0..500 {
            let spelt = respell(&path, &mut random);
            let canonical = CanonicalPath::of(&spelt);
            assert_eq!(canonical.as_bytes(), pattern.literal(), "{spelt}");
            assert!(!canonical.has_dot_segments(), "{spelt}");
            assert_eq!(after(&format!("{spelt}x%2fY"), pattern.literal()), Some("x%2fY"), "{spelt}");
            // A dot segment between any two slashes is detected.
            let dots = ["/./", "/%2e/", "/x/../", "/x/%2E./", "/.;p/", "\\.\\"];
            let whole = spelt.replacen('/', dots[random.usize(..dots.len())], 1);
            assert!(CanonicalPath::of(&format!("/{whole}")).has_dot_segments(), "{whole}");
        }
    }
}

#[test]
fn the_rest_begins_where_the_spelling_of_the_literal_ends() {
    for (path, literal, expected) in [
        ("/a/b", "/a/", Some("b")),
        ("/a//b", "/a/", Some("b")),
        ("/A%2f\\b", "/a/", Some("b")),
        ("/a", "/a", Some("")),
        ("/a//b", "/a", Some("//b")),
        ("/b", "/a", None),
        ("/a", "/a/", None),
        ("*", "/a", None),
    ] {
        assert_eq!(after(path, literal.as_bytes()), expected, "{path} {literal}");
    }
}

#[test]
fn a_configured_path_has_a_canonical_form_of_its_own() {
    for good in [
        "/a",
        "/images/*",
        "/images*",
        "/images/",
        "/*",
        "/a%2Fb",
        "/\u{e4}",
        "/.*",
        "/a/..*",
        "/a;b",
        "/a%25",
    ] {
        let pattern = PathPattern::parse(good).unwrap();
        assert_eq!(pattern.to_string(), good);
        assert_eq!(serde_json::from_value::<PathPattern>(good.into()).unwrap(), pattern);
    }
    for (bad, expected) in [
        ("", PathError::Relative),
        ("a", PathError::Relative),
        ("*", PathError::Relative),
        ("/images/*.jpg", PathError::Wildcard),
        ("/a**", PathError::Wildcard),
        ("/a?b", PathError::Query),
        ("/a#b", PathError::Query),
        ("/a\nb", PathError::Control),
        ("/a\\b", PathError::Backslash),
        ("/a%5Cb*", PathError::Backslash),
        ("//a", PathError::EmptySegment),
        ("/a//*", PathError::EmptySegment),
        ("/a%2F/b", PathError::EmptySegment),
        ("/./a", PathError::DotSegment),
        ("/a/..", PathError::DotSegment),
        ("/a/%2e%2E/*", PathError::DotSegment),
        ("/a/..;x/b", PathError::DotSegment),
    ] {
        assert_eq!(PathPattern::parse(bad), Err(expected), "{bad}");
    }
    assert_eq!(check("/override/"), Ok(()));
    assert_eq!(check("/a/../b"), Err(PathError::DotSegment));
}
