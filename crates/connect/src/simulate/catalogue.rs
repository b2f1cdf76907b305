//! What the businesses sell and teach. Prices in cents of a euro, before the currency's scale.

/// Goods: title, category and price.
pub(super) const GOODS: [(&str, &str, i64); 12] = [
    ("Water bottle", "accessories", 1_250),
    ("Towel", "accessories", 990),
    ("Protein bar", "food", 295),
    ("Espresso", "food", 240),
    ("Green tea", "food", 849),
    ("Yoga mat", "equipment", 3_900),
    ("Resistance band", "equipment", 1_499),
    ("T-shirt", "clothing", 2_450),
    ("Leggings", "clothing", 5_495),
    ("Surfboard wax", "equipment", 699),
    ("Rash guard", "clothing", 4_200),
    ("Gift card", "vouchers", 5_000),
];

/// Memberships: title and price of a month.
pub(super) const PLANS: [(&str, i64); 3] =
    [("Basic membership", 3_900), ("Plus membership", 6_900), ("Unlimited membership", 9_900)];

/// Classes: name, category, minutes and places.
pub(super) const CLASSES: [(&str, &str, i64, i64); 6] = [
    ("Morning flow", "mind", 60, 16),
    ("Strength basics", "strength", 60, 14),
    ("Intervals", "cardio", 45, 20),
    ("Mobility", "mind", 45, 12),
    ("Technique clinic", "skill", 90, 8),
    ("Open session", "open", 60, 24),
];

/// The local hours at which classes start, on weekdays and on weekends.
pub(super) const HOURS_WEEKDAY: [i64; 8] = [6, 7, 9, 12, 17, 18, 19, 20];
/// See [`HOURS_WEEKDAY`].
pub(super) const HOURS_WEEKEND: [i64; 4] = [9, 10, 11, 16];

/// How busy the days from Monday to Sunday are, in percent.
pub(super) const STUDIO_WEEK: [u64; 7] = [125, 130, 120, 110, 80, 75, 50];
/// See [`STUDIO_WEEK`].
pub(super) const SHOP_WEEK: [u64; 7] = [75, 80, 90, 95, 120, 140, 100];
