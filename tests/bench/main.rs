//! What slotwise costs: `cargo bench` prints all of it, `cargo bench -- WORDS` the rows whose title has these words.
//!
//! Machines are noisy: read the ratios and the growth, and the minimum rather than the median.

mod memory;
mod planner;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let words = std::env::args()
        .skip(1)
        .find(|word| !word.starts_with('-'))
        .unwrap_or_default();
    planner::run(&words);
    if memory::TITLE.contains(&words) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let (on_air, kilobytes) = runtime.block_on(memory::measure())?;
        anstream::println!(
            "{}\n  {on_air} destinations on air   peak {} MB",
            memory::TITLE,
            kilobytes / 1024
        );
    }
    Ok(())
}
