//! What it costs to authenticate and authorise a request among a thousand principals.

use std::hint::black_box;
use std::io::{self, Write as _};
use std::time::Instant;

use access::{
    Asked, Change, Credential, Decision, Directory, Grant, PrincipalId, Right, Role, Token,
    TokenKey,
};
use env::SystemRandom;
use graven_entry::Time;

const PRINCIPALS: usize = 1_000;
const REQUESTS: u32 = 100_000;
const ROUNDS: usize = 5;

fn main() -> io::Result<()> {
    let key = TokenKey::new(&[7; 32]);
    let mut directory = Directory::default();
    let tokens: Vec<Token> = (0..PRINCIPALS).map(|n| create(&mut directory, &key, n)).collect();
    let asked = Asked { right: Right::ReadEntries, log: Some("main"), stream: None };
    let mut rounds_ns: Vec<u128> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            for token in tokens.iter().cycle().take(REQUESTS as usize) {
                let text = token.text.as_bytes();
                let hash = key.hash(text);
                let account = directory.authenticate(text, &hash, Time::MIN).expect("a good token");
                let decision = directory.decide(&account.id, &asked, Time::MIN);
                assert_eq!(black_box(decision), Decision::Allowed);
            }
            started.elapsed().as_nanos() / u128::from(REQUESTS)
        })
        .collect();
    rounds_ns.sort_unstable();
    let (median_ns, best_ns) = (rounds_ns[ROUNDS / 2], rounds_ns[0]);
    let mut out = io::stdout();
    writeln!(out, "{PRINCIPALS} principals, {ROUNDS} rounds of {REQUESTS} requests")?;
    writeln!(out, "a request: {median_ns} ns the median round, {best_ns} ns the best")
}

fn create(directory: &mut Directory, key: &TokenKey, number: usize) -> Token {
    let token = Token::draw(&SystemRandom);
    let hash = key.hash(token.text.as_bytes());
    let credential = Credential { id: token.id.clone(), hash, expires: None };
    let id = PrincipalId::new(&format!("principal-{number}")).expect("a good id");
    let grant = Grant { role: Role::Reader, log: None, class: None };
    let change = Change::Create(id, credential, grant);
    let events = directory.plan(&PrincipalId::admin(), &change).expect("a new name");
    for event in events {
        directory.apply(Time::MIN, &event).expect("what was planned can be applied");
    }
    token
}
