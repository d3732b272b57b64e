//! What can exist only once, and what follows for replacement.

use konductor_sdk::prelude::*;

/// Makes a replacement delete first, unless one of the attributes that set the new object apart changes. It also
/// holds for a replacement that somebody asked for without any change.
pub fn delete_first_unless_changed(plan: &mut PlanResponse, apart: &[&str]) {
    let set_apart = plan
        .changes
        .iter()
        .filter_map(|change| change.at.first_attribute())
        .any(|changed| apart.contains(&changed));
    if !set_apart {
        plan.delete_before_replace = true;
    }
}
