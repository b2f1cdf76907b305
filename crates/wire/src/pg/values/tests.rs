//! Values against what PostgreSQL sends for them.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Decimal256Array, Float64Array,
    Int64Array, ListBuilder, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::i256;

use super::*;

fn sent(array: &ArrayRef, at: usize, binary: bool) -> Option<Vec<u8>> {
    let mut out = BytesMut::new();
    let kind = super::super::types::of_data(array.data_type());
    cell(&mut out, (array.as_ref(), at), &kind, binary).unwrap();
    let length = i32::from_be_bytes(out[..4].try_into().unwrap());
    assert_eq!(out.len() - 4, usize::try_from(length).unwrap_or(0));
    (length >= 0).then(|| out[4..].to_vec())
}

fn text(array: &ArrayRef, at: usize) -> Option<String> {
    sent(array, at, false).map(|it| String::from_utf8(it).unwrap())
}

#[test]
fn numbers_of_38_digits_are_exact_in_both_forms() {
    let greatest = 10_i128.pow(38) - 1;
    let values = [greatest, -greatest, 0, 1, -1, 1_000_000, -12_345_678_901_234_567_890];
    for decimals in [0_i8, 1, 4, 6, 37, 38] {
        let array = Decimal128Array::from(values.to_vec());
        let array: ArrayRef = Arc::new(array.with_precision_and_scale(38, decimals).unwrap());
        for (at, value) in values.iter().enumerate() {
            let written = text(&array, at).unwrap();
            assert_eq!(written.replace('.', "").parse::<i128>().unwrap(), *value, "{written}");
            let point = written.find('.').map_or(0, |at| written.len() - at - 1);
            assert_eq!(point, usize::try_from(decimals).unwrap());
            let binary = sent(&array, at, true).unwrap();
            assert_eq!(from_numeric(&binary).unwrap(), written, "{decimals}");
        }
    }
    let wide =
        Decimal256Array::from(vec![i256::from_i128(greatest).wrapping_mul(i256::from_i128(10))]);
    let wide: ArrayRef = Arc::new(wide.with_precision_and_scale(60, 2).unwrap());
    assert_eq!(text(&wide, 0).unwrap(), format!("{}9.90", "9".repeat(36)));
}

/// What `numeric_send` of PostgreSQL 15 gives.
#[test]
fn numbers_have_the_bytes_postgres_sends() {
    for (value, decimals, expected) in [
        (12_345_600_i128, 6_i8, "0002000000000006000c0d80"),
        (-50_000, 4, "00010000400000040005"),
        (0, 6, "0000000000000006"),
        (100_000_000, 0, "00010002000000000001"),
        (1, 6, "0001fffe000000060064"),
    ] {
        let array = Decimal128Array::from(vec![value]);
        let array: ArrayRef = Arc::new(array.with_precision_and_scale(20, decimals).unwrap());
        let hex: String =
            sent(&array, 0, true).unwrap().iter().map(|it| format!("{it:02x}")).collect();
        assert_eq!(hex, expected, "{value} / 10^{decimals}");
    }
}

#[test]
fn instants_carry_the_tenants_offset() {
    let values = vec![1_767_999_599_000_000, 1_782_000_000_123_450, -2_500_000_000_000_000];
    let at = |zone: &str| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(values.clone()).with_timezone(zone))
    };
    let berlin = at("Europe/Berlin");
    assert_eq!(text(&berlin, 0).unwrap(), "2026-01-09 23:59:59+01");
    assert_eq!(text(&berlin, 1).unwrap(), "2026-06-21 02:00:00.12345+02");
    assert_eq!(text(&at("Asia/Kolkata"), 0).unwrap(), "2026-01-10 04:29:59+05:30");
    assert!(text(&berlin, 2).unwrap().ends_with("+00:53:28"), "local mean time");
    let binary = sent(&berlin, 0, true).unwrap();
    assert_eq!(i64::from_be_bytes(binary.try_into().unwrap()) + EPOCH_US, values[0]);
}

#[test]
fn lists_texts_and_nulls_are_told_apart() {
    let mut list = ListBuilder::new(StringBuilder::new());
    list.append_value([Some("a"), None, Some("null"), Some("b \"c\"\\,{}"), Some("")]);
    list.append_value(std::iter::empty::<Option<&str>>());
    list.append_null();
    let list: ArrayRef = Arc::new(list.finish());
    assert_eq!(text(&list, 0).unwrap(), r#"{a,NULL,"null","b \"c\"\\,{}",""}"#);
    assert_eq!(text(&list, 1).unwrap(), "{}");
    assert_eq!(text(&list, 2), None);
    let empty = sent(&list, 1, true).unwrap();
    assert_eq!(empty, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25]);
    let binary = sent(&list, 0, true).unwrap();
    assert_eq!(binary[..20], [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 25, 0, 0, 0, 5, 0, 0, 0, 1]);
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some(""), None]));
    assert_eq!((text(&texts, 0), text(&texts, 1)), (Some(String::new()), None));
}

#[test]
fn plain_values_are_what_postgres_sends() {
    let truth: ArrayRef = Arc::new(BooleanArray::from(vec![true, false]));
    assert_eq!((text(&truth, 0).unwrap(), text(&truth, 1).unwrap()), ("t".into(), "f".into()));
    assert_eq!(sent(&truth, 0, true).unwrap(), [1]);
    let day: ArrayRef = Arc::new(Date32Array::from(vec![20_530]));
    assert_eq!(text(&day, 0).unwrap(), "2026-03-18");
    let binary = i32::from_be_bytes(sent(&day, 0, true).unwrap().try_into().unwrap());
    assert_eq!(from_date(binary).unwrap(), "2026-03-18");
    let number: ArrayRef = Arc::new(Int64Array::from(vec![i64::MIN]));
    assert_eq!(text(&number, 0).unwrap(), i64::MIN.to_string());
    assert_eq!(sent(&number, 0, true).unwrap(), i64::MIN.to_be_bytes());
    let float: ArrayRef = Arc::new(Float64Array::from(vec![0.1, f64::NAN, f64::NEG_INFINITY]));
    assert_eq!(text(&float, 0).unwrap(), "0.1");
    assert_eq!(
        (text(&float, 1).unwrap(), text(&float, 2).unwrap()),
        ("NaN".into(), "-Infinity".into())
    );
}

#[test]
fn a_number_that_is_none_is_not_read() {
    for bytes in
        [&b""[..], &[0; 7], &[0, 0, 0, 0, 0xc0, 0, 0, 0], &[0, 1, 0, 0, 0, 0, 0, 0], &[0xff; 8]]
    {
        assert_eq!(from_numeric(bytes), None, "{bytes:?}");
    }
}
