//! What goes wrong in the month, for a reader to find: a leaver's account used at night, a leaked
//! token, a mass export, an escalation that ends in deletion, an agent that loops, a forged letter.

use super::agents::{Run, act, begin, end};
use super::calendar::HOUR_NS;
use super::company::{
    AGENTS, BOTS, CLIMBER, DECEIVED, DESK, DETECTION, EXPORTER, GATEWAY, GUARDS, HR, IDENTITY,
    KUBERNETES, LEAVER, LOOP_OWNER, OBJECTS, PEOPLE, POSTGRES, SUPPLIERS, TABLES,
};
use super::engineering::shell;
use super::line::{Client, Ip, Line, Outcome, Trace, Value};
use super::money::{FORGED_SUPPLIER, send_payment, set_account};
use super::scene::{Scene, Staff};

/// How often the agent repeats itself before it is stopped.
const LOOP_CALLS: u64 = 64;
/// Longest time from a forged letter to its correction.
const FORGERY_NS_MAX: u64 = 4 * HOUR_NS;

/// The contract ends, but closing the account fails and nobody looks.
pub(super) fn offboard_leaver(scene: &mut Scene<'_>) {
    let officer = scene.staff(&PEOPLE[16]);
    let line = scene
        .begin_local(&HR, 0)
        .person(officer.person, officer.session)
        .action("employee.offboard")
        .named("employee", LEAVER.handle, LEAVER.name)
        .outcome(Outcome::Success)
        .changes(|c| c.change("status", "active", "left"))
        .context(officer.trace, officer.client);
    scene.finish(line);
    scene.world.left_ns = scene.now_ns;
    scene.wait_ms(800, 4_000);
    let line = scene
        .begin(&IDENTITY)
        .service("hr-connector")
        .action("user.deactivate")
        .target("user", LEAVER.handle)
        .outcome(Outcome::Unknown)
        .reason("directory did not answer within 30 s; not retried")
        .object("context", |context| context.trace(officer.trace));
    scene.finish(line);
}

/// At night, from elsewhere: prompts until someone taps yes, then the customer files.
pub(super) fn leaver_returns(scene: &mut Scene<'_>) {
    let client = Client { ip: Ip::V4([203, 0, 113, 77]), user_agent: "curl/8.16.0" };
    let who = Staff { client, ..scene.staff(LEAVER) };
    for attempt in 1..=7_u64 {
        let granted = attempt == 7;
        let line = scene
            .begin(&IDENTITY)
            .person(who.person, who.session)
            .action("mfa.challenge")
            .target("factor", "push");
        let line = if granted {
            line.outcome(Outcome::Success)
        } else {
            line.outcome(Outcome::Denied).reason("rejected on the phone")
        };
        let line = line.context(who.trace, client).data(|data| data.field("attempt", attempt));
        scene.finish(line);
        scene.wait_ms(15_000, 70_000);
    }
    let line = scene
        .begin(&IDENTITY)
        .person(who.person, who.session)
        .action("user.signin")
        .target("application", "cluster-console")
        .outcome(Outcome::Success)
        .context(who.trace, client)
        .data(|data| data.field("method", "push").field("new_device", true));
    scene.finish(line);
    for _ in 0..22 {
        scene.wait_ms(2_000, 25_000);
        let key = scene.rng.range(1, 9_000);
        let line = scene
            .begin(&OBJECTS)
            .person(who.person, who.session)
            .action("object.get")
            .named("object", ("doc/", key), "booking-documents")
            .outcome(Outcome::Success)
            .context(who.trace, client);
        scene.finish(line);
    }
    scene.wait_minutes(4, 9);
    raise(scene, who.trace, "sign-in of a person who left", LEAVER.handle);
    scene.wait_minutes(6, 20);
    lock(scene, GUARDS[1].handle, who);
}

