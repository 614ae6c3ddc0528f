//! Invoices, suppliers, accounts, refunds and the approvals between them.

use super::company::{BILLING, PAYMENTS, SUPPLIERS};
use super::line::{Outcome, Value};
use super::scene::{Habit, Scene, Staff};

pub(super) const FINANCE: [(u64, Habit); 6] = [
    (34, create_invoice),
    (24, update_invoice),
    (20, pay),
    (12, approve),
    (6, change_terms),
    (4, change_account),
];

/// The supplier whose account is changed by a forged letter: a position in the list.
pub(super) const FORGED_SUPPLIER: usize = 0;
/// Approval of a payment above this needs a second person.
const FOUR_EYES_CENTS: u64 = 2_000_000;

fn create_invoice(scene: &mut Scene<'_>, who: Staff) {
    scene.world.invoice += 1;
    let invoice = scene.world.invoice;
    let supplier = *scene.rng.pick_ranked(&SUPPLIERS);
    let (quantity, price_cents) = (scene.rng.range(1, 60), scene.rng.range(400, 90_000));
    let line = scene
        .begin(&BILLING)
        .person(who.person, who.session)
        .action("invoice.create")
        .target("invoice", ("inv-", invoice))
        .outcome(Outcome::Success)
        .context(who.trace, who.client)
        .data(|data| {
            data.field("supplier", supplier)
                .list("lines", |lines| {
                    lines.item(|l| {
                        l.field("quantity", quantity).field("price", Value::Cents(price_cents))
                    })
                })
                .field("total", Value::Cents(quantity * price_cents))
                .field("currency", "EUR")
        });
    scene.finish(line);
}

fn update_invoice(scene: &mut Scene<'_>, who: Staff) {
    let invoice = recent_invoice(scene);
    let (before, after) = (scene.rng.range(10, 2_000_000), scene.rng.range(10, 2_000_000));
    let line = scene
        .begin(&BILLING)
        .person(who.person, who.session)
        .action("invoice.update")
        .target("invoice", ("inv-", invoice))
        .outcome(Outcome::Success)
        .changes(|c| c.change("amount", Value::Cents(before), Value::Cents(after)))
        .context(who.trace, who.client);
    scene.finish(line);
}

pub(super) fn approve(scene: &mut Scene<'_>, who: Staff) {
    let invoice = recent_invoice(scene);
    let amount_cents = scene.rng.range(100, 3_000_000);
    let line = scene
        .begin(&BILLING)
        .person(who.person, who.session)
        .action("invoice.approve")
        .target("invoice", ("inv-", invoice));
    let line = if amount_cents > FOUR_EYES_CENTS {
        line.outcome(Outcome::Denied).reason("above the limit of one approver")
    } else {
        line.outcome(Outcome::Success).changes(|c| c.change("status", "open", "approved"))
    };
    let line = line
        .context(who.trace, who.client)
        .data(|data| data.field("amount", Value::Cents(amount_cents)));
    scene.finish(line);
}

fn pay(scene: &mut Scene<'_>, who: Staff) {
    let supplier = scene.rng.rank(SUPPLIERS.len());
    let (invoice, amount_cents) = (recent_invoice(scene), scene.rng.range(100, 2_000_000));
    send_payment(scene, who, (supplier, invoice, amount_cents));
    scene.wait_ms(500, 20_000);
    let bounced = scene.rng.chance(3);
    let line = scene
        .begin(&PAYMENTS)
        .service("payments")
        .action("payment.settle")
        .target("invoice", ("inv-", invoice))
        .outcome(if bounced { Outcome::Failure } else { Outcome::Success })
        .object("context", |context| context.trace(who.trace))
        .data(|data| data.field("bank_code", if bounced { "AC04" } else { "ACSC" }));
    scene.finish(line);
}

