//! The steps of rehearsals, and a tabletop worked out: what can be told of it before anybody talks.

use std::collections::BTreeMap;

use crate::graph::{Node, clashes, length_with_waiting};
use crate::manifest::exercise::{Exercise, Scenario, Tabletop};
use crate::wire::event::{Class, Finding, PlannedResponse, ScenarioFacts, Severity, TabletopFacts};
use crate::wire::exercise::Mode;

/// One stage of a rehearsal. Its id is fixed: consumers know it by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Parse and validate the file.
    LoadManifest,
    /// Work out paths, limits and what people miss.
    AnalyseScenarios,
    /// Talk each step through.
    WalkThrough,
    /// Look what is there, and begin to ask the service.
    Prepare,
    /// What has to hold before.
    PreChecks,
    /// Keep new work away from the first side.
    DrainTraffic,
    /// Bring the second side level.
    SyncData,
    /// Switch each component, and prove that it was.
    Switch,
    /// Prove that everything works.
    Validate,
    /// Bring back the first state.
    RollBack,
    /// Count what was lost.
    Complete,
    /// Hold what was measured against the limits.
    EnforcePolicies,
    /// List digests.
    SealEvidence,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 13] = [
        Self::LoadManifest,
        Self::AnalyseScenarios,
        Self::WalkThrough,
        Self::Prepare,
        Self::PreChecks,
        Self::DrainTraffic,
        Self::SyncData,
        Self::Switch,
        Self::Validate,
        Self::RollBack,
        Self::Complete,
        Self::EnforcePolicies,
        Self::SealEvidence,
    ];

    /// The fixed id.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::LoadManifest => "load_manifest",
            Self::AnalyseScenarios => "analyse_scenarios",
            Self::WalkThrough => "walk_through",
            Self::Prepare => "prepare",
            Self::PreChecks => "pre_checks",
            Self::DrainTraffic => "drain_traffic",
            Self::SyncData => "sync_data",
            Self::Switch => "switch",
            Self::Validate => "validate",
            Self::RollBack => "roll_back",
            Self::Complete => "complete",
            Self::EnforcePolicies => "enforce_policies",
            Self::SealEvidence => "seal_evidence",
        }
    }

    /// Whether a run with these steps is a rehearsal.
    pub fn any_of<'a>(mut steps: impl Iterator<Item = &'a str>) -> bool {
        steps.any(|step| step == Self::AnalyseScenarios.id() || step == Self::Prepare.id())
    }
}

/// The stages of a rehearsal, in order.
#[must_use]
pub fn stages(exercise: &Exercise) -> Vec<Stage> {
    let planned = |stage: &Stage| match exercise {
        Exercise::Tabletop(_) => matches!(
            stage,
            Stage::LoadManifest
                | Stage::AnalyseScenarios
                | Stage::WalkThrough
                | Stage::EnforcePolicies
                | Stage::SealEvidence
        ),
        Exercise::Failover(failover) => match stage {
            Stage::AnalyseScenarios | Stage::WalkThrough => false,
            Stage::DrainTraffic | Stage::SyncData => failover.mode == Mode::Planned,
            _ => true,
        },
    };
    Stage::ALL.into_iter().filter(planned).collect()
}

/// Works a tabletop out: paths and times, and what people miss.
#[must_use]
pub fn analysis(tabletop: &Tabletop) -> (TabletopFacts, Vec<Finding>) {
    let mut findings = Vec::new();
    let written = &tabletop.written;
    let mut holders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for person in &written.participants {
        for role in &person.roles {
            let names = holders.entry(role.as_str()).or_default();
            if !names.contains(&person.name.as_str()) {
                names.push(&person.name);
            }
        }
    }
    let scenarios = tabletop.scenarios().enumerate();
    let scenarios =
        scenarios.map(|(at, scenario)| worked_out(at, scenario, &holders, &mut findings));
    let facts = TabletopFacts {
        description: written.description.clone(),
        facilitator: written.facilitator.clone(),
        participants: written.participants.clone(),
        scheduled_at: written.scheduled_at.clone(),
        scenarios: scenarios.collect(),
    };
    (facts, findings)
}

