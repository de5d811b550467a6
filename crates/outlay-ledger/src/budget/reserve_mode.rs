/// How much a budget reserves for the prompt of a call before it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reserve {
    /// The most tokens that the prompt can have. Text counts one token per byte, which is three to four times the actual
    /// number.
    #[default]
    Bound,
    /// The expected number of tokens: the text by the density that the vendor states for the model's tokenizer, corrected
    /// by this process's measurements of the model, plus a quarter; never more than the bound.
    Expected,
}
