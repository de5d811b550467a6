use std::time::{Duration, Instant};

/// Two ways of doing the same, timed in turn: the machine's moods hit both.
#[derive(Clone, Debug)]
pub struct Paired {
    /// Seconds of each run of the first.
    pub a: Vec<f64>,
    /// Seconds of each run of the second.
    pub b: Vec<f64>,
}

impl Paired {
    /// The median over the pairs of what `f` makes of one.
    pub fn median_of(&self, f: impl Fn(f64, f64) -> f64) -> f64 {
        median(self.a.iter().zip(&self.b).map(|(a, b)| f(*a, *b)).collect())
    }
}

/// The middle value.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Runs `a` and `b` in turn, `pairs` times after one warm-up of each.
pub fn paired(pairs: usize, mut a: impl FnMut(), mut b: impl FnMut()) -> Paired {
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
        // Which goes first alternates, so that neither always finds the other's leavings.
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
