//! A course over time as a line of blocks: `▁▃▆█▇▄▁`.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// At most `width` blocks, each the mean of its stretch, from 0 to the greatest of them. What is missing is a blank.
pub(super) fn sparkline(values: &[Option<f64>], width: usize) -> String {
    let per_block = values.len().div_ceil(width.max(1)).max(1);
    let mean = |part: &[Option<f64>]| {
        let (sum, count) =
            part.iter().flatten().fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
        (count > 0).then(|| sum / f64::from(count))
    };
    let means: Vec<Option<f64>> = values.chunks(per_block).map(mean).collect();
    let greatest = means.iter().flatten().copied().fold(0.0, f64::max);
    let block = |value: f64| {
        let level = if greatest > 0.0 { value / greatest * 7.0 } else { 0.0 };
        BLOCKS[(level.round().max(0.0) as usize).min(7)]
    };
    means.into_iter().map(|mean| mean.map_or(' ', block)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_course_is_a_line_of_blocks() {
        let line =
            |values: &[f64], width| sparkline(&values.iter().map(|v| Some(*v)).collect::<Vec<_>>(), width);
        assert_eq!(line(&[0.0, 1.0, 2.0, 7.0], 10), "▁▂▃█");
        assert_eq!(line(&[0.0, 0.0], 10), "▁▁");
        assert_eq!(line(&[1.0, 3.0, 8.0, 8.0, 4.0], 3), "▃█▅");
        assert_eq!(line(&[], 10), "");
        assert_eq!(line(&[1.0], 0), "█");
        assert_eq!(sparkline(&[Some(1.0), None, Some(f64::NAN)], 3), "█ ▁");
    }
}
