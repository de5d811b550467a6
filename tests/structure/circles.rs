//! Circles of files that import each other, directly or by way of others.

use std::collections::HashMap;

use petgraph::algo::tarjan_scc;
use petgraph::graph::DiGraph;

use crate::imports::Imports;

/// Returns the files of the largest circle, in the order of their paths. Without any it is a single file.
pub(crate) fn largest_circle(imports: &Imports) -> Vec<String> {
    let mut graph = DiGraph::<&str, ()>::new();
    let nodes: HashMap<&str, _> = imports.iter().map(|(file, _)| (file, graph.add_node(file))).collect();
    for (file, imported) in imports.iter() {
        for other in imported {
            if let Some(other) = nodes.get(other.as_str()) {
                graph.add_edge(nodes[file], *other, ());
            }
        }
    }
    let largest = tarjan_scc(&graph).into_iter().max_by_key(Vec::len).unwrap_or_default();
    let mut files: Vec<String> = largest.into_iter().map(|node| graph[node].to_owned()).collect();
    files.sort();
    files
}
