//! What customers do: sign in, book, pay, change, cancel, travel, and ask for their data.

use super::company::{
    BOOKING, GATEWAY, IDENTITY, MEALS, PAYMENTS, PORT_NAMES, PORTS, POSTGRES, REMARKS, VESSELS,
};
use super::line::{Client, Ip, Outcome, Value};
use super::scene::{Scene, Visitor};

type Visit = fn(&mut Scene<'_>, Visitor);

const VISITS: [(u64, Visit); 9] = [
    (20, sign_in),
    (24, book),
    (20, look),
    (8, change_booking),
    (6, cancel_booking),
    (14, board),
    (5, edit_account),
    (2, ask_for_data),
    (3, guess_passwords),
];

pub(super) fn play(scene: &mut Scene<'_>) {
    let visitor = scene.visitor();
    let visit = scene.rng.pick_weighted(&VISITS);
    visit(scene, visitor);
}

fn sign_in(scene: &mut Scene<'_>, who: Visitor) {
    let mut attempt = 1;
    while attempt < 4 && scene.rng.chance(14) {
        let line = scene
            .begin(&IDENTITY)
            .customer(who.customer, who.session)
            .action("customer.signin")
            .target("application", "halden-app")
            .outcome(Outcome::Failure)
            .reason("wrong password")
            .context(who.trace, who.client)
            .data(|data| data.field("method", "password").field("attempt", attempt));
        scene.finish(line);
        scene.wait_ms(2_000, 15_000);
        attempt += 1;
    }
    let method = *scene.rng.pick_ranked(&["passkey", "password", "mail_link"]);
    let line = scene
        .begin(&IDENTITY)
        .customer(who.customer, who.session)
        .action("customer.signin")
        .target("application", "halden-app")
        .outcome(Outcome::Success)
        .context(who.trace, who.client)
        .data(|data| data.field("method", method).field("attempt", attempt));
    scene.finish(line);
}

fn look(scene: &mut Scene<'_>, who: Visitor) {
    let (from, to) = route(scene);
    let (adults, matches) = (scene.rng.range(1, 5), scene.rng.below(14));
    let line = scene
        .begin(&BOOKING)
        .customer(who.customer, who.session)
        .action("quote.read")
        .target("quote", Value::Hex("q_", who.trace.1))
        .outcome(Outcome::Success)
        .context(who.trace, who.client)
        .data(|data| {
            data.field("from", from)
                .field("to", to)
                .field("adults", adults)
                .field("matches", matches)
        });
    scene.finish(line);
}

fn book(scene: &mut Scene<'_>, who: Visitor) {
    let booking = Value::Hex("bk_", scene.rng.next());
    let fare_cents = scene.rng.range(19, 640) * 90;
    create_booking(scene, who, booking, fare_cents);
    scene.wait_ms(3, 40);
    insert_row(scene, who, booking, fare_cents);
    scene.wait_ms(900, 40_000);
    let declined = scene.rng.chance(7);
    authorize(scene, who, booking, fare_cents, declined);
    if declined {
        return;
    }
    scene.wait_ms(40, 400);
    let line = scene
        .begin(&BOOKING)
        .service("payments")
        .action("booking.confirm")
        .target("booking", booking)
        .outcome(Outcome::Success)
        .changes(|c| c.change("status", "held", "confirmed").change("paid", false, true))
        .object("context", |context| context.trace(who.trace));
    scene.finish(line);
}

fn create_booking(scene: &mut Scene<'_>, who: Visitor, booking: Value<'_>, fare_cents: u64) {
    let (from, to) = route(scene);
    let (adults, cars, dogs) =
        (scene.rng.range(1, 4), scene.rng.below(2), scene.rng.below(12) / 11);
    let vessel = *scene.rng.pick_ranked(&VESSELS);
    let line = scene
        .begin(&BOOKING)
        .customer(who.customer, who.session)
        .action("booking.create")
        .target("booking", booking)
        .outcome(Outcome::Success)
        .context(who.trace, who.client)
        .data(|data| {
            data.object("leg", |leg| {
                leg.field("from", from).field("to", to).field("vessel", vessel)
            })
            .field("adults", adults)
            .field("cars", cars)
            .field("dogs", dogs)
            .field("total", Value::Cents(fare_cents))
            .field("currency", "EUR")
        });
    scene.finish(line);
}

fn insert_row(scene: &mut Scene<'_>, who: Visitor, booking: Value<'_>, fare_cents: u64) {
    let transaction = scene.rng.range(700_000_000, 790_000_000);
    let line = scene
        .begin(&POSTGRES)
        .service("booking-api")
        .action("db.row.insert")
        .named("row", booking, "booking.bookings")
        .outcome(Outcome::Success)
        .changes(|c| {
            c.change("status", Value::Null, "held").change("fare_cents", Value::Null, fare_cents)
        })
        .object("context", |context| context.trace(who.trace).field("transaction", transaction));
    scene.finish(line);
}

fn authorize(
    scene: &mut Scene<'_>,
    who: Visitor,
    booking: Value<'_>,
    fare_cents: u64,
    declined: bool,
) {
    let payment = Value::Hex("pay_", scene.rng.next());
    let last_four = scene.rng.range(1_000, 9_999);
    let ip = scene.pod_ip();
    let line = scene.begin(&PAYMENTS).service("booking-api").action("payment.authorize").list(
        "target",
        |list| {
            list.item(|t| t.field("type", "payment").field("id", payment))
                .item(|t| t.field("type", "booking").field("id", booking))
        },
    );
    let line = if declined {
        let reason =
            *scene.rng.pick(&["card declined (51)", "3-D Secure abandoned", "expired card"]);
        line.outcome(Outcome::Failure).reason(reason)
    } else {
        line.outcome(Outcome::Success)
    };
    let line = line.internal(who.trace, ip).data(|data| {
        data.field("amount", Value::Cents(fare_cents))
            .field("currency", "EUR")
            .field("card", ("**** ", last_four))
    });
    scene.finish(line);
}

fn change_booking(scene: &mut Scene<'_>, who: Visitor) {
    let booking = Value::Hex("bk_", scene.rng.next());
    let (before, after) = (scene.rng.range(1, 5), scene.rng.range(1, 5));
    let remark = *scene.rng.pick(&REMARKS);
    let line = scene
        .begin(&BOOKING)
        .customer(who.customer, who.session)
        .action("booking.change")
        .target("booking", booking)
        .outcome(Outcome::Success)
        .changes(|c| c.change("passengers", before, after).change("remark", "", remark))
        .context(who.trace, who.client);
    scene.finish(line);
}

fn cancel_booking(scene: &mut Scene<'_>, who: Visitor) {
    let booking = Value::Hex("bk_", scene.rng.next());
    let amount = scene.rng.range(19, 640) * 90;
    let too_late = scene.rng.chance(12);
    let line = scene
        .begin(&BOOKING)
        .customer(who.customer, who.session)
        .action("booking.cancel")
        .target("booking", booking);
    let line = if too_late {
        line.outcome(Outcome::Denied).reason("departs in less than two hours")
    } else {
        line.outcome(Outcome::Success).changes(|c| c.change("status", "confirmed", "cancelled"))
    };
    let line = line.context(who.trace, who.client);
    scene.finish(line);
    if too_late {
        return;
    }
    scene.wait_ms(300, 9_000);
    let line = scene
        .begin(&PAYMENTS)
        .service("booking-api")
        .action("refund.create")
        .target("booking", booking)
        .outcome(Outcome::Success)
        .object("context", |context| context.trace(who.trace))
        .data(|data| {
            data.field("amount", Value::Cents(amount))
                .field("currency", "EUR")
                .field("policy", "flex-48h")
        });
    scene.finish(line);
}

fn board(scene: &mut Scene<'_>, who: Visitor) {
    let booking = Value::Hex("bk_", scene.rng.next());
    let gate = scene.rng.range(1, 9);
    let vessel = *scene.rng.pick_ranked(&VESSELS);
    let refused = scene.rng.chance(4);
    let line = scene.begin_local(&PORTS, 0).system("gate-scanner").action("ticket.scan").list(
        "target",
        |list| {
            list.item(|t| t.field("type", "booking").field("id", booking))
                .item(|t| t.field("type", "vessel").field("id", vessel))
        },
    );
    let line = if refused {
        let reason = *scene.rng.pick(&["ticket is for another sailing", "already scanned"]);
        line.outcome(Outcome::Denied).reason(reason)
    } else {
        line.outcome(Outcome::Success)
    };
    let line = line
        .object("context", |context| context.trace(who.trace).field("device", ("gate-", gate)))
        .data(|data| data.field("customer", Value::Hex("c_", who.customer)));
    scene.finish(line);
}

fn edit_account(scene: &mut Scene<'_>, who: Visitor) {
    let row = scene.rng.range(1, 40_000);
    let (old, new) = (*scene.rng.pick_ranked(&MEALS), *scene.rng.pick(&MEALS));
    let line = scene
        .begin(&GATEWAY)
        .customer(who.customer, who.session)
        .action("account.update")
        .target("customer", Value::Hex("c_", who.customer))
        .outcome(Outcome::Success)
        .changes(|c| c.change("preferences.meal", old, new))
        .context(who.trace, who.client);
    scene.finish(line);
    scene.wait_ms(2, 25);
    let line = scene
        .begin(&POSTGRES)
        .service("web-gateway")
        .action("db.row.update")
        .named("row", ("", row), "crm.customers")
        .outcome(Outcome::Success)
        .changes(|c| c.change("meal", old, new))
        .object("context", |context| context.trace(who.trace));
    scene.finish(line);
}

fn ask_for_data(scene: &mut Scene<'_>, who: Visitor) {
    let erase = scene.rng.chance(30);
    let action = if erase { "privacy.erasure.request" } else { "privacy.export.request" };
    let line = scene
        .begin(&GATEWAY)
        .customer(who.customer, who.session)
        .action(action)
        .target("customer", Value::Hex("c_", who.customer))
        .outcome(Outcome::Success)
        .context(who.trace, who.client)
        .data(|data| data.field("due_days", 30).field("regulation", "GDPR"));
    scene.finish(line);
}

/// Someone tries leaked passwords on many accounts from one address, and is stopped.
fn guess_passwords(scene: &mut Scene<'_>, who: Visitor) {
    let ip = Ip::V4([203, 0, 113, 200 + scene.rng.below(55) as u8]);
    let client = Client { ip, user_agent: "python-requests/2.32" };
    for attempt in 1..=scene.rng.range(2, 5) {
        let victim = scene.visitor();
        let line = scene
            .begin(&IDENTITY)
            .customer(victim.customer, victim.session)
            .action("customer.signin")
            .target("application", "halden-app")
            .outcome(Outcome::Failure)
            .reason("wrong password")
            .context(victim.trace, client)
            .data(|data| data.field("method", "password").field("attempt", attempt));
        scene.finish(line);
        scene.wait_ms(200, 1_500);
    }
    let line = scene
        .begin(&GATEWAY)
        .system("rate-limiter")
        .action("ratelimit.block")
        .target("address", Value::Ip(ip))
        .outcome(Outcome::Denied)
        .reason("too many failed sign-ins")
        .context(who.trace, client)
        .data(|data| data.field("window_s", 60).field("block_s", 900));
    scene.finish(line);
}

fn route(scene: &mut Scene<'_>) -> (&'static str, &'static str) {
    let from = scene.rng.rank(PORT_NAMES.len());
    let step = 1 + scene.rng.rank(PORT_NAMES.len() - 1);
    (PORT_NAMES[from], PORT_NAMES[(from + step) % PORT_NAMES.len()])
}
