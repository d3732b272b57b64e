//! Visits a graph, dependencies first, with a bounded number of visits at a time.

use std::collections::VecDeque;

use tokio::task::{JoinError, JoinSet};

use crate::graph::Graph;

/// Runs a task for every node; a node's task starts after those of its dependencies have ended. At most `limit`
/// tasks exist at any time.
pub(crate) async fn walk<F, T>(graph: &Graph, limit: usize, visit: F) -> Result<(), JoinError>
where
    F: Fn(usize) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    let mut waiting: Vec<usize> = (0..graph.len())
        .map(|node| graph.dependencies(node).len())
        .collect();
    // First come, first served: visits end about in the order of the graph.
    let mut ready: VecDeque<usize> = (0..graph.len())
        .filter(|node| graph.dependencies(*node).is_empty())
        .collect();
    let mut running = JoinSet::new();
    loop {
        while running.len() < limit.max(1)
            && let Some(node) = ready.pop_front()
        {
            let visit = visit(node);
            running.spawn(async move {
                visit.await;
                node
            });
        }
        let Some(done) = running.join_next().await else {
            return Ok(());
        };
        for dependent in graph.dependents(done?).iter().copied() {
            if let Some(count) = waiting.get_mut(dependent) {
                *count -= 1;
                if *count == 0 {
                    ready.push_back(dependent);
                }
            }
        }
    }
}
