//! Cycles of files that import each other, directly or through other files.

use std::collections::HashMap;

use petgraph::algo::tarjan_scc;
use petgraph::graph::DiGraph;

use crate::imports::Imports;

/// Returns the cycles, the largest first, each as its files sorted by path.
pub(crate) fn cycles(imports: &Imports) -> Vec<Vec<String>> {
    let mut graph = DiGraph::<&str, ()>::new();
    let nodes: HashMap<&str, _> = imports.iter().map(|(file, _)| (file, graph.add_node(file))).collect();
    for (file, imported) in imports.iter() {
        for target in imported {
            if let Some(target) = nodes.get(target.as_str()) {
                graph.add_edge(nodes[file], *target, ());
            }
        }
    }
    let mut cycles: Vec<Vec<String>> = tarjan_scc(&graph)
        .into_iter()
        .filter(|files| files.len() > 1)
        .map(|files| {
            let mut files: Vec<String> = files.into_iter().map(|node| graph[node].to_owned()).collect();
            files.sort();
            files
        })
        .collect();
    cycles.sort_by_key(|files| std::cmp::Reverse(files.len()));
    cycles
}
