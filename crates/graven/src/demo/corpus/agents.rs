//! What AI agents do for people: a run with tool calls, some refused by policy, and its end.

use super::company::{
    AGENTS, BOTS, Bot, GUARDED_TOOLS, MODELS, Person, REMARKS, STATEMENTS, TICKET_SENTENCES,
};
use super::line::{Line, Outcome, Trace, Value};
use super::scene::Scene;

/// Calls of one ordinary run.
const CALLS_MAX: u64 = 7;

/// One run of an agent.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub(super) bot: &'static Bot,
    pub(super) session: u64,
    pub(super) person: &'static Person,
    pub(super) trace: Trace,
}

/// What one call's arguments are made of.
struct Facts {
    booking: Value<'static>,
    number: u64,
    remark: &'static str,
    statement: &'static str,
    locale: &'static str,
}

pub(super) fn play(scene: &mut Scene<'_>) {
    let bot = scene.rng.pick_ranked(&BOTS);
    let person = scene.someone_awake();
    let run = Run { bot, session: scene.rng.next(), person, trace: scene.trace() };
    let tokens = begin(scene, run);
    let mut calls = 0;
    for _ in 0..scene.rng.range(1, CALLS_MAX) {
        scene.wait_ms(300, 6_000);
        let tool = *scene.rng.pick_ranked(&bot.tools);
        if GUARDED_TOOLS.contains(&tool) && scene.rng.chance(25) {
            refuse(scene, run, tool);
        } else {
            call(scene, run, tool);
        }
        calls += 1;
    }
    scene.wait_ms(200, 3_000);
    end(scene, run, calls, tokens);
}

/// The run's first event; returns the tokens that its prompt took.
pub(super) fn begin(scene: &mut Scene<'_>, run: Run) -> u64 {
    let model = *scene.rng.pick_ranked(&MODELS);
    let tokens = scene.rng.range(900, 60_000);
    let sentences = 1 + scene.rng.rank(12);
    let prompt = text(scene, sentences);
    let line = act(scene, run, "agent.run.start")
        .target("model", model)
        .outcome(Outcome::Success)
        .object("context", |context| context.trace(run.trace))
        .data(|data| {
            data.field("prompt", prompt.as_str())
                .field("prompt_tokens", tokens)
                .field("temperature", Value::Cents(20))
                .list("tools", |tools| {
                    run.bot.tools.iter().fold(tools, |tools, tool| tools.element(*tool))
                })
        });
    scene.finish(line);
    tokens
}

fn call(scene: &mut Scene<'_>, run: Run, tool: &'static str) {
    let facts = Facts {
        booking: Value::Hex("bk_", scene.rng.next()),
        number: scene.rng.range(1, 200),
        remark: scene.rng.pick::<&str>(&REMARKS),
        statement: scene.rng.pick_ranked::<&str>(&STATEMENTS),
        locale: scene.rng.pick_ranked::<&str>(&["nb", "pt", "fil", "ja", "ar"]),
    };
    let millis = scene.rng.range(8, 4_000);
    let failed = scene.rng.chance(6);
    let line = act(scene, run, "agent.tool.call").target("tool", tool);
    let line = if failed {
        line.outcome(Outcome::Failure).reason("tool answered with an error")
    } else {
        line.outcome(Outcome::Success)
    };
    let line = line.object("context", |context| context.trace(run.trace)).data(|data| {
        data.object("arguments", |line| arguments(line, tool, facts)).field("duration_ms", millis)
    });
    scene.finish(line);
}

/// The arguments that a tool takes; a search is the deepest.
fn arguments(line: Line, tool: &str, facts: Facts) -> Line {
    let Facts { booking, number, remark, statement, locale } = facts;
    match tool {
        "search_documents" => line.field("limit", number).object("filter", |filter| {
            filter.list("any", |any| {
                any.item(|i| i.object("booking", |b| b.field("eq", booking)))
                    .item(|i| i.object("text", |t| t.field("contains", remark)))
                    .item(|i| i.object("not", |n| n.object("year", |y| y.field("lt", 2024))))
            })
        }),
        "query_database" => line.field("statement", statement).field("limit", number * 10),
        "get_booking" => line.field("booking", booking).field("with_passengers", true),
        "issue_refund" => line.field("booking", booking).field("amount", Value::Cents(number * 90)),
        "match_payment" | "list_invoices" => line
            .field("invoice", ("inv-", 48_000 + number))
            .field("fuzzy", number.is_multiple_of(3)),
        "read_file" => line.field("path", ("/srv/reports/2026/", number)).field("offset", 0),
        "translate" => line.field("to", locale).field("text", remark),
        "get_timetable" => line.field("sailing", ("S-", 20_000 + number)).field("days", 2),
        _ => line.field("about", booking).field("text", remark),
    }
}

fn refuse(scene: &mut Scene<'_>, run: Run, tool: &'static str) {
    let line = act(scene, run, "agent.tool.call")
        .target("tool", tool)
        .outcome(Outcome::Denied)
        .reason("the person for whom the agent acts may not do this")
        .object("context", |context| context.trace(run.trace))
        .data(|data| data.field("policy", "agents/least-privilege").field("rule", 14));
    scene.finish(line);
}

pub(super) fn end(scene: &mut Scene<'_>, run: Run, calls: u64, prompt_tokens: u64) {
    let tokens = prompt_tokens + calls * scene.rng.range(200, 2_500);
    let line = act(scene, run, "agent.run.end")
        .target("run", Value::Hex("run_", run.session))
        .outcome(Outcome::Success)
        .object("context", |context| context.trace(run.trace))
        .data(|data| {
            data.field("tool_calls", calls)
                .field("total_tokens", tokens)
                .field("cost_eur", Value::Cents(tokens / 400))
        });
    scene.finish(line);
}

/// Begins an event of the run.
pub(super) fn act(scene: &mut Scene<'_>, run: Run, action: &str) -> Line {
    scene.begin(&AGENTS).agent(run.bot.name, run.session, run.person).action(action)
}

/// Some sentences in some languages, with what people paste between them.
pub(super) fn text(scene: &mut Scene<'_>, sentences: usize) -> String {
    let mut text = String::new();
    for _ in 0..sentences {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(scene.rng.pick::<&str>(&TICKET_SENTENCES));
    }
    text
}
