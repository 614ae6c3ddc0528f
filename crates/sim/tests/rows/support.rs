//! What the rows share: scripted lives, and the check after them.

use log::Cell;
use sim::{Client, End, Step, Violation, World, check_cell, check_offline};

/// A batch of one small event.
pub(crate) const ONE: Step = Step::Append { events: 1, padding_bytes: 40, blob: false };
/// A batch of several blocks, with a blob.
pub(crate) const MANY: Step = Step::Append { events: 4, padding_bytes: 3_000, blob: true };

/// Whether every loop runs over everything.
pub(crate) fn is_full() -> bool {
    std::env::var_os("GRAVEN_SIM_FULL").is_some_and(|value| value == "1")
}

/// How far a loop goes on at each turn: by one where everything is asked for.
pub(crate) fn stride(smoke: usize) -> usize {
    if is_full() { 1 } else { smoke }
}

/// How many seeds a loop tries.
pub(crate) fn seeds(smoke: u64, full: u64) -> std::ops::Range<u64> {
    0..if is_full() { full } else { smoke }
}

/// Starts a cell and does the steps until it takes no more; the cell, if it started.
pub(crate) fn live(
    world: &World,
    client: &mut Client,
    steps: &[Step],
) -> Result<Option<Cell>, Violation> {
    let Ok((cell, _)) = world.open() else { return Ok(None) };
    for step in steps {
        if !client.step(&cell, *step)? {
            break;
        }
    }
    Ok(Some(cell))
}

/// Starts on a sound disk, checks everything, sends again what has no answer, goes on, and checks again.
pub(crate) fn look(world: &World, client: &mut Client) -> Result<(), Violation> {
    world.disk.heal();
    let opened = world.open();
    let (cell, _) = opened.map_err(|error| Violation::new("I9", format!("{error}: {error:?}")))?;
    check_cell(&cell, &mut client.history)?;
    check_offline(world, &client.history)?;
    for step in [Step::Resend, ONE, Step::Keep] {
        if !client.step(&cell, step)? {
            return Err(Violation::new("I9", format!("{step:?} makes no progress")));
        }
    }
    check_cell(&cell, &mut client.history)?;
    world.end(Some(&cell), End::Stop);
    Ok(())
}

/// Fails the test with the seed and everything else that shows it again.
pub(crate) fn pass(result: Result<(), Violation>, context: &str) {
    if let Err(violation) = result {
        panic!("{context}: {violation}");
    }
}

/// Calls to the disk that the steps take on a sound one, its start included.
pub(crate) fn count_calls(make: fn(u64) -> World, steps: &[Step]) -> usize {
    let world = make(1);
    let before = world.disk.operations();
    let cell = live(&world, &mut Client::new(), steps).expect("a sound disk").expect("starts");
    let calls = world.disk.operations() - before;
    world.end(Some(&cell), End::Stop);
    usize::try_from(calls).expect("a few thousand")
}
