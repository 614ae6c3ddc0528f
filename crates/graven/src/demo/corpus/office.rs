//! What people at work do. Each role has its own habits; anyone signs in, reads documents, and
//! looks at reports.

use super::agents::text;
use super::calendar::ZONES;
use super::company::{
    APPLICATIONS, BUCKETS, DESK, DETECTION, GROUPS, HR, IDENTITY, OBJECTS, PORT_NAMES, PORTS,
    REMARKS, REPORTING, Role, SECRETS, VESSELS,
};
use super::line::{Outcome, Value};
use super::scene::{Habit, Scene, Staff, position};
use super::{engineering, money};

const ANYONE: [(u64, Habit); 6] = [
    (46, sign_in),
    (22, read_document),
    (14, look_at_dashboard),
    (6, sign_out),
    (5, enroll_factor),
    (7, ask_for_leave),
];
const SUPPORT: [(u64, Habit); 5] = [
    (34, work_ticket),
    (34, view_customer),
    (14, close_ticket),
    (12, money::refund),
    (6, impersonate),
];
const HUMAN_RESOURCES: [(u64, Habit); 4] =
    [(50, view_file), (24, approve_leave), (18, change_salary), (8, hire)];
const SECURITY: [(u64, Habit); 5] = [
    (30, acknowledge_alert),
    (24, change_membership),
    (18, review_access),
    (16, rotate_secret),
    (12, revoke_token),
];
const ANALYST: [(u64, Habit); 3] =
    [(46, engineering::query), (36, run_report), (18, export_report)];
const PORT: [(u64, Habit); 3] = [(56, delay_sailing), (30, correct_manifest), (14, inspect_vessel)];
const MANAGER: [(u64, Habit); 4] =
    [(34, look_at_dashboard), (30, money::approve), (20, approve_leave), (16, run_report)];

/// An hour of someone's work in the office at this position of the zones.
pub(super) fn play(scene: &mut Scene<'_>, zone: usize) {
    let person = scene.someone(zone);
    let staff = scene.staff(person);
    let habit = if scene.rng.chance(22) {
        scene.rng.pick_weighted(&ANYONE)
    } else {
        match person.role {
            Role::Engineer => scene.rng.pick_weighted(&engineering::ENGINEER),
            Role::Platform => scene.rng.pick_weighted(&engineering::PLATFORM),
            Role::Finance => scene.rng.pick_weighted(&money::FINANCE),
            Role::Hr => scene.rng.pick_weighted(&HUMAN_RESOURCES),
            Role::Support => scene.rng.pick_weighted(&SUPPORT),
            Role::Security => scene.rng.pick_weighted(&SECURITY),
            Role::Analyst => scene.rng.pick_weighted(&ANALYST),
            Role::Port => scene.rng.pick_weighted(&PORT),
            Role::Manager => scene.rng.pick_weighted(&MANAGER),
        }
    };
    habit(scene, staff);
}

fn sign_in(scene: &mut Scene<'_>, who: Staff) {
    let application = *scene.rng.pick_ranked(&APPLICATIONS);
    let mistyped = scene.rng.chance(9);
    if mistyped {
        let line = scene
            .begin(&IDENTITY)
            .person(who.person, who.session)
            .action("user.signin")
            .target("application", application)
            .outcome(Outcome::Failure)
            .reason("wrong password")
            .context(who.trace, who.client);
        scene.finish(line);
        scene.wait_ms(3_000, 20_000);
    }
    let timed_out = scene.rng.chance(5);
    let line = scene
        .begin(&IDENTITY)
        .person(who.person, who.session)
        .action("mfa.challenge")
        .target("factor", "passkey")
        .outcome(if timed_out { Outcome::Unknown } else { Outcome::Success })
        .context(who.trace, who.client);
    scene.finish(line);
    if timed_out {
        return;
    }
    scene.wait_ms(80, 900);
    let line = scene
        .begin(&IDENTITY)
        .person(who.person, who.session)
        .action("user.signin")
        .target("application", application)
        .outcome(Outcome::Success)
        .context(who.trace, who.client)
        .data(|data| data.field("method", "passkey").field("office", ZONES[who.person.zone].name));
    scene.finish(line);
}

fn sign_out(scene: &mut Scene<'_>, who: Staff) {
    let line = scene
        .begin(&IDENTITY)
        .person(who.person, who.session)
        .action("user.signout")
        .target("session", Value::Hex("s_", who.session))
        .outcome(Outcome::Success)
        .context(who.trace, who.client);
    scene.finish(line);
}

