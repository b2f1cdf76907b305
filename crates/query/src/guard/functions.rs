//! The functions a question may call. What is not named here does not exist for it.
//!
//! Left out on purpose: whatever makes much out of little (`repeat`, `lpad`, `generate_series`, `range`),
//! tells of the machine (`version`), is not the same each time (`random`, `uuid`), or reads types that no
//! table has.

/// The most that one regular expression may be long applies to these.
pub(super) const PATTERNS: [&str; 3] = ["regexp_like", "regexp_match", "regexp_replace"];

/// Functions whose text may be longer than what they are given.
pub(super) const GROWING: [&str; 7] = [
    "concat",
    "concat_ws",
    "replace",
    "regexp_replace",
    "string_agg",
    "array_agg",
    "array_to_string",
];

/// Every function, by what it is for, each group sorted.
pub const FUNCTIONS: [(&str, &[&str]); 7] = [
    (
        "aggregates",
        &[
            "approx_distinct",
            "approx_percentile_cont",
            "array_agg",
            "avg",
            "bool_and",
            "bool_or",
            "corr",
            "count",
            "covar_pop",
            "covar_samp",
            "first_value",
            "grouping",
            "last_value",
            "max",
            "median",
            "min",
            "percentile_cont",
            "regr_intercept",
            "regr_slope",
            "stddev",
            "stddev_pop",
            "stddev_samp",
            "string_agg",
            "sum",
            "var_pop",
            "var_samp",
        ],
    ),
    (
        "windows",
        &[
            "cume_dist",
            "dense_rank",
            "lag",
            "lead",
            "nth_value",
            "ntile",
            "percent_rank",
            "rank",
            "row_number",
        ],
    ),
    (
        "numbers",
        &[
            "abs", "ceil", "exp", "floor", "greatest", "least", "ln", "log", "log10", "mod",
            "power", "round", "sign", "sqrt", "trunc",
        ],
    ),
    (
        "text",
        &[
            "btrim",
            "char_length",
            "character_length",
            "concat",
            "concat_ws",
            "ends_with",
            "initcap",
            "left",
            "length",
            "lower",
            "ltrim",
            "octet_length",
            "position",
            "regexp_like",
            "regexp_match",
            "regexp_replace",
            "replace",
            "reverse",
            "right",
            "rtrim",
            "split_part",
            "starts_with",
            "strpos",
            "substr",
            "substring",
            "translate",
            "trim",
            "upper",
        ],
    ),
    (
        "time",
        &[
            "current_date",
            "current_timestamp",
            "date_part",
            "date_trunc",
            "extract",
            "make_date",
            "now",
            "timezone",
            "today",
        ],
    ),
    ("choices", &["coalesce", "nullif"]),
    (
        "lists",
        &[
            "array_contains",
            "array_has",
            "array_has_all",
            "array_has_any",
            "array_length",
            "array_position",
            "array_sort",
            "array_to_string",
            "cardinality",
        ],
    ),
];

/// Whether a question may call the function of this name.
pub(super) fn is_offered(name: &str) -> bool {
    FUNCTIONS.iter().any(|(_, names)| names.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_is_sorted_and_growers_are_offered() {
        for (group, names) in FUNCTIONS {
            assert!(names.is_sorted(), "{group}");
        }
        assert!(GROWING.into_iter().chain(PATTERNS).all(is_offered));
        assert!(!is_offered("repeat") && !is_offered("version"));
    }
}
