//! Controls of standards against what the evidence of drills holds: a control whose facts are missing is not
//! met, whatever the verdicts say.

use std::collections::BTreeMap;

use super::facts::all;
use crate::wire::controls::{
    Control, ControlResult, DrillLine, EvidenceStanding, Gap, Matrix, SCHEMA,
};

/// The catalogue that comes with the tool; its sources stand in `docs/controls.md`.
const CATALOGUE: &str = include_str!("../../data/controls.json");

/// Reads a catalogue; the one that comes with the tool without a text.
///
/// # Errors
/// What is wrong with it: a need that no evidence holds would never be met.
pub fn catalogue(text: Option<&str>) -> Result<Vec<Control>, String> {
    let controls: Vec<Control> =
        serde_json::from_str(text.unwrap_or(CATALOGUE)).map_err(|error| error.to_string())?;
    let known: Vec<&str> = all().map(|(name, _)| name).chain([SIGNED]).collect();
    for control in &controls {
        if control.needs.is_empty() {
            return Err(format!("{} needs nothing: it would always be met", control.id));
        }
        for need in &control.needs {
            if !known.contains(&need.as_str()) {
                return Err(format!(
                    "{} needs `{need}`, which is none of: {}",
                    control.id,
                    known.join(", ")
                ));
            }
        }
    }
    Ok(controls)
}

/// The fact that only a key can tell.
const SIGNED: &str = "signed";

/// Holds the drills of a period against controls. What does not verify counts for nothing.
#[must_use]
pub fn matrix(from: &str, to: &str, controls: Vec<Control>, mut drills: Vec<DrillLine>) -> Matrix {
    for drill in &mut drills {
        match drill.evidence {
            EvidenceStanding::Signed => drill.facts.push(SIGNED.to_owned()),
            EvidenceStanding::SignerUnknown => {}
            EvidenceStanding::NotVerified => drill.facts.clear(),
        }
    }
    let results = controls.into_iter().map(|control| {
        let mut names: BTreeMap<&str, Vec<&DrillLine>> = BTreeMap::new();
        for drill in drills.iter().filter(|drill| drill.kind == control.of) {
            names.entry(&drill.name).or_default().push(drill);
        }
        let mut gaps: Vec<Gap> =
            names.iter().filter_map(|(name, drills)| gap(&control, name, drills)).collect();
        if names.is_empty() {
            gaps.push(Gap { name: None, closest: None, missing: control.needs.clone() });
        }
        ControlResult { met: gaps.is_empty(), control, gaps }
    });
    let results = results.collect();
    Matrix {
        schema: SCHEMA.to_owned(),
        from: from.to_owned(),
        to: to.to_owned(),
        controls: results,
        drills,
    }
}

fn gap(control: &Control, name: &str, drills: &[&DrillLine]) -> Option<Gap> {
    let missing = |drill: &DrillLine| -> Vec<String> {
        control.needs.iter().filter(|need| !drill.facts.contains(need)).cloned().collect()
    };
    // The newest of those that come equally close.
    let closest = drills.iter().rev().min_by_key(|drill| missing(drill).len())?;
    let missing = missing(closest);
    (!missing.is_empty()).then(|| Gap {
        name: Some(name.to_owned()),
        closest: Some(closest.run_id.clone()),
        missing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::controls::Meets;
    use crate::wire::event::Verdict;

    fn drill(name: &str, facts: &[&str], evidence: EvidenceStanding) -> DrillLine {
        DrillLine {
            name: name.to_owned(),
            run_id: format!("{name}-run"),
            kind: Meets::Drill,
            started_at: String::new(),
            verdict: Verdict::Passed,
            evidence,
            facts: facts.iter().map(|fact| (*fact).to_owned()).collect(),
        }
    }

    fn control(needs: &[&str]) -> Vec<Control> {
        let needs = needs.iter().map(|need| (*need).to_owned()).collect();
        let of = Meets::Drill;
        vec![Control { id: "C".to_owned(), title: String::new(), asks: String::new(), of, needs }]
    }

    #[test]
    fn the_catalogue_asks_for_what_evidence_can_hold() {
        let controls = catalogue(None).unwrap();
        assert_eq!(controls.len(), 16);
        for text in [
            r#"[{"id":"x","title":"","asks":"","needs":["no_such"]}]"#,
            r#"[{"id":"x","title":"","asks":"","needs":[]}]"#,
            "{}",
        ] {
            assert!(catalogue(Some(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_rehearsal_meets_only_what_asks_for_one() {
        let drilled = drill("a", &["restored"], EvidenceStanding::Signed);
        let talked = DrillLine {
            kind: Meets::Tabletop,
            ..drill("b", &["restored"], EvidenceStanding::Signed)
        };
        let met = |of: Meets, drills: &[&DrillLine]| {
            let controls = control(&["restored"]).into_iter().map(|one| Control { of, ..one });
            matrix("", "", controls.collect(), drills.iter().map(|one| (*one).clone()).collect())
                .controls[0]
                .met
        };
        assert!(
            met(Meets::Drill, &[&drilled, &talked]) && met(Meets::Tabletop, &[&drilled, &talked])
        );
        assert!(!met(Meets::Drill, &[&talked]) && !met(Meets::Failover, &[&drilled, &talked]));
    }

    #[test]
    fn a_control_is_met_only_by_one_drill_of_each_name_that_holds_all() {
        let met = |drills: &[DrillLine]| {
            let found = matrix("", "", control(&["restored", "signed"]), drills.to_vec());
            let gaps = found.controls[0].gaps.iter().map(|gap| gap.missing.join("+"));
            (found.controls[0].met, gaps.collect::<Vec<_>>())
        };
        let (signed, unknown) = (EvidenceStanding::Signed, EvidenceStanding::SignerUnknown);
        let one = drill("a", &["restored"], signed);
        assert_eq!(met(std::slice::from_ref(&one)), (true, vec![]));
        assert_eq!(met(&[drill("a", &["restored"], unknown)]), (false, vec!["signed".to_owned()]));
        assert_eq!(met(&[]), (false, vec!["restored+signed".to_owned()]));
        // Half here and half there is not the whole, and one name does not stand for another.
        let half = [drill("a", &["restored"], unknown), drill("a", &[], signed)];
        assert!(!met(&half).0);
        assert!(!met(&[one.clone(), drill("b", &[], signed)]).0);
        let broken = drill("a", &["restored"], EvidenceStanding::NotVerified);
        assert_eq!(met(std::slice::from_ref(&broken)), (false, vec!["restored+signed".to_owned()]));
        assert!(met(&[broken, one]).0);
    }
}
