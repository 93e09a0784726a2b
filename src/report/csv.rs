//! CSV: the figures of one drill as a header and a line.

use std::io::{self, Write};

use super::Renderer;
use super::measures::{Measures, csv};
use crate::wire::report::Report;

#[derive(Debug)]
pub(super) struct Csv;

impl Renderer for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn render(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(csv(&[Measures::from(report)]).as_bytes())
    }
}
