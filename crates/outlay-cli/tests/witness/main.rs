//! Comparison of the bundled prices with a table that they are not made from: each difference is explained.
//!
//! The witness is never evidence for a price. A difference without an explanation fails this test, and so does an
//! explanation without a difference. `UPDATE_GOLDEN=1 cargo test -p outlay-cli --test witness` writes the list of
//! differences.

#![allow(clippy::unwrap_used)]

mod explain;
mod portkey;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use explain::{Kind, Ours, Witness};
use outlay_price::parts::Rate;
use portkey::Statement;

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

fn read(name: &str) -> String {
    let path = data(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn each_difference_from_portkey_is_explained() {
    let mut statements = portkey::statements(&read("sources/portkey-bedrock-2026-08-21.json"));
    statements.extend(portkey::statements(&read("sources/portkey-mantle-2026-08-21.json")));
    let witness = Witness::new(statements, &read("witness.toml"));
    let mut same = 0;
    let mut unexplained = Vec::new();
    let mut lines: BTreeMap<Line, BTreeSet<&str>> = BTreeMap::new();
    for statement in witness.statements() {
        let ours = witness.ours(statement);
        if ours.picos() == Some(statement.picos) {
            same += 1;
            continue;
        }
        match witness.explain(statement, &ours) {
            Some(kind) => {
                lines.entry(Line::new(kind, statement, &ours)).or_default().insert(&statement.region);
            }
            None => unexplained.push(format!("{statement:?}\n    {ours:?}")),
        }
    }
    assert!(unexplained.is_empty(), "{} are not explained:\n{}", unexplained.len(), unexplained.join("\n"));
    assert_eq!(witness.unused(), Vec::<String>::new(), "these explain nothing");
    let text = list(&witness, same, &lines);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(data("witness.tsv"), &text).unwrap();
    }
    assert!(text == read("witness.tsv"), "write it again with UPDATE_GOLDEN=1 and check the diff");
}

/// A difference, for all regions where it is the same.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    kind: Kind,
    /// The key, tier, context size, kind of token, and the price of the witness and ours.
    cells: [String; 6],
}

impl Line {
    fn new(kind: Kind, theirs: &Statement, ours: &Ours) -> Self {
        let amount = |picos: u64| {
            let count = if theirs.what == "image" { 1 } else { 1_000_000 };
            Rate::from_picos(picos.into()).unwrap().times(count).to_decimal()
        };
        let over = if theirs.over == 0 { String::new() } else { theirs.over.to_string() };
        let cells = [
            theirs.key.clone(),
            theirs.tier.to_string(),
            over,
            theirs.what.clone(),
            amount(theirs.picos),
            ours.picos().map_or_else(String::new, amount),
        ];
        Self { kind, cells }
    }
}

fn list(witness: &Witness, same: usize, lines: &BTreeMap<Line, BTreeSet<&str>>) -> String {
    let mut counts: BTreeMap<&Kind, usize> = BTreeMap::new();
    for (line, regions) in lines {
        *counts.entry(&line.kind).or_default() += regions.len();
    }
    let mut text =
        "# Portkey's prices of 2026-08-21 that are not ours of that day, by kind. They are never evidence for ours.\n\
        # US dollars per million tokens, or per image. Their region `default` is us-east-1.\n"
            .to_owned();
    let _ = writeln!(text, "# {same} of {} are the same.", witness.statements().len());
    for (kind, count) in counts {
        let _ = writeln!(text, "# {count} {}: {}", kind.name(), witness.reason(kind));
    }
    text.push_str("kind\tmodel\ttier\tover\twhat\ttheirs\tours\tregions\n");
    for (line, regions) in lines {
        let regions = regions.iter().copied().collect::<Vec<_>>().join(",");
        let _ = writeln!(text, "{}\t{}\t{regions}", line.kind.name(), line.cells.join("\t"));
    }
    text
}
