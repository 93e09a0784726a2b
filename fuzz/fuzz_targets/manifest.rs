//! Manifests, in JSON and in YAML.
#![no_main]

use dr_drill::document::{Document, Syntax};
use dr_drill::manifest::parse;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for syntax in [Syntax::Json, Syntax::Yaml] {
        if let Ok(document) = Document::read(bytes, syntax) {
            let _ = parse(&document);
        }
    }
});
