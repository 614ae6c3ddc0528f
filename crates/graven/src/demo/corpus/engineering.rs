//! Engineers and those who keep the platform up: builds, rollouts, flags, the database, the
//! cluster.

use super::company::{
    DELIVERY, FEATURES, FLAGS, KUBERNETES, NAMESPACES, POSTGRES, Role, SECRETS, SERVICES, SHELLS,
    STATEMENTS, TABLES, namespace,
};
use super::line::{Client, Ip, Outcome, Value};
use super::scene::{Habit, Scene, Staff};

pub(super) const ENGINEER: [(u64, Habit); 6] =
    [(24, deliver), (22, merge), (20, build), (14, set_flag), (14, query), (6, exec)];
pub(super) const PLATFORM: [(u64, Habit); 8] = [
    (22, exec),
    (18, deliver),
    (14, grant),
    (12, patch_deployment),
    (12, write_secret),
    (9, drain_node),
    (8, alter_schema),
    (5, bind_role),
];

/// Longest rollout, so that two of one service never cross.
const ROLLOUT_NS_MAX: u64 = 45 * 60 * 1_000_000_000;

fn merge(scene: &mut Scene<'_>, who: Staff) {
    let (service, number) = (*scene.rng.pick_ranked(&SERVICES), scene.rng.range(100, 4_000));
    let commit = (scene.rng.next(), scene.rng.next());
    let forced = scene.rng.chance(3);
    let line = scene
        .begin(&DELIVERY)
        .person(who.person, who.session)
        .action("repository.merge")
        .named("change", ("#", number), service);
    let line = if forced {
        line.outcome(Outcome::Denied).reason("protected branch: one review is missing")
    } else {
        line.outcome(Outcome::Success)
    };
    let line = line
        .context(who.trace, who.client)
        .data(|data| data.field("commit", Value::LongHex("", commit.0, commit.1)));
    scene.finish(line);
}

fn build(scene: &mut Scene<'_>, who: Staff) {
    scene.world.build += 1;
    let build = ("build-", scene.world.build);
    let service = *scene.rng.pick_ranked(&SERVICES);
    let line = scene
        .begin(&DELIVERY)
        .person(who.person, who.session)
        .action("build.start")
        .named("build", build, service)
        .outcome(Outcome::Success)
        .context(who.trace, who.client);
    scene.finish(line);
    scene.wait_ms(60_000, 600_000);
    let (failed, tests) = (scene.rng.chance(18), scene.rng.range(200, 6_000));
    let runner = scene.rng.range(1, 16) as u8;
    let line = scene
        .begin(&DELIVERY)
        .service("runner")
        .action("build.finish")
        .named("build", build, service)
        .outcome(if failed { Outcome::Failure } else { Outcome::Success })
        .internal(who.trace, Ip::V4([172, 16, 4, runner]))
        .data(|data| data.field("tests", tests).field("failed", u64::from(failed) * 3));
    scene.finish(line);
}

/// Request, approval, rollout, and one time in nine the way back.
fn deliver(scene: &mut Scene<'_>, who: Staff) {
    let service = scene.rng.rank(SERVICES.len());
    if scene.world.deployments[service].busy_until_ns > scene.now_ns {
        return merge(scene, who);
    }
    scene.world.deployments[service].busy_until_ns = scene.now_ns + ROLLOUT_NS_MAX;
    let line = scene
        .begin(&DELIVERY)
        .person(who.person, who.session)
        .action("deploy.request")
        .target("deployment", SERVICES[service])
        .outcome(Outcome::Success)
        .context(who.trace, who.client);
    scene.finish(line);
    scene.wait_minutes(1, 12);
    let reviewer = scene.colleague(Role::Engineer);
    let own = std::ptr::eq(reviewer, who.person);
    let approver = scene.staff(reviewer);
    let line = scene
        .begin(&DELIVERY)
        .person(approver.person, approver.session)
        .action("deploy.approve")
        .target("deployment", SERVICES[service])
        .outcome(if own { Outcome::Denied } else { Outcome::Success })
        .context(who.trace, approver.client);
    scene.finish(line);
    if own {
        return;
    }
    scene.wait_minutes(1, 4);
    let deployment = &scene.world.deployments[service];
    let old = (deployment.minor, deployment.patch);
    let new = if scene.rng.chance(30) { (old.0 + 1, 0) } else { (old.0, old.1 + 1) };
    roll(scene, who, service, [old, new], "deploy.run");
    if scene.rng.chance(11) {
        scene.wait_minutes(3, 25);
        roll(scene, who, service, [new, old], "deploy.rollback");
    }
}