fn enroll_factor(scene: &mut Scene<'_>, who: Staff) {
    let key = scene.rng.next();
    let line = scene
        .begin(&IDENTITY)
        .person(who.person, who.session)
        .action("mfa.enroll")
        .target("factor", Value::Hex("pk_", key))
        .outcome(Outcome::Success)
        .changes(|c| c.change("factors", 1, 2))
        .context(who.trace, who.client);
    scene.finish(line);
}

fn read_document(scene: &mut Scene<'_>, who: Staff) {
    let (bucket, key) = (*scene.rng.pick_ranked(&BUCKETS), scene.rng.range(1, 9_000));
    let denied = scene.rng.chance(8);
    let line = scene.begin(&OBJECTS).person(who.person, who.session).action("object.get").named(
        "object",
        ("doc/", key),
        bucket,
    );
    let line = if denied {
        line.outcome(Outcome::Denied).reason("no read right on this bucket")
    } else {
        line.outcome(Outcome::Success)
    };
    let line = line.context(who.trace, who.client);
    scene.finish(line);
}

fn look_at_dashboard(scene: &mut Scene<'_>, who: Staff) {
    let board = scene.rng.rank(24) as u64;
    let line = scene
        .begin(&REPORTING)
        .person(who.person, who.session)
        .action("dashboard.view")
        .target("dashboard", ("board-", board))
        .outcome(Outcome::Success)
        .context(who.trace, who.client);
    scene.finish(line);
}

fn ask_for_leave(scene: &mut Scene<'_>, who: Staff) {
    let days = scene.rng.range(1, 15);
    let line = scene
        .begin_local(&HR, who.person.zone)
        .person(who.person, who.session)
        .action("leave.request")
        .target("employee", who.person.handle)
        .outcome(Outcome::Success)
        .context(who.trace, who.client)
        .data(|data| data.field("days", days).field("kind", "annual"));
    scene.finish(line);
}

fn work_ticket(scene: &mut Scene<'_>, who: Staff) {
    let opened = scene.rng.chance(35);
    scene.world.ticket += u64::from(opened);
    let ticket = scene.world.ticket - if opened { 0 } else { scene.rng.below(400) };
    // One in twenty is a long thread with everything quoted again.
    let sentences = if scene.rng.chance(5) { scene.rng.range(20, 90) } else { 1 } as usize;
    let note = text(scene, sentences);
    let customer = scene.visitor().customer;
    let line = scene
        .begin(&DESK)
        .person(who.person, who.session)
        .action(if opened { "ticket.open" } else { "ticket.update" })
        .list("target", |list| {
            list.item(|t| t.field("type", "ticket").field("id", ("T-", ticket)))
                .item(|t| t.field("type", "customer").field("id", Value::Hex("c_", customer)))
        })
        .outcome(Outcome::Success)
        .context(who.trace, who.client)
        .data(|data| data.field("note", note.as_str()));
    scene.finish(line);
}

fn close_ticket(scene: &mut Scene<'_>, who: Staff) {
    let ticket = scene.world.ticket - scene.rng.below(400);
    let line = scene
        .begin(&DESK)
        .person(who.person, who.session)
        .action("ticket.close")
        .target("ticket", ("T-", ticket))
        .outcome(Outcome::Success)
        .changes(|c| {
            c.change("status", "open", "closed").change("owner", Value::Null, who.person.handle)
        })
        .context(who.trace, who.client);
    scene.finish(line);
}

fn view_customer(scene: &mut Scene<'_>, who: Staff) {
    let visitor = scene.visitor();
    let ticket = scene.world.ticket - scene.rng.below(400);
    let line = scene
        .begin(&DESK)
        .person(who.person, who.session)
        .action("customer.view")
        .target("customer", Value::Hex("c_", visitor.customer))
        .outcome(Outcome::Success)
        .reason("working on a ticket")
        .context(who.trace, who.client)
        .data(|data| {
            data.field("ticket", ("T-", ticket))
                .list("fields", |f| f.element("name").element("phone").element("bookings"))
        });
    scene.finish(line);
}

