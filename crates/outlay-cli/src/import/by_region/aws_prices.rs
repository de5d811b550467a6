use super::price_list::PriceList;
use super::pricing_page::PricingPage;
use super::region_labels::Labels;
use crate::import::build_error::BuildError;
use crate::import::resolutions::Resolutions;

/// The prices that AWS itself publishes.
pub(in crate::import) struct AwsPrices {
    pub(super) list: PriceList,
    pub(super) page: PricingPage,
    /// Groups of ids for one model.
    pub(super) id_groups: Vec<Vec<String>>,
}

impl AwsPrices {
    pub(in crate::import) fn parse(
        list: &str,
        page: &str,
        labels: &str,
        rules: &Resolutions,
    ) -> Result<Self, BuildError> {
        let labels = Labels::parse(labels)?;
        let page = PricingPage::parse(page, &labels)?;
        let mut list = PriceList::parse(list, &labels, rules)?;
        let id_groups = labels.id_groups();
        list.mark_doubts(&page, &id_groups);
        Ok(Self { list, page, id_groups })
    }
}
