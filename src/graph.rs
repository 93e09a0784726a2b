//! Things that depend on each other: an order, a cycle, the critical path.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// A thing that takes some time once all that it needs is done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// How long it takes, in any unit.
    pub length: f64,
    /// What it needs, by number. One that is named twice counts once.
    pub needs: Vec<usize>,
}

/// When everything is done if all that can be done at once is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timetable {
    /// An order in which everything comes after what it needs; what comes first in the list comes first.
    pub order: Vec<usize>,
    /// When each begins.
    pub starts: Vec<f64>,
    /// All lengths, one after the other.
    pub total: f64,
    /// When the last is done.
    pub length: f64,
    /// What nothing may be late of: one longest path, in order.
    pub critical_path: Vec<usize>,
}

/// Finds out when everything is done. Every number in `needs` has to be one of a node.
///
/// # Errors
/// A cycle: each needs the next, and the last the first.
pub fn timetable(nodes: &[Node]) -> Result<Timetable, Vec<usize>> {
    let mut waiting = vec![0_usize; nodes.len()];
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (number, node) in nodes.iter().enumerate() {
        for needed in &node.needs {
            followers[*needed].push(number);
            waiting[number] += 1;
        }
    }
    let ready = (0..nodes.len()).filter(|number| waiting[*number] == 0).map(Reverse);
    let mut ready: BinaryHeap<Reverse<usize>> = ready.collect();
    let mut table = Timetable { starts: vec![0.0; nodes.len()], ..Timetable::default() };
    let mut decided_by: Vec<Option<usize>> = vec![None; nodes.len()];
    while let Some(Reverse(number)) = ready.pop() {
        let end = table.starts[number] + nodes[number].length;
        table.order.push(number);
        table.total += nodes[number].length;
        for follower in &followers[number] {
            if end > table.starts[*follower] || decided_by[*follower].is_none() {
                table.starts[*follower] = table.starts[*follower].max(end);
                decided_by[*follower] = Some(number);
            }
            waiting[*follower] -= 1;
            if waiting[*follower] == 0 {
                ready.push(Reverse(*follower));
            }
        }
    }
    if table.order.len() < nodes.len() {
        return Err(cycle(nodes, &waiting));
    }
    let end_of = |number: usize| table.starts[number] + nodes[number].length;
    let mut last = None;
    for number in &table.order {
        if last.is_none_or(|last| end_of(*number) > end_of(last)) {
            last = Some(*number);
        }
    }
    table.length = last.map_or(0.0, end_of);
    while let Some(number) = last {
        table.critical_path.push(number);
        last = decided_by[number];
    }
    table.critical_path.reverse();
    Ok(table)
}

/// What still waits waits for something that does, too: going on from one to the next comes to a cycle.
fn cycle(nodes: &[Node], waiting: &[usize]) -> Vec<usize> {
    let waits = |number: &usize| waiting[*number] > 0;
    let mut path: Vec<usize> = Vec::new();
    let mut next = (0..nodes.len()).find(waits);
    while let Some(number) = next {
        if let Some(first) = path.iter().position(|seen| *seen == number) {
            return path.split_off(first);
        }
        path.push(number);
        next = nodes[number].needs.iter().copied().find(waits);
    }
    path
}

/// Two things that are wanted at the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash<'a> {
    /// What both need.
    pub what: &'a str,
    /// The one that began before.
    pub first: usize,
    /// The one that begins while the first goes on.
    pub second: usize,
}

/// Finds what is needed more often at once than it is there. `uses` names what each node needs, `there` how often it is
/// there. Each thing is told once for each node that finds none left.
#[must_use]
pub fn clashes<'a>(
    nodes: &[Node],
    table: &Timetable,
    uses: &[Vec<&'a str>],
    there: &dyn Fn(&str) -> usize,
) -> Vec<Clash<'a>> {
    let mut by_start: Vec<usize> = (0..nodes.len()).collect();
    by_start.sort_by(|a, b| table.starts[*a].total_cmp(&table.starts[*b]).then(a.cmp(b)));
    let mut busy: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut found = Vec::new();
    for number in by_start {
        for what in &uses[number] {
            let holders = busy.entry(what).or_default();
            holders
                .retain(|other| table.starts[*other] + nodes[*other].length > table.starts[number]);
            if let (true, Some(first)) = (holders.len() >= there(what).max(1), holders.first()) {
                found.push(Clash { what, first: *first, second: number });
            }
            holders.push(number);
        }
    }
    found
}

