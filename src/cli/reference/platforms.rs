//! `platforms.md`: the URLs that `platform:` stands for.

use super::{escaped, line};
use crate::manifest::presets::PRESETS;

/// Every platform.
pub(super) fn page() -> String {
    let mut page = String::from("| `platform:` | is | URL | backup URL | source |\n|---|---|---|---|---|\n");
    for preset in PRESETS {
        let backup = preset
            .backup_url
            .map_or_else(String::new, |url| format!("`{url}`"));
        line(
            &mut page,
            &format!(
                "| `{}` | {} | `{}` | {backup} | {} |",
                preset.name,
                escaped(preset.about),
                preset.url,
                escaped(preset.source)
            ),
        );
    }
    page
}
