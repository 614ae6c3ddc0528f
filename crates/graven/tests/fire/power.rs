//! T13: the power goes, with a real ext4 on a device that forgets what was not flushed.

use super::device::{Broken, Device, Flushes, missing, wait_until};
use super::dice::{Dice, size};
use super::trial::Trial;

const DEVICE_BYTES: u64 = 512 << 20;
/// Cuts of one device; its log grows with each.
const CUTS_A_DEVICE: u64 = 20;

/// Events that a control has to have acknowledged before its cut.
const CONTROL_ACKED: usize = 100;

/// A load that ends in a cut, not before so many events are acknowledged; afterwards the power is on again.
fn cut(trial: &mut Trial, device: &mut Device, acked_min: usize) {
    let before = trial.outside.acked();
    let loaded = trial.load(|scene| {
        wait_until("events are acknowledged", || scene.outside.acked() >= before + acked_min);
        scene.dice.wait_ms(5, 300);
        device.cut();
        scene.fixture.kill();
    });
    device.power_off();
    device.power_on(Flushes::Kept);
    loaded.unwrap_or_else(|violation| panic!("{}: {violation}", trial.told()));
}

#[test]
fn t13_power_cut_on_ext4() {
    if let Some(why) = missing() {
        println!("SKIP t13_power_cut_on_ext4: {why}");
        return;
    }
    let mut dice = Dice::of_row("t13");
    let mut left = size(4, 120);
    while left > 0 {
        let cuts = left.min(CUTS_A_DEVICE);
        left -= cuts;
        let mut device = Device::new(DEVICE_BYTES, &[], Broken::Writes);
        let mut trial = Trial::on(&device.mount_point().join("data"), &mut dice, 20_000);
        for number in 0..cuts {
            cut(&mut trial, &mut device, 0);
            let looked = trial.look();
            looked
                .unwrap_or_else(|violation| panic!("cut {number}, {}: {violation}", trial.told()));
        }
        println!("t13: {cuts} cuts, {}", trial.told());
    }
}

/// The control: on a device that lies about flushes the same row has to fail, or it shows nothing.
#[test]
fn t13_control_flushes_that_do_nothing_are_seen() {
    if let Some(why) = missing() {
        println!("SKIP t13_control_flushes_that_do_nothing_are_seen: {why}");
        return;
    }
    let mut dice = Dice::of_row("t13 control");
    let mut device = Device::new(DEVICE_BYTES, &[], Broken::Writes);
    let mut trial = Trial::on(&device.mount_point().join("data"), &mut dice, 20_000);
    cut(&mut trial, &mut device, CONTROL_ACKED);
    trial.look().expect("an honest device");
    device.power_off();
    device.power_on(Flushes::Ignored);
    cut(&mut trial, &mut device, CONTROL_ACKED);
    let violation = trial.look().expect_err("acknowledged entries are gone");
    assert!(["I1", "I2", "I4", "I5", "I8"].contains(&violation.invariant), "{violation}");
    println!("t13 control: {violation}");
}