fn roll(
    scene: &mut Scene<'_>,
    who: Staff,
    service: usize,
    [old, new]: [(u64, u64); 2],
    action: &str,
) {
    (scene.world.deployments[service].minor, scene.world.deployments[service].patch) = new;
    let name = SERVICES[service];
    let revision = (scene.rng.next(), scene.rng.next());
    let line = scene
        .begin(&KUBERNETES)
        .service("delivery")
        .action(action)
        .target("deployment", name)
        .outcome(Outcome::Success)
        .changes(|c| {
            c.change(
                "spec.template.spec.containers[0].image",
                Value::Image(name, old.0, old.1),
                Value::Image(name, new.0, new.1),
            )
        })
        .object("context", |context| {
            context.trace(who.trace).field("requested_by", who.person.handle)
        })
        .data(|data| {
            data.field("namespace", namespace(name)).object("request", |request| {
                request.object("container", |container| {
                    container
                        .field("revision", Value::LongHex("", revision.0, revision.1))
                        .object("limits", |l| l.field("cpu", "750m").field("memory", "512Mi"))
                })
            })
        });
    scene.finish(line);
}

fn set_flag(scene: &mut Scene<'_>, who: Staff) {
    let feature = scene.rng.rank(FEATURES.len());
    let before = scene.world.rollouts[feature];
    let after = (before + scene.rng.range(1, 10) * 10) % 110;
    scene.world.rollouts[feature] = after;
    let line = scene
        .begin(&FLAGS)
        .person(who.person, who.session)
        .action("flag.update")
        .target("flag", FEATURES[feature])
        .outcome(Outcome::Success)
        .changes(|c| c.change("rollout_percent", before, after))
        .context(who.trace, who.client)
        .data(|data| data.field("environment", "production"));
    scene.finish(line);
}

/// A session of SQL by hand.
pub(super) fn query(scene: &mut Scene<'_>, who: Staff) {
    let client = shell(who, 1);
    let statement = *scene.rng.pick_ranked(&STATEMENTS);
    let (rows, table) = (scene.rng.below(20_000), scene.rng.pick_ranked(&TABLES).name);
    let denied = scene.rng.chance(6);
    let line = scene
        .begin(&POSTGRES)
        .person(who.person, who.session)
        .action("db.query")
        .target("table", table);
    let line = if denied {
        line.outcome(Outcome::Denied).reason("permission denied for table (42501)")
    } else {
        line.outcome(Outcome::Success)
    };
    let line = line.context(who.trace, client).data(|data| {
        data.field("statement", statement).field("rows", if denied { 0 } else { rows })
    });
    scene.finish(line);
}

fn grant(scene: &mut Scene<'_>, who: Staff) {
    let (table, member) = (scene.rng.pick_ranked(&TABLES).name, scene.colleague(Role::Analyst));
    let revoke = scene.rng.chance(40);
    let line = scene
        .begin(&POSTGRES)
        .person(who.person, who.session)
        .action(if revoke { "db.revoke" } else { "db.grant" })
        .list("target", |list| {
            list.item(|t| t.field("type", "table").field("id", table))
                .item(|t| t.field("type", "role").field("id", member.handle))
        })
        .outcome(Outcome::Success)
        .context(who.trace, shell(who, 1))
        .data(|data| data.list("privileges", |p| p.element("SELECT").element("UPDATE")));
    scene.finish(line);
}

