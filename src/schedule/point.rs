//! Which of several backups is drilled: a pure choice that everyone can make again.

use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::wire::fleet::{Choice, RestorePoint};
use crate::wire::slot::PointFacts;

/// Chooses among backups by when they were captured, for the slot of a drill: its place in the list, and how it
/// was chosen; `None` if none is young enough.
#[must_use]
pub fn choose(
    captured: &[Timestamp],
    rule: Option<&RestorePoint>,
    drill: &str,
    due: Timestamp,
) -> Option<(usize, PointFacts)> {
    let choice = rule.map(|rule| rule.choose).unwrap_or_default();
    let since = rule.and_then(|rule| rule.within_days).and_then(|days| due.plus_days(-days));
    let mut young: Vec<(Timestamp, usize)> = captured
        .iter()
        .enumerate()
        .filter(|(_, captured)| since.is_none_or(|since| **captured >= since))
        .map(|(at, captured)| (*captured, at))
        .collect();
    young.sort_unstable();
    let (oldest, newest) = (young.first()?.0, young.last()?.0);
    let seed = (choice == Choice::Random).then(|| format!("{drill}\n{due}"));
    let chosen = match &seed {
        Some(seed) => Digest::of(seed.as_bytes()).number_below(young.len() as u64) as usize,
        None if choice == Choice::Oldest => 0,
        None => young.len() - 1,
    };
    let facts = PointFacts {
        choose: choice,
        among: young.len() as u64,
        chosen: chosen as u64 + 1,
        seed,
        oldest_captured_at: oldest.to_string(),
        newest_captured_at: newest.to_string(),
    };
    Some((young.get(chosen)?.1, facts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(days: &[i64]) -> Vec<Timestamp> {
        days.iter().map(|day| Timestamp::from_unix(day * 86_400).unwrap()).collect()
    }

    fn chosen(captured: &[i64], choose_: Choice, within_days: Option<f64>) -> Option<usize> {
        let rule = RestorePoint { choose: choose_, within_days };
        let due = Timestamp::from_unix(100 * 86_400).unwrap();
        choose(&days(captured), Some(&rule), "a", due).map(|(at, _)| at)
    }

    #[test]
    fn the_newest_the_oldest_and_none() {
        let captured = [50, 99, 98, 10];
        assert_eq!(chosen(&captured, Choice::Latest, None), Some(1));
        assert_eq!(chosen(&captured, Choice::Oldest, None), Some(3));
        assert_eq!(chosen(&captured, Choice::Oldest, Some(60.0)), Some(0));
        assert_eq!(chosen(&captured, Choice::Latest, Some(0.5)), None);
        assert_eq!(choose(&[], None, "a", Timestamp::from_unix(0).unwrap()), None);
    }

    #[test]
    fn a_random_choice_comes_to_every_backup_and_can_be_made_again() {
        let captured = days(&[1, 2, 3, 4]);
        let rule = RestorePoint { choose: Choice::Random, within_days: None };
        let mut counts = [0; 4];
        for day in 0..400 {
            let due = Timestamp::from_unix(day * 86_400).unwrap();
            let (at, facts) = choose(&captured, Some(&rule), "orders", due).unwrap();
            let seed = Digest::of(facts.seed.as_ref().unwrap().as_bytes());
            assert_eq!(facts.chosen, seed.number_below(facts.among) + 1);
            counts[at] += 1;
        }
        assert!(counts.iter().all(|count| (60..140).contains(count)), "{counts:?}");
    }
}
