use std::time::{Duration, Instant};

/// The times of two alternatives that were run in turn, so that changes in machine load affect both.
#[derive(Clone, Debug)]
pub struct Paired {
    /// The seconds of each run of the first alternative.
    pub a: Vec<f64>,
    /// The seconds of each run of the second alternative.
    pub b: Vec<f64>,
}

impl Paired {
    /// Returns the median of `f` over all pairs.
    pub fn median_of(&self, f: impl Fn(f64, f64) -> f64) -> f64 {
        median(self.a.iter().zip(&self.b).map(|(a, b)| f(*a, *b)).collect())
    }
}

/// Returns the median, or NaN if there are no values.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Returns whether this is `cargo bench`, which passes `--bench`. `cargo test` only checks that the benchmarks still run.
pub fn measures() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// Returns the number of rounds: `full` if this run measures, else a hundredth of that.
pub fn rounds(full: usize) -> usize {
    if measures() { full } else { full.div_ceil(100) }
}

/// Runs `a` and `b` in turn, `pairs` times after one warm-up of each. A run that does not measure only warms up, and its
/// medians are NaN.
pub fn paired(pairs: usize, mut a: impl FnMut(), mut b: impl FnMut()) -> Paired {
    let pairs = if measures() { pairs } else { 0 };
    let time = |f: &mut dyn FnMut()| {
        let start = Instant::now();
        f();
        start.elapsed()
    };
    let seconds = |d: Duration| d.as_secs_f64();
    a();
    b();
    let mut times = Paired { a: Vec::new(), b: Vec::new() };
    for pair in 0..pairs {
        // Alternates which goes first, so that cache effects are even.
        if pair % 2 == 0 {
            times.a.push(seconds(time(&mut a)));
            times.b.push(seconds(time(&mut b)));
        } else {
            times.b.push(seconds(time(&mut b)));
            times.a.push(seconds(time(&mut a)));
        }
    }
    times
}
