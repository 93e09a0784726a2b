//! Files of rehearsals, in JSON and in YAML, and what is worked out of them.
#![no_main]

use dr_drill::document::{Document, Syntax};
use dr_drill::manifest::exercise::Exercise;
use dr_drill::plan::exercise::analysis;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for syntax in [Syntax::Json, Syntax::Yaml] {
        if let Ok(document) = Document::read(bytes, syntax)
            && let Ok(Exercise::Tabletop(tabletop)) = Exercise::parse(&document)
        {
            let _ = analysis(&tabletop);
        }
    }
});