fn impersonate(scene: &mut Scene<'_>, who: Staff) {
    let visitor = scene.visitor();
    let denied = scene.rng.chance(30);
    let line = scene
        .begin(&DESK)
        .person(who.person, who.session)
        .action("customer.impersonate")
        .target("customer", Value::Hex("c_", visitor.customer));
    let line = if denied {
        line.outcome(Outcome::Denied).reason("needs the customer's consent code")
    } else {
        line.outcome(Outcome::Success).reason("customer cannot open the boarding pass")
    };
    let line = line.context(who.trace, who.client).data(|data| data.field("limit_s", 600));
    scene.finish(line);
}

fn view_file(scene: &mut Scene<'_>, who: Staff) {
    let employee = scene.anyone();
    let line = scene
        .begin_local(&HR, who.person.zone)
        .person(who.person, who.session)
        .action("employee.view")
        .named("employee", employee.handle, employee.name)
        .outcome(Outcome::Success)
        .context(who.trace, who.client);
    scene.finish(line);
}

fn approve_leave(scene: &mut Scene<'_>, who: Staff) {
    let employee = scene.anyone();
    let own = std::ptr::eq(employee, who.person);
    let line = scene
        .begin_local(&HR, who.person.zone)
        .person(who.person, who.session)
        .action("leave.approve")
        .target("employee", employee.handle);
    let line = if own {
        line.outcome(Outcome::Denied).reason("nobody approves their own leave")
    } else {
        line.outcome(Outcome::Success).changes(|c| c.change("status", "requested", "approved"))
    };
    let line = line.context(who.trace, who.client);
    scene.finish(line);
}

fn change_salary(scene: &mut Scene<'_>, who: Staff) {
    let employee = scene.anyone();
    let slot = position(employee) as usize;
    let before = scene.world.salaries_cents[slot];
    let after = before + scene.rng.range(1, 30) * 1_000;
    let after = if after > 1_500_000 { 400_000 } else { after };
    scene.world.salaries_cents[slot] = after;
    let line = scene
        .begin_local(&HR, who.person.zone)
        .person(who.person, who.session)
        .action("employee.salary.change")
        .named("employee", employee.handle, employee.name)
        .outcome(Outcome::Success)
        .reason("yearly review")
        .changes(|c| c.change("salary_monthly", Value::Cents(before), Value::Cents(after)))
        .context(who.trace, who.client);
    scene.finish(line);
}

fn hire(scene: &mut Scene<'_>, who: Staff) {
    let number = scene.rng.range(2_000, 2_400);
    let office = *scene.rng.pick_ranked(&PORT_NAMES);
    let line = scene
        .begin_local(&HR, who.person.zone)
        .person(who.person, who.session)
        .action("employee.hire")
        .target("employee", ("E-", number))
        .outcome(Outcome::Success)
        .changes(|c| {
            c.change("office", Value::Null, office).change("status", Value::Null, "joining")
        })
        .context(who.trace, who.client);
    scene.finish(line);
}

fn acknowledge_alert(scene: &mut Scene<'_>, who: Staff) {
    let alert = scene.rng.range(70_000, 79_999);
    let close = scene.rng.chance(45);
    let line = scene
        .begin(&DETECTION)
        .person(who.person, who.session)
        .action(if close { "alert.close" } else { "alert.acknowledge" })
        .target("alert", ("A-", alert))
        .outcome(Outcome::Success)
        .context(who.trace, who.client)
        .data(|data| data.field("verdict", if close { "false positive" } else { "looking" }));
    scene.finish(line);
}

fn change_membership(scene: &mut Scene<'_>, who: Staff) {
    let (group, member) = (*scene.rng.pick_ranked(&GROUPS), scene.anyone());
    let added = scene.rng.chance(60);
    let line = scene
        .begin(&IDENTITY)
        .person(who.person, who.session)
        .action(if added { "group.member.add" } else { "group.member.remove" })
        .list("target", |list| {
            list.item(|t| t.field("type", "group").field("id", group))
                .item(|t| t.field("type", "user").field("id", member.handle))
        })
        .outcome(Outcome::Success)
        .context(who.trace, who.client);
    scene.finish(line);
}

fn review_access(scene: &mut Scene<'_>, who: Staff) {
    let (group, kept) = (*scene.rng.pick_ranked(&GROUPS), scene.rng.range(3, 40));
    let line = scene
        .begin(&IDENTITY)
        .person(who.person, who.session)
        .action("access.review")
        .target("group", group)
        .outcome(Outcome::Success)
        .context(who.trace, who.client)
        .data(|data| data.field("kept", kept).field("removed", kept / 9));
    scene.finish(line);
}

