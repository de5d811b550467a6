use super::error::{LoadPricesError, Problem};
use super::fields::{Fields, Item};
use super::id_and_routing;
use crate::discount::{Discount, Percent};

pub(super) fn read(fields: &mut Fields<'_>) -> Result<Discount, LoadPricesError> {
    let percent = fields.decimal("percent")?;
    let percent = Percent::parse(percent.value).ok_or_else(|| percent.error(Problem::Percent))?;
    let provider = fields.text("provider")?;
    let routing = fields.parsed("routing")?;
    let mut region = fields.text("region")?.map(Item::into_value);
    let (model, routing) = match fields.text("model")? {
        Some(item) => {
            let model = item.model()?;
            region = region.or(model.region());
            if let Some(provider) = provider.as_ref().filter(|provider| model.provider() != Some(provider.value)) {
                return Err(provider.error(Problem::OtherProvider));
            }
            let (id, routing) = id_and_routing(&item, model, routing)?;
            (Some(id), routing)
        }
        None => (None, routing.map(Item::into_value)),
    };
    let from = fields.date("effective_from")?.map(Item::into_value);
    let to = fields.date("effective_to")?;
    if let Some(to) = to.as_ref().filter(|to| from.as_ref().is_some_and(|from| to.value <= *from)) {
        return Err(to.error(Problem::EndsBeforeItStarts));
    }
    Ok(Discount {
        percent,
        provider: provider.map(|provider| provider.value.into()),
        model: model.map(Box::from),
        account: fields.account()?.map(Box::from),
        region: region.map(Box::from),
        routing,
        tier: fields.parsed("tier")?.map(Item::into_value),
        from,
        to: to.map(Item::into_value),
        note: fields.text("note")?.map_or("", |note| note.value).into(),
    })
}
