/// Returns the region for a prefix on the bill: `eu-west-1` for `EU`, and `ap-south-1` for `APS3`.
pub(super) fn from_prefix(prefix: &str) -> Option<&'static str> {
    let mut lines = include_str!("../../data/billing-regions.tsv").lines();
    lines.find_map(|line| line.split_once('\t').filter(|(own, _)| *own == prefix)).map(|(_, region)| region)
}
