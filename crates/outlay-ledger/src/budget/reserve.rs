/// What a budget reserves for the prompt of a call, before it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reserve {
    /// The most tokens that the prompt can have. Text is taken for as many tokens as it has bytes, which is three to four
    /// times what it comes to.
    #[default]
    Bound,
    /// What the prompt is expected to have: its text by the density that the vendor states for the model's tokenizer,
    /// corrected by what this process has measured of the model, and a quarter on top; never more than the bound.
    Expected,
}
