//! What runs by itself: services calling each other, the cluster's controllers, the object store,
//! the database's maintenance.

use super::company::{
    BUCKETS, Column, DELIVERY, GATEWAY, IDENTITY, KUBERNETES, OBJECTS, POSTGRES, REPORTING,
    SECRETS, SERVICES, TABLES, namespace,
};
use super::line::{Outcome, Value};
use super::scene::Scene;

type Job = fn(&mut Scene<'_>);

const JOBS: [(u64, Job); 11] = [
    (26, call_chain),
    (18, update_rows),
    (16, object),
    (9, read_secret),
    (8, autoscale),
    (6, evict),
    (5, renew_token),
    (4, sync_configuration),
    (3, renew_certificate),
    (3, scan_image),
    (2, refresh_report),
];

/// Who is called, and for what.
const ROUTES: [(&str, &str); 12] = [
    ("timetable", "GET /v2/sailings"),
    ("pricing", "POST /v2/prices"),
    ("identity", "POST /v1/introspect"),
    ("manifest", "GET /v2/manifests/{sailing}"),
    ("notifier", "POST /v1/messages"),
    ("loyalty", "PUT /v1/points/{account}"),
    ("booking-api", "DELETE /v3/holds/{booking}"),
    ("crew-roster", "GET /v1/crew/{vessel}"),
    ("vessel-tracker", "GET /v1/positions/{vessel}"),
    ("document-store", "POST /v1/documents"),
    ("customs-bridge", "PUT /v1/declarations/{sailing}"),
    ("weather-feed", "GET /v1/forecast/{port}"),
];

pub(super) fn play(scene: &mut Scene<'_>) {
    let job = scene.rng.pick_weighted(&JOBS);
    job(scene);
}

/// One request through two to five services, all under one trace id.
fn call_chain(scene: &mut Scene<'_>) {
    let trace = scene.trace();
    let mut caller = *scene.rng.pick_ranked(&SERVICES);
    for _ in 0..scene.rng.range(2, 5) {
        let (callee, route) = *scene.rng.pick_ranked(&ROUTES);
        let (micros, ip) = (scene.rng.range(180, 90_000), scene.pod_ip());
        let (outcome, status) = match scene.rng.below(50) {
            0 => (Outcome::Failure, 503),
            1 => (Outcome::Denied, 403),
            2 => (Outcome::Unknown, 504),
            _ => (Outcome::Success, 200),
        };
        let line = scene
            .begin(&GATEWAY)
            .service(caller)
            .action("api.request")
            .target("service", callee)
            .outcome(outcome)
            .internal(trace, ip)
            .data(|data| {
                data.field("route", route).field("status", status).field("duration_us", micros)
            });
        scene.finish(line);
        if status != 200 {
            return;
        }
        caller = callee;
        scene.wait_ms(1, 30);
    }
}

fn update_rows(scene: &mut Scene<'_>) {
    let table = scene.rng.pick_ranked(&TABLES);
    let trace = scene.trace();
    let transaction = scene.rng.range(700_000_000, 790_000_000);
    for _ in 0..scene.rng.range(1, 4) {
        let key = scene.rng.range(1, 4_000_000);
        let removed = scene.rng.chance(6);
        let first = scene.rng.below(2) as usize;
        let count = if removed { 2 } else { 1 + scene.rng.rank(2) };
        let changed = table.columns[first..first + count]
            .iter()
            .map(|column| (column.name, change_value(scene, column, removed)))
            .collect::<Vec<_>>();
        let line = scene
            .begin(&POSTGRES)
            .service(table.owner)
            .action(if removed { "db.row.delete" } else { "db.row.update" })
            .named("row", ("", key), table.name)
            .outcome(Outcome::Success)
            .changes(|c| {
                changed
                    .into_iter()
                    .fold(c, |c, (name, [before, after])| c.change(name, before, after))
            })
            .object("context", |context| {
                context
                    .trace(trace)
                    .field("transaction", transaction)
                    .field("lsn", Value::Hex("", transaction << 7 | key & 0x7f))
            })
            .data(|data| data.field("primary_key", table.primary_key));
        scene.finish(line);
        scene.wait_ms(0, 3);
    }
}

/// What a column held and what it holds now.
fn change_value(scene: &mut Scene<'_>, column: &Column, removed: bool) -> [Value<'static>; 2] {
    let [before, after] = if column.values.is_empty() {
        let number = scene.rng.range(0, column.max);
        let other = (number + scene.rng.range(1, column.max)) % (column.max + 1);
        [Value::Number(number), Value::Number(other)]
    } else {
        let count = column.values.len();
        let old = scene.rng.rank(count);
        let new = (old + 1 + scene.rng.rank(count - 1)) % count;
        [Value::Text(column.values[old]), Value::Text(column.values[new])]
    };
    [before, if removed { Value::Null } else { after }]
}

fn object(scene: &mut Scene<'_>) {
    const ACTIONS: [(u64, &str); 4] =
        [(50, "object.put"), (38, "object.get"), (7, "object.delete"), (5, "object.list")];
    let action = scene.rng.pick_weighted(&ACTIONS);
    let (bucket, service) = (*scene.rng.pick_ranked(&BUCKETS), *scene.rng.pick_ranked(&SERVICES));
    let (key, digest) = (scene.rng.next(), (scene.rng.next(), scene.rng.next()));
    let size_bytes = 1_u64 << scene.rng.range(7, 38);
    let size_bytes = size_bytes + scene.rng.below(size_bytes);
    let (trace, ip) = (scene.trace(), scene.pod_ip());
    let missing = action == "object.get" && scene.rng.chance(5);
    let line = scene.begin(&OBJECTS).service(service).action(action).named(
        "object",
        Value::Hex("obj/", key),
        bucket,
    );
    let line = if missing {
        line.outcome(Outcome::Failure).reason("no such key")
    } else {
        line.outcome(Outcome::Success)
    };
    let line = line.internal(trace, ip).data(|data| {
        data.field("bucket", bucket)
            .field("size_bytes", size_bytes)
            .field("md5", Value::LongHex("", digest.0, digest.1))
    });
    scene.finish(line);
}

fn read_secret(scene: &mut Scene<'_>) {
    let (service, secret) = (*scene.rng.pick_ranked(&SERVICES), *scene.rng.pick_ranked(&SECRETS));
    let (trace, ip) = (scene.trace(), scene.pod_ip());
    let denied = scene.rng.chance(3);
    let line = scene
        .begin(&KUBERNETES)
        .service(service)
        .action("k8s.secret.read")
        .target("secret", secret);
    let line = if denied {
        line.outcome(Outcome::Denied).reason("service account may not get secrets here")
    } else {
        line.outcome(Outcome::Success)
    };
    let line = line.internal(trace, ip).data(|data| {
        data.field("namespace", namespace(service)).field("verb", "get").field("api", "core/v1")
    });
    scene.finish(line);
}

fn autoscale(scene: &mut Scene<'_>) {
    let service = scene.rng.rank(SERVICES.len());
    let before = scene.world.deployments[service].replicas;
    let after = if before > 2 && scene.rng.chance(50) { before - 1 } else { before % 30 + 1 };
    scene.world.deployments[service].replicas = after;
    let load = scene.rng.range(15, 97);
    let line = scene
        .begin(&KUBERNETES)
        .system("horizontal-autoscaler")
        .action("k8s.deployment.scale")
        .target("deployment", SERVICES[service])
        .outcome(Outcome::Success)
        .changes(|c| c.change("spec.replicas", before, after))
        .data(|data| {
            data.field("namespace", namespace(SERVICES[service])).object("metric", |metric| {
                metric.field("name", "cpu").field("percent", load).field("target_percent", 60)
            })
        });
    scene.finish(line);
}

fn evict(scene: &mut Scene<'_>) {
    let service = *scene.rng.pick_ranked(&SERVICES);
    let (pod, node) = (scene.rng.next(), scene.rng.range(1, 12));
    let (used, limit) = (scene.rng.range(1 << 30, 1 << 34), 1_u64 << 30);
    let line = scene
        .begin(&KUBERNETES)
        .system("kubelet")
        .action("k8s.pod.evict")
        .named("pod", Value::Hex("pod-", pod), service)
        .outcome(Outcome::Success)
        .reason("The node was low on resource: memory.")
        .data(|data| {
            data.field("node", ("node-", node)).object("resources", |resources| {
                resources.object("memory", |memory| {
                    memory.field("used_bytes", used).field("limit_bytes", limit)
                })
            })
        });
    scene.finish(line);
}

fn renew_token(scene: &mut Scene<'_>) {
    let service = *scene.rng.pick_ranked(&SERVICES);
    let (trace, ip, token) = (scene.trace(), scene.pod_ip(), scene.rng.next());
    let line = scene
        .begin(&IDENTITY)
        .service(service)
        .action("token.renew")
        .target("token", Value::Hex("tok_", token))
        .outcome(Outcome::Success)
        .internal(trace, ip)
        .data(|data| {
            data.field("ttl_s", 3_600)
                .list("scopes", |scopes| scopes.element("read").element("write:own"))
        });
    scene.finish(line);
}

fn sync_configuration(scene: &mut Scene<'_>) {
    let service = *scene.rng.pick_ranked(&SERVICES);
    let (before, after) = (scene.rng.next(), scene.rng.next());
    let drifted = scene.rng.chance(15);
    let line = scene
        .begin(&KUBERNETES)
        .system("gitops-controller")
        .action("k8s.configmap.update")
        .named("configmap", service, namespace(service))
        .outcome(if drifted { Outcome::Unknown } else { Outcome::Success })
        .changes(|c| {
            c.change("metadata.annotations.hash", Value::Hex("", before), Value::Hex("", after))
        })
        .data(|data| {
            data.field("namespace", namespace(service))
                .field("drifted", drifted)
                .list("paths", |paths| paths.element("/data/limits").element("/data/a~1b/c~0d"))
        });
    scene.finish(line);
}

fn renew_certificate(scene: &mut Scene<'_>) {
    let service = *scene.rng.pick_ranked(&SERVICES);
    let (high, low) = (scene.rng.next(), scene.rng.next());
    let line = scene
        .begin(&KUBERNETES)
        .system("certificate-manager")
        .action("certificate.renew")
        .target("certificate", service)
        .outcome(Outcome::Success)
        .data(|data| {
            data.field("serial", Value::LongHex("", high, low))
                .field("days", 90)
                .list("names", |names| {
                    names.element("*.halden-ferries.example").element("halden-ferries.example")
                })
        });
    scene.finish(line);
}

fn scan_image(scene: &mut Scene<'_>) {
    let service = scene.rng.rank(SERVICES.len());
    let deployment = &scene.world.deployments[service];
    let image = Value::Image(SERVICES[service], deployment.minor, deployment.patch);
    let (high, medium) = (scene.rng.below(3), scene.rng.below(40));
    let outcome = if high > 1 { Outcome::Failure } else { Outcome::Success };
    let line = scene
        .begin(&DELIVERY)
        .system("image-scanner")
        .action("scan.finish")
        .target("image", image)
        .outcome(outcome)
        .data(|data| {
            data.object("findings", |findings| {
                findings.field("critical", 0).field("high", high).field("medium", medium)
            })
            .field("score", Value::Cents(high * 390 + medium))
        });
    scene.finish(line);
}

fn refresh_report(scene: &mut Scene<'_>) {
    let rows = scene.rng.range(1_000, 90_000_000);
    let line = scene
        .begin(&REPORTING)
        .system("scheduler")
        .action("report.refresh")
        .target("report", "daily-load-factor")
        .outcome(Outcome::Success)
        .data(|data| {
            data.field("rows", rows)
                .field("checksum", Value::Raw("18446744073709551615"))
                .field("load_factor", Value::Raw("7.3125e-1"))
                .field("bytes_scanned", Value::Raw("9007199254740993"))
        });
    scene.finish(line);
}
