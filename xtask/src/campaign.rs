//! The slow campaigns that `cargo xtask test --all` adds: faults, long simulations, many seeds.

use std::path::Path;

/// One campaign.
struct Campaign {
    name: &'static str,
    about: &'static str,
    /// Runs it on the checkout at the given root; an error says what it found and the seed that shows it again.
    run: fn(&Path) -> Result<(), String>,
}

/// All campaigns. None yet: the first ones come with the fault matrix.
const CAMPAIGNS: &[Campaign] = &[];

/// Runs all of them and gives the failures, one message each.
pub(crate) fn run_all(root: &Path) -> Vec<String> {
    println!("campaigns: {} registered", CAMPAIGNS.len());
    let mut failures = Vec::new();
    for campaign in CAMPAIGNS {
        println!("campaign {}: {}", campaign.name, campaign.about);
        if let Err(reason) = (campaign.run)(root) {
            println!("  FAILED: {reason}");
            failures.push(format!("{}: {reason}", campaign.name));
        }
    }
    failures
}
