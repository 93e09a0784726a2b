//! How long it takes to work a tabletop out: 500 steps, each of which depends on half of those before it.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that cannot go on ends, and prints figures"
)]

use dr_drill::clock::Stopwatch;
use dr_drill::graph::{Node, timetable};

fn main() {
    const STEPS: usize = 500;
    const ROUNDS: u32 = 100;
    let needs =
        |step: usize| (0..step).filter(move |other| (step * 31 + other * 17).is_multiple_of(2));
    let node = |step: usize| Node { length: (step % 7 + 1) as f64, needs: needs(step).collect() };
    let nodes: Vec<Node> = (0..STEPS).map(node).collect();
    let edges: usize = nodes.iter().map(|node| node.needs.len()).sum();
    let watch = Stopwatch::start();
    let mut length = 0.0;
    for _ in 0..ROUNDS {
        length = timetable(std::hint::black_box(&nodes)).unwrap().length;
    }
    let each = watch.seconds() * 1000.0 / f64::from(ROUNDS);
    println!("{STEPS} steps, {edges} dependencies: {each:.3} ms each, critical path {length}");
}
