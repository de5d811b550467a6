use super::request_limits::Limits;

/// The members that the inputs of all operations have in some form.
#[derive(Default)]
pub(super) struct Common<'a> {
    pub(super) model: Option<&'a str>,
    pub(super) tier: Option<&'a str>,
    pub(super) latency: Option<&'a str>,
    pub(super) guardrail: Option<&'a str>,
    pub(super) limits: Limits,
    pub(super) temperature: Option<f64>,
    pub(super) top_p: Option<f64>,
}
