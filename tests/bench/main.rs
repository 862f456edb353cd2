//! What slotwise costs: `cargo bench` prints all of it, `cargo bench -- WORDS` the rows whose title has these words,
//! `cargo bench -- WORDS 3000` with worlds of this size only.
//!
//! Machines are noisy: read the ratios and the growth, and the minimum rather than the median.

mod memory;
mod planner;
mod routers;
mod tables;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let asked = std::env::args().skip(1).filter(|word| !word.starts_with('-'));
    let (sizes, words): (Vec<_>, Vec<_>) = asked.partition(|word| word.parse::<usize>().is_ok());
    let sizes: Vec<usize> = sizes.iter().filter_map(|size| size.parse().ok()).collect();
    let words = words.join(" ");
    planner::run(&words, &sizes);
    routers::run(&words, &sizes);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if tables::TITLE.contains(&words) {
        runtime.block_on(tables::run())?;
    }
    for (title, source) in memory::ROWS {
        if title.contains(&words) {
            let (on_air, kilobytes) = runtime.block_on(memory::measure(source))?;
            anstream::println!(
                "{title}\n  {on_air} destinations on air   peak {} MB",
                kilobytes / 1024
            );
        }
    }
    Ok(())
}
