//! Identifiers of components: whether a text is what it says that it is.

use std::str::FromStr as _;

use packageurl::PackageUrl;

/// Parts of a formatted CPE 2.3, the two of its head among them (NISTIR 7695).
const CPE_PARTS: usize = 13;
/// Most parts of a CPE 2.2 URI after its head.
const CPE_URI_PARTS: usize = 7;

/// Whether a text is a package URL (ECMA-427).
pub(super) fn is_package_url(text: &str) -> bool {
    PackageUrl::from_str(text).is_ok()
}

/// Whether a text is a CPE: a formatted string of 2.3, or a URI of 2.2.
pub(super) fn is_cpe(text: &str) -> bool {
    if let Some(parts) = text.strip_prefix("cpe:/") {
        return parts.starts_with(['a', 'o', 'h']) && parts.split(':').count() <= CPE_URI_PARTS;
    }
    // A colon that belongs to a part is escaped.
    let parts: Vec<&str> = text.split(':').collect();
    let escaped = parts.iter().filter(|part| part.ends_with('\\')).count();
    let kind = parts.get(2).is_some_and(|part| ["a", "o", "h", "*", "-"].contains(part));
    text.starts_with("cpe:2.3:") && kind && parts.len() - escaped == CPE_PARTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_urls_and_cpes_are_told_from_what_is_none() {
        for right in ["pkg:cargo/serde@1.0.0", "pkg:deb/debian/curl@7.50.3-1?arch=i386#a/b"] {
            assert!(is_package_url(right), "{right}");
        }
        for wrong in ["serde@1.0.0", "pkg:cargo", "pkg:/serde", "http://example.org/x", ""] {
            assert!(!is_package_url(wrong), "{wrong}");
        }
        for right in
            ["cpe:2.3:a:v:p:1:*:*:*:*:*:*:*", "cpe:2.3:a:v:p\\:q:1:*:*:*:*:*:*:*", "cpe:/a:v:p:1"]
        {
            assert!(is_cpe(right), "{right}");
        }
        for wrong in ["cpe:2.3:a:v:p", "cpe:2.3:x:v:p:1:*:*:*:*:*:*:*", "cpe:/x:v", "a:v:p", ""] {
            assert!(!is_cpe(wrong), "{wrong}");
        }
    }
}
