//! T08: a bit flips in memory, between hash and write and between write and signature.

use crate::support::{MANY, ONE, look, pass};
use log::Mutant;
use sim::{Client, End, Outcome, World};

/// A flip while a batch is on its way: the cell stops, and nothing wrong was signed.
fn check(flip: Mutant) {
    let (world, mut client) = (World::started(8), Client::new());
    let (cell, _) = world.open().expect("starts");
    client.step(&cell, ONE).expect("holds");
    cell.mutants().switch_on(flip);
    let went = client.step(&cell, MANY).expect("holds");
    assert!(!went, "{flip:?}: the cell goes on");
    let acked = client.history.sent.values().filter(|sent| sent.outcome != Outcome::Unknown);
    assert_eq!(acked.count(), 1, "{flip:?}: acknowledged although the buffer changed");
    world.end(Some(&cell), End::PowerCut);
    pass(look(&world, &mut client), &format!("seed 8, {flip:?}"));
}

#[test]
fn t08_a_bit_that_flips_in_memory_is_never_signed() {
    check(Mutant::FlipBeforeFlush);
    check(Mutant::FlipBeforeSign);
}
