//! How cost grows with the number of resources: the exponent of a power law through the measured points.

/// Returns the slope of the line of least squares through the logarithms of the points; none with fewer than two sizes.
///
/// A cost that is proportional to the number gives 1, one that grows with its square 2.
pub fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    let points: Vec<(f64, f64)> = points
        .iter()
        .filter(|(size, cost)| *size > 0.0 && *cost > 0.0)
        .map(|(size, cost)| (size.ln(), cost.ln()))
        .collect();
    #[allow(clippy::cast_precision_loss, reason = "there are a handful of points")]
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (size, cost) = (mean(|point| point.0), mean(|point| point.1));
    let (mut above, mut below) = (0.0, 0.0);
    for (x, y) in &points {
        above += (x - size) * (y - cost);
        below += (x - size) * (x - size);
    }
    (below > 1e-9).then(|| above / below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_of_a_power_law_is_found() {
        for power in [0.5, 1.0, 1.1, 2.0] {
            let points: Vec<(f64, f64)> = [1e3, 1e4, 1e5]
                .map(|size: f64| (size, 3.0 * size.powf(power)))
                .to_vec();
            let found = exponent(&points).expect("three sizes");
            assert!((found - power).abs() < 1e-9, "{found} for {power}");
        }
    }

    #[test]
    fn one_size_has_no_exponent() {
        assert_eq!(exponent(&[(1e3, 1.0), (1e3, 2.0)]), None);
        assert_eq!(exponent(&[]), None);
    }
}