/// A transfer to the supplier at this position, for an invoice, of an amount in hundredths.
pub(super) fn send_payment(scene: &mut Scene<'_>, who: Staff, payment: (usize, u64, u64)) {
    let (supplier, invoice, amount_cents) = payment;
    let account = scene.world.accounts[supplier];
    let line = scene
        .begin(&BILLING)
        .person(who.person, who.session)
        .action("invoice.pay")
        .list("target", |list| {
            list.item(|t| t.field("type", "invoice").field("id", ("inv-", invoice)))
                .item(|t| t.field("type", "supplier").field("id", ("sup-", supplier as u64 + 1)))
        })
        .outcome(Outcome::Success)
        .context(who.trace, who.client)
        .data(|data| {
            data.field("amount", Value::Cents(amount_cents))
                .field("currency", "EUR")
                .field("iban", Value::Iban(account))
        });
    scene.finish(line);
}

fn change_terms(scene: &mut Scene<'_>, who: Staff) {
    let supplier = scene.rng.rank(SUPPLIERS.len());
    let before = *scene.rng.pick(&[14, 30, 45]);
    let line = scene
        .begin(&BILLING)
        .person(who.person, who.session)
        .action("supplier.update")
        .named("supplier", ("sup-", supplier as u64 + 1), SUPPLIERS[supplier])
        .outcome(Outcome::Success)
        .changes(|c| c.change("terms_days", before, before + 15))
        .context(who.trace, who.client);
    scene.finish(line);
}

fn change_account(scene: &mut Scene<'_>, who: Staff) {
    let supplier = scene.rng.rank(SUPPLIERS.len());
    if supplier == FORGED_SUPPLIER && scene.now_ns < scene.world.forgery_until_ns {
        return change_terms(scene, who);
    }
    let account = scene.rng.below(1 << 40);
    set_account(scene, who, (supplier, account), "confirmed by phone with the known contact");
}

/// Gives a supplier (by position) another account.
pub(super) fn set_account(
    scene: &mut Scene<'_>,
    who: Staff,
    (supplier, account): (usize, u64),
    reason: &str,
) {
    let before = std::mem::replace(&mut scene.world.accounts[supplier], account);
    let line = scene
        .begin(&BILLING)
        .person(who.person, who.session)
        .action("supplier.iban.change")
        .named("supplier", ("sup-", supplier as u64 + 1), SUPPLIERS[supplier])
        .outcome(Outcome::Success)
        .reason(reason)
        .changes(|c| c.change("iban", Value::Iban(before), Value::Iban(account)))
        .context(who.trace, who.client);
    scene.finish(line);
}

/// A refund by the service desk: small ones at once, larger ones wait for someone.
pub(super) fn refund(scene: &mut Scene<'_>, who: Staff) {
    let booking = Value::Hex("bk_", scene.rng.next());
    let amount_cents = scene.rng.range(500, 40_000);
    let line = scene
        .begin(&PAYMENTS)
        .person(who.person, who.session)
        .action("refund.create")
        .target("booking", booking);
    let line = if amount_cents > 35_000 {
        line.outcome(Outcome::Unknown).reason("waits for a second approval")
    } else {
        line.outcome(Outcome::Success).reason("delay of more than two hours")
    };
    let line = line
        .context(who.trace, who.client)
        .data(|data| data.field("amount", Value::Cents(amount_cents)).field("currency", "EUR"));
    scene.finish(line);
    if amount_cents > 35_000 {
        scene.wait_minutes(2, 50);
        let manager = &super::company::PEOPLE[36];
        let approver = scene.staff(manager);
        let line = scene
            .begin(&PAYMENTS)
            .person(approver.person, approver.session)
            .action("refund.approve")
            .target("booking", booking)
            .outcome(Outcome::Success)
            .context(who.trace, approver.client);
        scene.finish(line);
    }
}

fn recent_invoice(scene: &mut Scene<'_>) -> u64 {
    scene.world.invoice - scene.rng.below(600)
}
