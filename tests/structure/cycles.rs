//! Cycles of files that import each other, directly or through other files.

use std::collections::HashMap;

use petgraph::algo::tarjan_scc;
use petgraph::graph::DiGraph;

use crate::imports::Imports;

/// Returns the files of the largest cycle, sorted by path. Returns a single file if there is no cycle.
pub(crate) fn largest_cycle(imports: &Imports) -> Vec<String> {
    let mut graph = DiGraph::<&str, ()>::new();
    let nodes: HashMap<&str, _> = imports.iter().map(|(file, _)| (file, graph.add_node(file))).collect();
    for (file, imported) in imports.iter() {
        for target in imported {
            if let Some(target) = nodes.get(target.as_str()) {
                graph.add_edge(nodes[file], *target, ());
            }
        }
    }
    let largest = tarjan_scc(&graph).into_iter().max_by_key(Vec::len).unwrap_or_default();
    let mut files: Vec<String> = largest.into_iter().map(|node| graph[node].to_owned()).collect();
    files.sort();
    files
}
