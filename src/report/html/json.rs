//! Data in a page: JSON that cannot end the element in which it stands.

use serde::{Serialize, Serializer};

/// JSON without any `<`: in strings, where alone it may stand, it is written as an escape.
pub(super) fn for_page(data: &impl Serialize) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string(data)?.replace('<', "\\u003c"))
}

/// A figure of a chart at four significant digits, or none: finer is nothing that a chart shows, and digits are most
/// of a page's size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Short(pub(super) Option<f64>);

impl Serialize for Short {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(value) = self.0.filter(|value| value.is_finite()) else {
            return serializer.serialize_none();
        };
        let value = rounded(value);
        // `5.0` says no more than `5`.
        if value.fract() == 0.0 && value.abs() < 1e15 {
            serializer.serialize_i64(value as i64)
        } else {
            serializer.serialize_f64(value)
        }
    }
}

fn rounded(value: f64) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    let digits = 3 - value.abs().log10().floor() as i32;
    let factor = 10_f64.powi(digits.abs());
    // Dividing by a whole number leaves no digits behind as multiplying with a small one does.
    let rounded =
        if digits >= 0 { (value * factor).round() / factor } else { (value / factor).round() * factor };
    if rounded.is_finite() { rounded } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_data_ends_its_element() {
        let json = for_page(&["</script><!--", "a<b"]).unwrap();
        assert_eq!(json, r#"["\u003c/script>\u003c!--","a\u003cb"]"#);
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), ["</script><!--", "a<b"]);
    }

    #[test]
    fn four_digits_are_kept() {
        let table = [
            (0.0, "0"),
            (1.0, "1"),
            (123_456.0, "123500"),
            (0.123_456, "0.1235"),
            (1.0 / 3.0, "0.3333"),
            (-2.345_67, "-2.346"),
            (0.07, "0.07"),
            (99_999.9, "100000"),
            (f64::NAN, "null"),
        ];
        for (value, text) in table {
            assert_eq!(serde_json::to_string(&Short(Some(value))).unwrap(), text);
        }
        assert_eq!(serde_json::to_string(&Short(None)).unwrap(), "null");
    }
}
