/// The region that a prefix of the bill stands for: `EU` is `eu-west-1`, and `APS3` is `ap-south-1`.
pub(super) fn from_prefix(prefix: &str) -> Option<&'static str> {
    let mut lines = include_str!("../../data/billing-regions.tsv").lines();
    lines.find_map(|line| line.split_once('\t').filter(|(own, _)| *own == prefix)).map(|(_, region)| region)
}