fn rotate_secret(scene: &mut Scene<'_>, who: Staff) {
    let secret = *scene.rng.pick_ranked(&SECRETS);
    let version = scene.rng.range(3, 90);
    let line = scene
        .begin(&IDENTITY)
        .person(who.person, who.session)
        .action("secret.rotate")
        .target("secret", secret)
        .outcome(Outcome::Success)
        .changes(|c| c.change("version", version, version + 1))
        .context(who.trace, who.client);
    scene.finish(line);
}

fn revoke_token(scene: &mut Scene<'_>, who: Staff) {
    let (token, owner) = (scene.rng.next(), scene.anyone());
    let line = scene
        .begin(&IDENTITY)
        .person(who.person, who.session)
        .action("token.revoke")
        .named("token", Value::Hex("tok_", token), owner.handle)
        .outcome(Outcome::Success)
        .reason("not used for 90 days")
        .context(who.trace, who.client);
    scene.finish(line);
}

fn run_report(scene: &mut Scene<'_>, who: Staff) {
    let (report, rows) = (scene.rng.rank(30) as u64, scene.rng.range(10, 400_000));
    let line = scene
        .begin(&REPORTING)
        .person(who.person, who.session)
        .action("report.run")
        .target("report", ("R-", report))
        .outcome(Outcome::Success)
        .context(who.trace, who.client)
        .data(|data| {
            data.field("rows", rows).object("parameters", |p| {
                p.field("from", "2 weeks ago").field("route", Value::Null).field("gross", true)
            })
        });
    scene.finish(line);
}

fn export_report(scene: &mut Scene<'_>, who: Staff) {
    let (report, rows) = (scene.rng.rank(30) as u64, scene.rng.range(10, 20_000));
    let line = scene
        .begin(&REPORTING)
        .person(who.person, who.session)
        .action("report.export")
        .target("report", ("R-", report))
        .outcome(Outcome::Success)
        .context(who.trace, who.client)
        .data(|data| data.field("rows", rows).field("format", "csv"));
    scene.finish(line);
}

fn delay_sailing(scene: &mut Scene<'_>, who: Staff) {
    let (vessel, port) = (*scene.rng.pick_ranked(&VESSELS), *scene.rng.pick_ranked(&PORT_NAMES));
    let (sailing, delay) = (scene.rng.range(20_000, 29_000), scene.rng.range(1, 18) * 5);
    let cancelled = delay > 80;
    let line = scene
        .begin_local(&PORTS, who.person.zone)
        .person(who.person, who.session)
        .action(if cancelled { "sailing.cancel" } else { "sailing.update" })
        .named("sailing", ("S-", sailing), vessel)
        .outcome(Outcome::Success)
        .reason(if cancelled { "storm warning, wind above 22 m/s" } else { "late arrival" })
        .changes(|c| {
            let c = c.change("delay_minutes", 0, delay);
            if cancelled { c.change("status", "scheduled", "cancelled") } else { c }
        })
        .context(who.trace, who.client)
        .data(|data| data.field("port", port).field("wind_m_s", Value::Cents(delay * 26)));
    scene.finish(line);
}

fn correct_manifest(scene: &mut Scene<'_>, who: Staff) {
    let sailing = scene.rng.range(20_000, 29_000);
    let (before, after) = (scene.rng.range(100, 900), scene.rng.range(100, 900));
    let remark = *scene.rng.pick(&REMARKS);
    let line = scene
        .begin_local(&PORTS, who.person.zone)
        .person(who.person, who.session)
        .action("manifest.correct")
        .target("manifest", ("M-", sailing))
        .outcome(Outcome::Success)
        .changes(|c| c.change("passengers", before, after).change("remark", Value::Null, remark))
        .context(who.trace, who.client);
    scene.finish(line);
}

fn inspect_vessel(scene: &mut Scene<'_>, who: Staff) {
    let vessel = *scene.rng.pick_ranked(&VESSELS);
    let defects = scene.rng.below(4);
    let report = text(scene, 3);
    let line = scene
        .begin_local(&PORTS, who.person.zone)
        .person(who.person, who.session)
        .action("vessel.inspect")
        .target("vessel", vessel)
        .outcome(if defects > 2 { Outcome::Failure } else { Outcome::Success })
        .context(who.trace, who.client)
        .data(|data| {
            data.field("defects", defects)
                .object("position", |p| {
                    p.field("lat", Value::Raw("59.12483")).field("lon", Value::Raw("-0.38756e1"))
                })
                .field("report", report.as_str())
        });
    scene.finish(line);
}
