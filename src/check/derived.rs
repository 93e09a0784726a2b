//! Checks that follow from a baseline: whatever it holds is asked for.

use crate::target::Target;
use crate::wire::baseline::Baseline;
use crate::wire::manifest::Check;

/// The checks that `auto` stands for.
#[must_use]
pub fn derived(target: Target<'_>, baseline: &Baseline) -> Vec<Check> {
    let content = Check::Content { tables: Vec::new(), tolerance_percent: None, critical: None };
    let settled = baseline.tables.values().any(|table| !table.changing);
    let of_keys = matches!(target, Target::Keys(_));
    let has = |kind: &str| baseline.objects.keys().any(|name| name.starts_with(kind));
    // Those that belong to no column have no definition, and are not looked at.
    let fills_column = |(name, definition): (&String, &Option<String>)| {
        name.starts_with("sequence ") && definition.is_some()
    };
    let candidates = [
        (!of_keys, Check::Structure { critical: None }),
        (settled, content),
        (of_keys, Check::ReadWrite { critical: None }),
        (has("foreign key "), Check::ForeignKeys { critical: None }),
        (has("index "), Check::Indexes { critical: None }),
        (has("primary key "), Check::PrimaryKeys { critical: None }),
        (baseline.objects.iter().any(fills_column), Check::Sequences { critical: None }),
    ];
    candidates.into_iter().filter(|(fits, _)| *fits).map(|(_, check)| check).collect()
}