fn alter_schema(scene: &mut Scene<'_>, who: Staff) {
    let (table, version) = (scene.rng.pick_ranked(&TABLES).name, scene.rng.range(100, 400));
    let line = scene
        .begin(&POSTGRES)
        .person(who.person, who.session)
        .action("db.schema.alter")
        .target("table", table)
        .outcome(Outcome::Success)
        .reason("migration")
        .context(who.trace, shell(who, 1))
        .data(|data| {
            data.field("statement", "ALTER TABLE … ADD COLUMN note text DEFAULT ''")
                .field("migration", version)
        });
    scene.finish(line);
}

/// A shell in a running pod: always worth a look.
pub(super) fn exec(scene: &mut Scene<'_>, who: Staff) {
    const COMMANDS: [&str; 4] = ["sh", "ps aux", "cat /proc/1/environ", "tcpdump -i any -c 100"];
    let (service, pod) = (*scene.rng.pick_ranked(&SERVICES), scene.rng.next());
    let command = *scene.rng.pick_ranked(&COMMANDS);
    let denied = scene.rng.chance(12);
    let line = scene
        .begin(&KUBERNETES)
        .person(who.person, who.session)
        .action("k8s.pod.exec")
        .named("pod", Value::Hex("pod-", pod), service);
    let line = if denied {
        line.outcome(Outcome::Denied).reason("pods/exec needs a break-glass ticket")
    } else {
        line.outcome(Outcome::Success)
    };
    let line = line.context(who.trace, shell(who, 0)).data(|data| {
        data.field("namespace", namespace(service))
            .list("command", |c| c.element("/bin/sh").element("-c").element(command))
            .field("tty", true)
    });
    scene.finish(line);
}

fn patch_deployment(scene: &mut Scene<'_>, who: Staff) {
    let service = *scene.rng.pick_ranked(&SERVICES);
    let (before, after) = (scene.rng.range(1, 16) * 128, scene.rng.range(1, 16) * 128);
    let line = scene
        .begin(&KUBERNETES)
        .person(who.person, who.session)
        .action("k8s.deployment.patch")
        .named("deployment", service, namespace(service))
        .outcome(Outcome::Success)
        .changes(|c| {
            c.change("spec.memory_mib", before, after).change("metadata.paused", false, true)
        })
        .context(who.trace, shell(who, 0));
    scene.finish(line);
}

fn write_secret(scene: &mut Scene<'_>, who: Staff) {
    let (secret, namespace) =
        (*scene.rng.pick_ranked(&SECRETS), *scene.rng.pick_ranked(&NAMESPACES));
    let revision = scene.rng.range(1_000_000, 9_999_999);
    let line = scene
        .begin(&KUBERNETES)
        .person(who.person, who.session)
        .action("k8s.secret.update")
        .named("secret", secret, namespace)
        .outcome(Outcome::Success)
        .changes(|c| c.change("metadata.resourceVersion", revision, revision + 17))
        .context(who.trace, shell(who, 0));
    scene.finish(line);
}

fn drain_node(scene: &mut Scene<'_>, who: Staff) {
    let (node, pods) = (scene.rng.range(1, 12), scene.rng.range(4, 60));
    let line = scene
        .begin(&KUBERNETES)
        .person(who.person, who.session)
        .action("k8s.node.drain")
        .target("node", ("node-", node))
        .outcome(Outcome::Success)
        .reason("kernel update")
        .context(who.trace, shell(who, 0))
        .data(|data| data.field("pods", pods).field("grace_s", 120));
    scene.finish(line);
}

fn bind_role(scene: &mut Scene<'_>, who: Staff) {
    let (member, namespace) =
        (scene.colleague(Role::Engineer), *scene.rng.pick_ranked(&NAMESPACES));
    let line = scene
        .begin(&KUBERNETES)
        .person(who.person, who.session)
        .action("k8s.rolebinding.create")
        .named("rolebinding", member.handle, namespace)
        .outcome(Outcome::Success)
        .context(who.trace, shell(who, 0))
        .data(|data| data.object("role", |r| r.field("kind", "Role").field("name", "view")));
    scene.finish(line);
}

/// The same person at a command line.
pub(super) fn shell(who: Staff, tool: usize) -> Client {
    Client { ip: who.client.ip, user_agent: SHELLS[tool] }
}
