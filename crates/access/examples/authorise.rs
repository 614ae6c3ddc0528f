//! What it costs to authenticate and authorise a request among a thousand principals and a hundred policies, in time of the
//! processor. Prints one line of JSON for each set of policies.

use std::hint::black_box;
use std::io::{self, Write as _};

use access::{
    Asked, Change, Credential, Decision, EventAbout, Grant, Policy, PrincipalId, Proof, Right,
    Role, Standing, Token, TokenKey,
};
use env::SystemRandom;
use graven_entry::Time;
use rustix::time::{ClockId, clock_gettime};

const PRINCIPALS: usize = 1_000;
const POLICIES: usize = 100;
const REQUESTS: u32 = 100_000;
const EVENTS: u32 = 2_000;
const ROUNDS: usize = 5;

/// Policies of which each is about one principal's reads of one kind of target.
const OF_ONE: &str = r#"forbid(principal == Principal::"principal-N", action == Action::"read_entries", resource == Log::"main") when { context.event.target_types.contains("kind-N") };"#;
/// Policies that are about everybody's.
const OF_ALL: &str = r#"forbid(principal in Role::"reader", action == Action::"read_entries", resource) when { context.event.target_types.contains("kind-N") };"#;

struct World {
    standing: Standing,
    key: TokenKey,
    tokens: Vec<Token>,
}

fn main() -> io::Result<()> {
    let mut out = io::stdout();
    for (name, policies, text) in
        [("none", 0, OF_ONE), ("of_one", POLICIES, OF_ONE), ("of_all", POLICIES, OF_ALL)]
    {
        let world = World::new(policies, text);
        // The first request of each principal on a log picks its policies; that is shown apart.
        let first = measure(1, u32::try_from(PRINCIPALS).unwrap_or(u32::MAX), |n| world.request(n));
        let request = measure(ROUNDS, REQUESTS, |n| world.request(n));
        let one = measure(ROUNDS, EVENTS, |n| world.event(n % POLICIES));
        writeln!(
            out,
            "{{\"policies\":\"{name}\",\"first_ns\":{first},\"request_ns\":{request},\"event_ns\":{one}}}"
        )?;
    }
    Ok(())
}

impl World {
    fn new(policies: usize, text: &str) -> World {
        let mut standing = Standing::default();
        let key = TokenKey::new(&[7; 32]);
        let tokens = (0..PRINCIPALS).map(|n| create(&mut standing, &key, n)).collect();
        for number in 0..policies {
            let text = text.replace('N', &number.to_string());
            let policy = Policy::parse(&text).expect("a policy");
            let id = format!("policy-{number}");
            let event = standing.policies.plan(&PrincipalId::admin(), &id, Some(&policy));
            apply(&mut standing, &event.expect("a new id"));
        }
        World { standing, key, tokens }
    }

    /// One request to read, of the principal with this number.
    fn request(&self, number: usize) {
        let text = self.tokens[number % PRINCIPALS].text.as_bytes();
        let hash = self.key.hash(text);
        let directory = &self.standing.directory;
        let account = directory.authenticate(text, &hash, Time::MIN).expect("a good token");
        let asked = Asked { right: Right::ReadEntries, log: Some("main"), stream: None };
        let decision = self.standing.decide(&account.id, &asked, Time::MIN);
        assert_eq!(black_box(decision), Decision::Allowed);
    }

    /// Whether an event may be seen by the principal with this number.
    fn event(&self, number: usize) {
        let about = EventAbout {
            action: "invoice.update".to_owned(),
            targets: vec![("invoice".to_owned(), "42".to_owned())],
            ..EventAbout::default()
        };
        let id = PrincipalId::parse(&format!("principal-{number}")).expect("an id");
        let slice = self.standing.slice(&id, Right::ReadEntries, Some("main"));
        assert!(black_box(slice.allows(&about)));
    }
}

/// Nanoseconds of the processor for one call, of the median round.
fn measure(rounds: usize, calls: u32, call: impl Fn(usize)) -> u64 {
    let mut rounds_ns: Vec<u64> = (0..rounds)
        .map(|_| {
            let started_ns = cpu_ns();
            (0..calls as usize).for_each(&call);
            (cpu_ns() - started_ns) / u64::from(calls)
        })
        .collect();
    rounds_ns.sort_unstable();
    rounds_ns[rounds / 2]
}

fn cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}

fn create(standing: &mut Standing, key: &TokenKey, number: usize) -> Token {
    let token = Token::draw(&SystemRandom);
    let hash = key.hash(token.text.as_bytes());
    let credential = Credential { proof: Proof::Token(token.id.clone(), hash), expires: None };
    let id = PrincipalId::new(&format!("principal-{number}")).expect("a good id");
    let grant = Grant { role: Role::Reader, log: None, class: None };
    let change = Change::Create(id, credential, grant);
    let events = standing.directory.plan(&PrincipalId::admin(), &change).expect("a new name");
    for event in &events {
        apply(standing, event);
    }
    token
}

fn apply(standing: &mut Standing, event: &[u8]) {
    standing.apply(Time::MIN, event).expect("what was planned can be applied");
}
