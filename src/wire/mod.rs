//! The serialised forms of everything that is read from or written for others, versioned by module.
//!
//! Within a version fields are only added. The schemas in `schemas/` are generated from these types
//! and compared with them in a test.

pub mod alerts;
pub mod answer;
pub mod attestation;
pub mod baseline;
pub mod controls;
pub mod event;
pub mod exercise;
pub mod fleet;
pub mod history;
pub mod manifest;
pub mod metrics;
pub mod report;
pub mod schedule;
pub mod slot;
pub mod storage;
pub mod team;

/// Name, file name and text of every schema, as `dr-drill schema NAME` prints it.
pub const SCHEMAS: [(&str, &str, &str); 27] = [
    ("manifest", "manifest.v1.schema.json", include_str!("../../schemas/manifest.v1.schema.json")),
    ("event", "event.v1.schema.json", include_str!("../../schemas/event.v1.schema.json")),
    ("report", "report.v2.schema.json", include_str!("../../schemas/report.v2.schema.json")),
    ("metrics", "metrics.v1.schema.json", include_str!("../../schemas/metrics.v1.schema.json")),
    (
        "verification",
        "verification.v1.schema.json",
        include_str!("../../schemas/verification.v1.schema.json"),
    ),
    (
        "manifest-check",
        "manifest-check.v1.schema.json",
        include_str!("../../schemas/manifest-check.v1.schema.json"),
    ),
    (
        "attestation",
        "attestation.v1.schema.json",
        include_str!("../../schemas/attestation.v1.schema.json"),
    ),
    ("baseline", "baseline.v1.schema.json", include_str!("../../schemas/baseline.v1.schema.json")),
    ("check", "check.v1.schema.json", include_str!("../../schemas/check.v1.schema.json")),
    ("plan", "plan.v1.schema.json", include_str!("../../schemas/plan.v1.schema.json")),
    ("sign-off", "sign-off.v1.schema.json", include_str!("../../schemas/sign-off.v1.schema.json")),
    (
        "checkpoint",
        "checkpoint.v1.schema.json",
        include_str!("../../schemas/checkpoint.v1.schema.json"),
    ),
    ("heads", "heads.v1.schema.json", include_str!("../../schemas/heads.v1.schema.json")),
    ("history", "history.v1.schema.json", include_str!("../../schemas/history.v1.schema.json")),
    ("trend", "trend.v1.schema.json", include_str!("../../schemas/trend.v1.schema.json")),
    (
        "history-verification",
        "history-verification.v1.schema.json",
        include_str!("../../schemas/history-verification.v1.schema.json"),
    ),
    ("controls", "controls.v1.schema.json", include_str!("../../schemas/controls.v1.schema.json")),
    ("fleet", "fleet.v1.schema.json", include_str!("../../schemas/fleet.v1.schema.json")),
    ("notice", "notice.v1.schema.json", include_str!("../../schemas/notice.v1.schema.json")),
    ("slot", "slot.v1.schema.json", include_str!("../../schemas/slot.v1.schema.json")),
    ("schedule", "schedule.v1.schema.json", include_str!("../../schemas/schedule.v1.schema.json")),
    ("matrix", "matrix.v1.schema.json", include_str!("../../schemas/matrix.v1.schema.json")),
    (
        "simulation",
        "simulation.v1.schema.json",
        include_str!("../../schemas/simulation.v1.schema.json"),
    ),
    ("tabletop", "tabletop.v1.schema.json", include_str!("../../schemas/tabletop.v1.schema.json")),
    ("failover", "failover.v1.schema.json", include_str!("../../schemas/failover.v1.schema.json")),
    (
        "tabletop-check",
        "tabletop-check.v1.schema.json",
        include_str!("../../schemas/tabletop-check.v1.schema.json"),
    ),
    ("parts", "parts.v1.schema.json", include_str!("../../schemas/parts.v1.schema.json")),
];

/// The text of the schema with this name.
#[must_use]
pub fn schema(name: &str) -> Option<&'static str> {
    SCHEMAS.iter().find(|(known, _, _)| *known == name).map(|(_, _, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the draft that the SBOM schemas are written in: its own schema is compiled once for all.
    fn draft_07<T: schemars::JsonSchema>() -> schemars::Schema {
        schemars::generate::SchemaSettings::draft07().into_generator().into_root_schema_for::<T>()
    }

    /// `UPDATE_SCHEMAS=1 cargo test schemas_are` rewrites the files.
    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "a test reads the variable that updates the files"
    )]
    fn schemas_are_those_of_the_types() {
        let generated = [
            draft_07::<manifest::Manifest>(),
            draft_07::<event::Event>(),
            draft_07::<report::Report>(),
            draft_07::<metrics::Metrics>(),
            draft_07::<answer::Verification>(),
            draft_07::<answer::ManifestCheck>(),
            draft_07::<attestation::Drill>(),
            draft_07::<baseline::Baseline>(),
            draft_07::<answer::Check>(),
            draft_07::<answer::Plan>(),
            draft_07::<attestation::SignOff>(),
            draft_07::<attestation::Checkpoint>(),
            draft_07::<history::Heads>(),
            draft_07::<history::List>(),
            draft_07::<history::Trend>(),
            draft_07::<history::Audit>(),
            draft_07::<controls::Matrix>(),
            draft_07::<fleet::Fleet>(),
            draft_07::<alerts::Notices>(),
            draft_07::<slot::SlotRecord>(),
            draft_07::<schedule::Calendar>(),
            draft_07::<schedule::MatrixPlan>(),
            draft_07::<schedule::Simulation>(),
            draft_07::<exercise::Tabletop>(),
            draft_07::<exercise::Failover>(),
            draft_07::<answer::TabletopCheck>(),
            draft_07::<storage::PartList>(),
        ];
        for ((_, file, text), schema) in SCHEMAS.iter().zip(generated) {
            let wanted = serde_json::to_string_pretty(&schema).unwrap() + "\n";
            if std::env::var_os("UPDATE_SCHEMAS").is_some() {
                std::fs::write(format!("schemas/{file}"), wanted).unwrap();
            } else {
                assert_eq!(
                    *text, wanted,
                    "schemas/{file}: run UPDATE_SCHEMAS=1 cargo test schemas_are"
                );
            }
        }
    }
}