/// A token from a public repository is tried from many addresses until it is revoked.
pub(super) fn leaked_token(scene: &mut Scene<'_>) {
    let (trace, token) = (scene.trace(), Value::Hex("tok_", scene.rng.next()));
    for round in 0..30_u64 {
        let host = 90 + (round % 11) as u8;
        let client =
            Client { ip: Ip::V4([198, 51, 100, host]), user_agent: "python-requests/2.32" };
        let stopped = round >= 24;
        let line = scene
            .begin(&GATEWAY)
            .service("loyalty")
            .action("api.request")
            .target("service", "loyalty");
        let line = if stopped {
            line.outcome(Outcome::Denied).reason("token was revoked")
        } else {
            line.outcome(Outcome::Success)
        };
        let line = line.context(trace, client).data(|data| {
            data.field("route", "GET /v1/points/{account}")
                .field("status", if stopped { 401 } else { 200 })
                .field("token", token)
        });
        scene.finish(line);
        scene.wait_ms(700, 9_000);
        if round == 23 {
            let line = scene
                .begin(&IDENTITY)
                .system("secret-scanner")
                .action("token.revoke")
                .target("token", token)
                .outcome(Outcome::Success)
                .reason("found in a public repository")
                .object("context", |context| context.trace(trace));
            scene.finish(line);
        }
    }
}

/// Every customer, in growing pages, shortly before the working day ends.
pub(super) fn mass_export(scene: &mut Scene<'_>) {
    let who = scene.staff(EXPORTER);
    let mut rows = 500;
    for page in 1..=26_u64 {
        let line = scene
            .begin(&DESK)
            .person(who.person, who.session)
            .action("customer.export")
            .target("segment", "all-customers")
            .outcome(Outcome::Success)
            .context(who.trace, who.client)
            .data(|data| {
                data.field("page", page).field("rows", rows).list("fields", |fields| {
                    fields.element("name").element("mail").element("phone").element("birth_date")
                })
            });
        scene.finish(line);
        scene.wait_ms(4_000, 40_000);
        rows += rows / 4;
    }
    raise(scene, who.trace, "rows exported far above the usual", EXPORTER.handle);
    scene.wait_minutes(3, 8);
    lock(scene, GUARDS[0].handle, who);
}

/// An administrator gives themselves more, then removes backups and what would have told of it.
pub(super) fn climb_and_delete(scene: &mut Scene<'_>) {
    let who = scene.staff(CLIMBER);
    let client = shell(who, 0);
    let line = scene
        .begin(&IDENTITY)
        .person(who.person, who.session)
        .action("group.member.add")
        .list("target", |list| {
            list.item(|t| t.field("type", "group").field("id", "production-admins"))
                .item(|t| t.field("type", "user").field("id", CLIMBER.handle))
        })
        .outcome(Outcome::Success)
        .reason("on call")
        .context(who.trace, client);
    scene.finish(line);
    scene.wait_minutes(2, 6);
    let line = scene
        .begin(&KUBERNETES)
        .person(who.person, who.session)
        .action("k8s.clusterrolebinding.create")
        .named("clusterrolebinding", "tmp-debug", CLIMBER.handle)
        .outcome(Outcome::Success)
        .context(who.trace, client)
        .data(|data| {
            data.object("role", |r| r.field("kind", "ClusterRole").field("name", "cluster-admin"))
        });
    scene.finish(line);
    scene.wait_minutes(1, 4);
    delete_backups(scene, who, client);
    drop_tables(scene, who);
    scene.wait_minutes(1, 3);
    let line = scene
        .begin(&KUBERNETES)
        .person(who.person, who.session)
        .action("k8s.auditsink.delete")
        .target("auditsink", "archive")
        .outcome(Outcome::Denied)
        .reason("admission webhook refused the request")
        .context(who.trace, client);
    scene.finish(line);
    raise(scene, who.trace, "own rights raised, then backups deleted", CLIMBER.handle);
    scene.wait_minutes(2, 7);
    lock(scene, GUARDS[1].handle, who);
}

fn delete_backups(scene: &mut Scene<'_>, who: Staff, client: Client) {
    for _ in 0..14 {
        let backup = scene.rng.next();
        let line = scene
            .begin(&OBJECTS)
            .person(who.person, who.session)
            .action("object.delete")
            .named("object", Value::Hex("base_", backup), "backups-prod")
            .outcome(Outcome::Success)
            .context(who.trace, client)
            .data(|data| data.field("bucket", "backups-prod").field("versions", 3));
        scene.finish(line);
        scene.wait_ms(300, 2_500);
    }
}