/// When the last is done if each waits for what it uses to be free: whoever could begin first comes first.
#[must_use]
pub fn length_with_waiting(
    nodes: &[Node],
    table: &Timetable,
    uses: &[Vec<&str>],
    there: &dyn Fn(&str) -> usize,
) -> f64 {
    let mut ends: Vec<Option<f64>> = vec![None; nodes.len()];
    let mut free_at: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut by_start = table.order.clone();
    let mut last: f64 = 0.0;
    by_start.sort_by(|a, b| table.starts[*a].total_cmp(&table.starts[*b]));
    while !by_start.is_empty() {
        let is_ready =
            |number: &usize| nodes[*number].needs.iter().all(|needed| ends[*needed].is_some());
        let Some(at) = by_start.iter().position(is_ready) else { break };
        let number = by_start.remove(at);
        let needed = nodes[number].needs.iter().filter_map(|needed| ends[*needed]);
        let mut start = needed.fold(0.0, f64::max);
        for what in &uses[number] {
            let places = free_at.entry(what).or_insert_with(|| vec![0.0; there(what).max(1)]);
            start = places.iter().copied().fold(f64::INFINITY, f64::min).max(start);
        }
        let end = start + nodes[number].length;
        for what in &uses[number] {
            let places = free_at.get_mut(what);
            if let Some(place) = places.and_then(|p| p.iter_mut().min_by(|a, b| a.total_cmp(b))) {
                *place = end;
            }
        }
        ends[number] = Some(end);
        last = last.max(end);
    }
    last
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The longest path to the end of a node, by its definition: no order, no table.
    fn longest(nodes: &[Node], number: usize, known: &mut Vec<Option<f64>>) -> f64 {
        if let Some(length) = known[number] {
            return length;
        }
        let before = nodes[number].needs.clone().into_iter();
        let before = before.map(|needed| longest(nodes, needed, known)).fold(0.0, f64::max);
        known[number] = Some(before + nodes[number].length);
        before + nodes[number].length
    }

    prop_compose! {
        /// Needs only lead to smaller numbers, and the nodes are then shuffled: no cycle.
        fn acyclic(most: usize)(
            lengths in prop::collection::vec(1u32..100, 1..most),
            edges in prop::collection::vec((any::<u32>(), any::<u32>()), 0..most * 4),
            seed in any::<u64>(),
        ) -> Vec<Node> {
            let count = lengths.len();
            let mut place: Vec<usize> = (0..count).collect();
            let mut state = seed | 1;
            for at in (1..count).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                place.swap(at, (state >> 33) as usize % (at + 1));
            }
            let mut nodes = vec![Node::default(); count];
            for (number, length) in lengths.iter().enumerate() {
                nodes[place[number]].length = f64::from(*length);
            }
            for (one, other) in edges {
                let (one, other) = (one as usize % count, other as usize % count);
                if one != other {
                    nodes[place[one.max(other)]].needs.push(place[one.min(other)]);
                }
            }
            nodes
        }
    }

    proptest! {
        #[test]
        fn the_critical_path_is_the_longest(nodes in acyclic(40)) {
            let table = timetable(&nodes).unwrap();
            let mut known = vec![None; nodes.len()];
            let wanted = (0..nodes.len()).map(|n| longest(&nodes, n, &mut known)).fold(0.0, f64::max);
            prop_assert_eq!(table.length, wanted);
            let path: f64 = table.critical_path.iter().map(|number| nodes[*number].length).sum();
            prop_assert_eq!(path, wanted);
            for pair in table.critical_path.windows(2) {
                prop_assert!(nodes[pair[1]].needs.contains(&pair[0]));
            }
            for (number, node) in nodes.iter().enumerate() {
                for needed in &node.needs {
                    prop_assert!(table.starts[*needed] + nodes[*needed].length <= table.starts[number]);
                    let place = |wanted| table.order.iter().position(|found| found == wanted);
                    prop_assert!(place(needed) < place(&number));
                }
            }
        }

        #[test]
        fn waiting_for_each_other_never_ends_sooner(nodes in acyclic(25), holders in 1usize..4) {
            let table = timetable(&nodes).unwrap();
            let uses: Vec<Vec<&str>> = (0..nodes.len()).map(|n| vec![["a", "b"][n % 2]]).collect();
            let there = |_: &str| holders;
            let length = length_with_waiting(&nodes, &table, &uses, &there);
            prop_assert!(length >= table.length && length <= table.total + 1e-9);
            if clashes(&nodes, &table, &uses, &there).is_empty() {
                prop_assert_eq!(length, table.length);
            }
        }

        #[test]
        fn a_cycle_is_found_and_is_one(nodes in acyclic(20), from in any::<u32>(), to in any::<u32>()) {
            let mut nodes = nodes;
            let (from, to) = (from as usize % nodes.len(), to as usize % nodes.len());
            nodes[from].needs.push(to);
            match timetable(&nodes) {
                Ok(table) => prop_assert_eq!(table.order.len(), nodes.len()),
                Err(cycle) => {
                    prop_assert!(!cycle.is_empty());
                    for (at, number) in cycle.iter().enumerate() {
                        prop_assert!(nodes[*number].needs.contains(&cycle[(at + 1) % cycle.len()]));
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_needed_twice_at_once_is_told() {
        let node = |length, needs: &[usize]| Node { length, needs: needs.to_vec() };
        let nodes = [node(10.0, &[]), node(5.0, &[]), node(5.0, &[1]), node(1.0, &[0, 2])];
        let table = timetable(&nodes).unwrap();
        assert_eq!((table.total, table.length), (21.0, 11.0));
        let uses = [vec!["dba"], vec!["net"], vec!["dba"], vec!["dba"]];
        let found = clashes(&nodes, &table, &uses, &|_| 1);
        assert_eq!(found, [Clash { what: "dba", first: 0, second: 2 }]);
        assert!(clashes(&nodes, &table, &uses, &|_| 2).is_empty());
        assert_eq!(length_with_waiting(&nodes, &table, &uses, &|_| 1), 16.0);
    }
}
