//! OpenMetrics: the figures of one drill for a textfile collector or a Pushgateway.

use std::io::{self, Write};

use super::Renderer;
use super::measures::{Measures, exposition, families};
use crate::wire::report::Report;

#[derive(Debug)]
pub(super) struct OpenMetrics;

impl Renderer for OpenMetrics {
    fn name(&self) -> &'static str {
        "openmetrics"
    }

    fn render(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(exposition(&families(&[Measures::from(report)])).as_bytes())
    }
}