fn drop_tables(scene: &mut Scene<'_>, who: Staff) {
    for table in &TABLES[6..9] {
        scene.wait_ms(5_000, 20_000);
        let line = scene
            .begin(&POSTGRES)
            .person(who.person, who.session)
            .action("db.table.drop")
            .target("table", table.name)
            .outcome(Outcome::Success)
            .context(who.trace, shell(who, 1))
            .data(|data| data.field("statement", "DROP TABLE … CASCADE"));
        scene.finish(line);
    }
}

/// The same call with the same arguments, again and again, until the budget stops it.
pub(super) fn agent_loops(scene: &mut Scene<'_>) {
    // The invoice matcher.
    let run =
        Run { bot: &BOTS[1], session: scene.rng.next(), person: LOOP_OWNER, trace: scene.trace() };
    let tokens = begin(scene, run);
    for turn in 1..=LOOP_CALLS {
        scene.wait_ms(4_000, 9_000);
        let line = act(scene, run, "agent.tool.call")
            .target("tool", "match_payment")
            .outcome(if turn % 9 == 0 { Outcome::Unknown } else { Outcome::Failure })
            .reason("no payment matches, try again")
            .object("context", |context| context.trace(run.trace))
            .data(|data| {
                data.object("arguments", |a| a.field("invoice", "inv-48190").field("fuzzy", true))
                    .field("turn", turn)
                    .field("tokens_so_far", tokens + turn * turn * 310)
            });
        scene.finish(line);
    }
    scene.wait_ms(500, 2_000);
    let line = scene
        .begin(&AGENTS)
        .system("budget-guard")
        .action("agent.run.kill")
        .target("run", Value::Hex("run_", run.session))
        .outcome(Outcome::Success)
        .reason("64 calls with equal arguments")
        .object("context", |context| context.trace(run.trace));
    scene.finish(line);
    end(scene, run, LOOP_CALLS, tokens);
}

/// A letter asks for another account; it is entered, paid to, and found out two hours later.
pub(super) fn forged_letter(scene: &mut Scene<'_>) {
    let who = scene.staff(DECEIVED);
    let right_account = scene.world.accounts[FORGED_SUPPLIER];
    let forged = (FORGED_SUPPLIER, scene.rng.below(1 << 40));
    scene.world.forgery_until_ns = scene.now_ns + FORGERY_NS_MAX;
    set_account(scene, who, forged, "letter from the supplier, urgent");
    scene.wait_minutes(4, 11);
    let invoice = scene.world.invoice;
    for (part, amount_cents) in [1_984_000, 1_990_500, 1_871_250].into_iter().enumerate() {
        send_payment(scene, who, (FORGED_SUPPLIER, invoice - part as u64, amount_cents));
        scene.wait_minutes(1, 5);
    }
    scene.wait_minutes(90, 140);
    raise(
        scene,
        who.trace,
        "payments to an account younger than a day",
        SUPPLIERS[FORGED_SUPPLIER],
    );
    scene.wait_minutes(5, 15);
    let guard = scene.staff(GUARDS[0]);
    set_account(scene, guard, (FORGED_SUPPLIER, right_account), "the letter was forged");
}

fn raise(scene: &mut Scene<'_>, trace: Trace, rule: &str, about: &str) {
    let alert = scene.rng.range(80_000, 89_999);
    let line = scene
        .begin(&DETECTION)
        .system("detector")
        .action("alert.raise")
        .target("alert", ("A-", alert))
        .outcome(Outcome::Success)
        .reason(rule)
        .object("context", |context| context.trace(trace))
        .data(|data| data.field("about", about).field("severity", "high"));
    scene.finish(line);
}

/// A guard closes the account of someone.
fn lock(scene: &mut Scene<'_>, guard: &str, who: Staff) {
    let line: Line = scene
        .begin(&IDENTITY)
        .object("actor", |actor| actor.field("type", "user").field("id", guard))
        .action("user.lock")
        .named("user", who.person.handle, who.person.name)
        .outcome(Outcome::Success)
        .changes(|c| c.change("status", "active", "locked").change("sessions", 1, 0))
        .object("context", |context| context.trace(who.trace));
    scene.finish(line);
}