fn worked_out(
    at: usize,
    scenario: Scenario<'_>,
    holders: &BTreeMap<&str, Vec<&str>>,
    findings: &mut Vec<Finding>,
) -> ScenarioFacts {
    let (written, table) = (scenario.written, scenario.timetable);
    let steps = &written.steps;
    let numbers: BTreeMap<&str, usize> =
        steps.iter().enumerate().map(|(at, step)| (step.id.as_str(), at)).collect();
    let number = |id: &String| numbers.get(id.as_str()).copied();
    let node = |step: &crate::wire::exercise::ResponseStep| Node {
        length: step.minutes,
        needs: step.depends_on.iter().filter_map(number).collect(),
    };
    let nodes: Vec<Node> = steps.iter().map(node).collect();
    let uses: Vec<Vec<&str>> = steps
        .iter()
        .map(|step| {
            let tools = step.tools.iter().map(String::as_str);
            std::iter::once(step.role.as_str()).chain(tools).collect()
        })
        .collect();
    let there = |what: &str| holders.get(what).map_or(1, Vec::len);
    let mut add = |id: &str, severity: Severity, index: usize, message: String| {
        findings.push(Finding {
            id: id.to_owned(),
            severity,
            message: format!("{}: {message}", written.name),
            place: format!("scenarios.{at}.steps.{index}"),
            class: (severity == Severity::Error).then_some(Class::Exercise),
        });
    };
    let mut missing: Vec<&str> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        if !holders.contains_key(step.role.as_str()) && !missing.contains(&step.role.as_str()) {
            missing.push(&step.role);
            let message = format!(
                "nobody in the room holds the role {}, which has to {}",
                step.role,
                quoted(&step.id)
            );
            add("role_not_held", Severity::Error, index, message);
        }
    }
    for clash in clashes(&nodes, table, &uses, &there) {
        let (first, second) = (quoted(&steps[clash.first].id), quoted(&steps[clash.second].id));
        let message =
            format!("{} is needed for {first} and for {second} at the same moment", clash.what);
        add("needed_twice", Severity::Warning, clash.second, message);
    }
    // Two roles of one person are one pair of hands.
    let only = |index: usize| match holders.get(steps[index].role.as_str()).map(Vec::as_slice) {
        Some([name]) => vec![*name],
        _ => Vec::new(),
    };
    let people: Vec<Vec<&str>> = (0..steps.len()).map(only).collect();
    for clash in clashes(&nodes, table, &people, &|_| 1) {
        if steps[clash.first].role != steps[clash.second].role {
            let (first, second) = (quoted(&steps[clash.first].id), quoted(&steps[clash.second].id));
            let message = format!(
                "{} alone can do {first} and {second}, which begin before the other ends",
                clash.what
            );
            add("person_needed_twice", Severity::Warning, clash.second, message);
        }
    }
    let with_waiting = length_with_waiting(&nodes, table, &uses, &there);
    let limit = written.expected_rto_minutes;
    if with_waiting > limit && table.length <= limit {
        let message = format!(
            "the critical path of {} minutes is within the limit of {limit}, but with waiting for roles and tools it takes {with_waiting} minutes",
            table.length
        );
        add("late_by_waiting", Severity::Warning, 0, message);
    }
    let id = |number: &usize| steps[*number].id.clone();
    ScenarioFacts {
        name: written.name.clone(),
        description: written.description.clone(),
        severity: written.severity,
        affected_systems: written.affected_systems.clone(),
        triggers: written.triggers.clone(),
        expected_rto_minutes: limit,
        expected_rpo_minutes: written.expected_rpo_minutes,
        estimated_data_loss_minutes: written.estimated_data_loss_minutes,
        total_minutes: table.total,
        critical_path_minutes: table.length,
        minutes_with_waiting: with_waiting,
        gap_minutes: (table.length - limit).max(0.0),
        critical_path: table.critical_path.iter().map(id).collect(),
        steps: table
            .order
            .iter()
            .map(|number| PlannedResponse {
                step: steps[*number].clone(),
                starts_after_minutes: table.starts[*number],
                critical: table.critical_path.contains(number),
            })
            .collect(),
    }
}

fn quoted(id: &str) -> String {
    format!("`{id}`")
}
