//! The dependency graph: built once, in linear time, from direct dependencies.

use std::collections::VecDeque;

/// A graph without cycles over nodes `0..len`.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    dependencies: Neighbours,
    dependents: Neighbours,
    order: Vec<usize>,
}

/// The neighbours of every node, one after the other in one list.
#[derive(Debug, Clone, Default)]
struct Neighbours {
    /// For each node where its neighbours end; they begin where those of the node before end.
    ends: Vec<usize>,
    all: Vec<usize>,
}

impl Neighbours {
    /// Takes pairs that are sorted by their first half.
    fn new(length: usize, pairs: impl Iterator<Item = (usize, usize)>) -> Self {
        let mut found = Self {
            ends: Vec::with_capacity(length),
            all: Vec::new(),
        };
        for (node, neighbour) in pairs {
            while found.ends.len() < node {
                found.ends.push(found.all.len());
            }
            found.all.push(neighbour);
        }
        found.ends.resize(length, found.all.len());
        found.all.shrink_to_fit();
        found
    }

    fn of(&self, node: usize) -> &[usize] {
        let start = match node.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or_default(),
            None => 0,
        };
        let end = self.ends.get(node).copied().unwrap_or_default();
        self.all.get(start..end).unwrap_or_default()
    }
}

impl Graph {
    /// Builds a graph from what each node directly depends on. Dependencies on nodes that do not exist are left out.
    ///
    /// # Errors
    /// Returns every cycle found, each as the nodes along it: every one depends on the next, the last on the first.
    pub fn new(dependencies: Vec<Vec<usize>>) -> Result<Self, Vec<Vec<usize>>> {
        let length = dependencies.len();
        let edges = dependencies
            .into_iter()
            .enumerate()
            .flat_map(|(node, needs)| needs.into_iter().map(move |need| (node, need)))
            .collect();
        Self::from_edges(length, edges)
    }

    /// Builds a graph from pairs of a node and what it depends on, in any order.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_edges(length: usize, mut edges: Vec<(usize, usize)>) -> Result<Self, Vec<Vec<usize>>> {
        edges.retain(|(node, need)| *node < length && *need < length);
        edges.sort_unstable();
        edges.dedup();
        let dependencies = Neighbours::new(length, edges.iter().copied());
        edges.sort_unstable_by_key(|(node, need)| (*need, *node));
        let dependents = Neighbours::new(length, edges.iter().map(|(node, need)| (*need, *node)));
        drop(edges);
        let mut waiting: Vec<usize> = (0..length).map(|node| dependencies.of(node).len()).collect();
        let mut ready: VecDeque<usize> = (0..length)
            .filter(|node| waiting.get(*node) == Some(&0))
            .collect();
        let mut order = Vec::with_capacity(length);
        while let Some(node) = ready.pop_front() {
            order.push(node);
            for dependent in dependents.of(node) {
                if let Some(count) = waiting.get_mut(*dependent) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push_back(*dependent);
                    }
                }
            }
        }
        if order.len() < length {
            return Err(cycles(&dependencies, &waiting));
        }
        Ok(Self {
            dependencies,
            dependents,
            order,
        })
    }

    /// Returns how many nodes there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Tells whether there are no nodes.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Returns what a node directly depends on.
    pub fn dependencies(&self, node: usize) -> &[usize] {
        self.dependencies.of(node)
    }

    /// Returns what directly depends on a node.
    pub fn dependents(&self, node: usize) -> &[usize] {
        self.dependents.of(node)
    }

    /// Returns all nodes, dependencies before dependents.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// Returns which nodes are among `roots` or are needed by one of them.
    pub fn with_dependencies(&self, roots: impl IntoIterator<Item = usize>) -> Vec<bool> {
        self.reach(roots, |node| self.dependencies(node))
    }

    /// Returns which nodes are among `roots` or need one of them.
    pub fn with_dependents(&self, roots: impl IntoIterator<Item = usize>) -> Vec<bool> {
        self.reach(roots, |node| self.dependents(node))
    }

    fn reach<'g>(
        &'g self,
        roots: impl IntoIterator<Item = usize>,
        next: impl Fn(usize) -> &'g [usize],
    ) -> Vec<bool> {
        let mut reached = vec![false; self.len()];
        let mut stack: Vec<usize> = roots.into_iter().collect();
        while let Some(node) = stack.pop() {
            if let Some(mark @ false) = reached.get_mut(node) {
                *mark = true;
                stack.extend(next(node));
            }
        }
        reached
    }
}

/// Finds one cycle in each part of the graph that has one. `waiting` is what is left after all nodes without
/// cycles were taken away: above zero for nodes on a cycle and nodes that need one.
fn cycles(dependencies: &Neighbours, waiting: &[usize]) -> Vec<Vec<usize>> {
    let mut found = Vec::new();
    // 0: not seen; otherwise the number of the walk that saw it.
    let mut seen = vec![0_usize; waiting.len()];
    for start in 0..waiting.len() {
        let mut path = Vec::new();
        let mut node = start;
        let walk = start + 1;
        loop {
            if waiting.get(node).copied().unwrap_or_default() == 0 {
                break;
            }
            match seen.get_mut(node) {
                Some(mark) if *mark == 0 => *mark = walk,
                Some(mark) if *mark == walk => {
                    let from = path.iter().position(|other| *other == node).unwrap_or_default();
                    found.push(path.split_off(from));
                    break;
                }
                _ => break,
            }
            path.push(node);
            let next = dependencies
                .of(node)
                .iter()
                .find(|need| waiting.get(**need).copied().unwrap_or_default() > 0);
            match next {
                Some(next) => node = *next,
                None => break,
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_come_before_dependents() {
        let graph = Graph::new(vec![vec![1, 2], vec![2], vec![], vec![0, 0]]).unwrap();
        assert_eq!(graph.order(), [2, 1, 0, 3]);
        assert_eq!(graph.dependents(2), [0, 1]);
        assert_eq!(graph.dependencies(3), [0]);
    }

    #[test]
    fn every_cycle_is_named_whole() {
        let found = Graph::new(vec![vec![1], vec![2], vec![0], vec![3], vec![0], vec![]]).unwrap_err();
        assert_eq!(found, [vec![0, 1, 2], vec![3]]);
    }

    #[test]
    fn a_closure_follows_edges_one_way() {
        let graph = Graph::new(vec![vec![], vec![0], vec![1], vec![]]).unwrap();
        assert_eq!(graph.with_dependencies([1]), [true, true, false, false]);
        assert_eq!(graph.with_dependents([1]), [false, true, true, false]);
    }

    #[test]
    fn a_chain_of_a_hundred_thousand_needs_no_deep_stack() {
        let chain = (0..100_000_usize)
            .map(|n| n.checked_sub(1).into_iter().collect())
            .collect();
        assert_eq!(Graph::new(chain).unwrap().order().last(), Some(&99_999));
    }
}
