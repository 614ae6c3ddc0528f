//! PostgreSQL's protocol, spoken by PostgreSQL's JDBC driver from Maven's registry: five queries, statements with parameters,
//! pages of a portal, and the metadata that tools ask for.

use std::process::Command;

use super::kit::Kit;
use super::report::Report;
use crate::stage::installed;

/// The driver: group, name, version.
const DRIVER: [&str; 3] = ["org.postgresql", "postgresql", "42.7.7"];

/// Runs the part.
pub(super) fn run(kit: &Kit, report: &mut Report) -> Result<(), String> {
    if !installed("java", &["--version"]) || !installed("mvn", &["--version"]) {
        report.skip("conformance-pg: install Java 17 and Maven (`apt install openjdk-17-jdk-headless maven`)");
        return Ok(());
    }
    let folder = kit.root.join("target/conformance/jdbc");
    let mut fetch = Command::new("mvn");
    fetch.args(["--batch-mode", "--quiet", "dependency:copy"]);
    fetch.arg(format!("-Dartifact={}", DRIVER.join(":")));
    fetch.arg(format!("-DoutputDirectory={}", folder.display()));
    if !kit.stages.run_quiet("jdbc", &mut fetch)?.good {
        report.skip(
            "conformance-pg: Maven's packages cannot be fetched; set a mirror in settings.xml",
        );
        return Ok(());
    }
    let jar = folder.join(format!("{}-{}.jar", DRIVER[1], DRIVER[2]));
    // The test of the command line that the suite skips without the driver; the same build.
    let mut test = Command::new("cargo");
    test.args(["test", "--workspace", "--test", "cli", "the_jdbc_driver_is_answered"]);
    test.env("GRAVEN_JDBC_JAR", jar).current_dir(&kit.root);
    let outcome = kit.stages.run("JDBC", &mut test)?;
    let ran = outcome.good && outcome.output.contains("1 passed");
    report.check(
        "the JDBC driver is answered",
        if ran { Ok(()) } else { Err("see above".to_owned()) },
    );
    Ok(())
}
