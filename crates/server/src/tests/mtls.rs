//! Client certificates as credentials, by real handshakes.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use env::SimClock;
use graven_entry::Entry;
use graven_merkle::LeafIndex;
use log::Env;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
    date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;

use super::site::{Ask, Reply, Site};
use super::{EVENT, TOKEN};
use crate::Tls;

/// The billing service's name.
const BILLING: &str = "spiffe://acme/billing";
const NS_PER_YEAR: u64 = 366 * 86_400 * 1_000_000_000;

/// An authority.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A client's certificate with its key.
struct Client {
    chain: CertificateDer<'static>,
    key: Vec<u8>,
}

type Stream = StreamOwned<ClientConnection, TcpStream>;

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate with these names for these years.
    fn sign(&self, names: &[&str], years: (i32, i32), usage: ExtendedKeyUsagePurpose) -> Client {
        let mut params = CertificateParams::new([]).unwrap();
        params.subject_alt_names = names.iter().map(|name| san(name)).collect();
        (params.not_before, params.not_after) =
            (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let chain = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Client { chain, key: key.serialize_der() }
    }

    fn client(&self, names: &[&str]) -> Client {
        self.sign(names, (2020, 2100), ExtendedKeyUsagePurpose::ClientAuth)
    }
}

fn san(name: &str) -> SanType {
    let text = name.try_into().unwrap();
    if name.contains(':') { SanType::URI(text) } else { SanType::DnsName(text) }
}

/// A server that believes an authority, the authority, and the clock of its gate.
struct World {
    site: Site,
    ca: Authority,
    clock: Arc<SimClock>,
    roots: Arc<RootCertStore>,
}

impl World {
    fn new() -> World {
        let ca = Authority::new();
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = own.signing_key.serialize_pem();
        let tls = Tls::from_pem(own.cert.pem().as_bytes(), key.as_bytes(), Some(ca.pem.as_bytes()));
        let clock = Arc::new(SimClock::new(Env::real().clock.wall_ns()));
        let env = Env { clock: Arc::clone(&clock) as _, ..Env::real() };
        let site = Site::with_tls(&env, tls.unwrap());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(own.cert.pem().as_bytes()).unwrap()).unwrap();
        World { site, ca, clock, roots: Arc::new(roots) }
    }

    fn connect(&self, client: Option<&Client>) -> Stream {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(Arc::clone(&self.roots));
        let config = match client {
            Some(Client { chain, key }) => {
                let key = PrivateKeyDer::try_from(key.clone()).unwrap();
                config.with_client_auth_cert(vec![chain.clone()], key).unwrap()
            }
            None => config.with_no_client_auth(),
        };
        let name = "localhost".try_into().unwrap();
        let session = ClientConnection::new(Arc::new(config), name).unwrap();
        StreamOwned::new(session, self.site.connect())
    }

    /// The answer over a new connection; `None` where the server breaks off the handshake.
    fn ask(&self, client: Option<&Client>, ask: &Ask<'_>) -> Option<Reply> {
        let mut stream = self.connect(client);
        stream.write_all(&ask.bytes("")).ok()?;
        // The server's word on the certificate comes after the client's part of the handshake.
        while stream.conn.wants_read() && stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).ok()?;
        }
        let mut first = [0; 1];
        stream.read_exact(&mut first).ok()?;
        Some(Reply::read(&mut first.chain(stream)))
    }

    fn bind(&self, principal: &str, name: &str) -> u16 {
        let body = json!({"name": principal, "role": "writer", "certificate": name}).to_string();
        let ask = Ask::post("/api/v1/tokens", "application/json", body.as_bytes());
        let reply = self.ask(None, &ask).unwrap();
        assert!(reply.json().get("token").is_none(), "no token besides: {}", reply.text());
        reply.status
    }

    fn revoke(&self, principal: &str) {
        let path = format!("/api/v1/tokens/{principal}/revoke");
        let reply = self.ask(None, &Ask::post(&path, "application/json", b"")).unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text());
    }

    /// Appends with this certificate and `Authorization` header; the status, and writer and `auth` of the entry.
    fn append(&self, client: Option<&Client>, bearer: Option<&str>) -> Option<(u16, String)> {
        let ask = append(bearer);
        let reply = self.ask(client, &ask)?;
        let told = reply.json()["receipts"][0]["index"].as_u64().map(|index| self.told(index));
        Some((reply.status, told.unwrap_or_default()))
    }

    fn told(&self, index: u64) -> String {
        let entry = self.site.cell.log("main").unwrap().entry(LeafIndex(index)).unwrap();
        let header = Entry::parse(&entry).unwrap().header;
        format!("{} {}", header.writer, header.auth)
    }
}

fn append(bearer: Option<&str>) -> Ask<'_> {
    let ask = Ask::post("/api/v1/logs/main/events", "application/json", EVENT.as_bytes());
    match bearer {
        Some(bearer) => ask.anonymous().with("authorization", bearer),
        None => ask.anonymous(),
    }
}

#[test]
fn a_certificate_is_a_credential_if_it_is_good_and_bound() {
    let world = World::new();
    assert_eq!(world.bind("billing", BILLING), 201);
    assert_eq!(world.bind("shop", "Shop.Internal"), 201);
    assert_eq!(world.bind("gone", "gone.internal"), 201);
    world.revoke("gone");
    let (ca, client) = (&world.ca, ExtendedKeyUsagePurpose::ClientAuth);
    let foreign = Authority::new();
    let refused = || Some((401, String::new()));
    let good = |told: &str| Some((200, told.to_owned()));
    for (what, certificate, expected) in [
        ("its own", ca.client(&[BILLING]), good("billing mtls")),
        ("renewed, with another key", ca.client(&[BILLING]), good("billing mtls")),
        ("one name of two is bound", ca.client(&["x.internal", BILLING]), good("billing mtls")),
        ("a DNS name, whatever its case", ca.client(&["shop.INTERNAL"]), good("shop mtls")),
        ("not bound", ca.client(&["spiffe://acme/other"]), refused()),
        ("a longer name", ca.client(&["spiffe://acme/billing2"]), refused()),
        ("a name within a name", ca.client(&["a.shop.internal"]), refused()),
        ("a wildcard", ca.client(&["*.internal"]), refused()),
        ("no name", ca.client(&[]), refused()),
        ("two principals' names", ca.client(&[BILLING, "shop.internal"]), refused()),
        ("revoked", ca.client(&["gone.internal"]), refused()),
        ("revoked, beside a good one", ca.client(&["gone.internal", BILLING]), refused()),
        ("expired", ca.sign(&[BILLING], (2020, 2021), client.clone()), None),
        ("not yet valid", ca.sign(&[BILLING], (2090, 2100), client), None),
        ("foreign", foreign.client(&[BILLING]), None),
        (
            "a server's",
            ca.sign(&[BILLING], (2020, 2100), ExtendedKeyUsagePurpose::ServerAuth),
            None,
        ),
    ] {
        assert_eq!(world.append(Some(&certificate), None), expected, "{what}");
    }
    assert_eq!(world.append(None, None), refused());
}

#[test]
fn a_token_decides_beside_a_certificate() {
    let world = World::new();
    world.bind("billing", BILLING);
    let client = world.ca.client(&[BILLING]);
    let token = format!("Bearer {TOKEN}");
    let good = Some((200, "admin token".to_owned()));
    assert_eq!(world.append(Some(&client), Some(&token)), good);
    assert_eq!(world.append(None, Some(&token)), good);
    for bad in ["Bearer nobody", "Basic x", ""] {
        assert_eq!(world.append(Some(&client), Some(bad)), Some((401, String::new())), "{bad:?}");
    }
    assert_eq!(world.append(Some(&client), None), Some((200, "billing mtls".to_owned())));
}

#[test]
fn a_connection_outlives_neither_its_certificate_nor_its_binding() {
    let world = World::new();
    world.bind("billing", BILLING);
    world.bind("shop", "shop.internal");
    let open = |name: &str| world.connect(Some(&world.ca.client(&[name])));
    let (mut billing, mut shop) = (open(BILLING), open("shop.internal"));
    let ask = |stream: &mut Stream, expected: u16| {
        stream.write_all(&append(None).bytes("")).unwrap();
        let reply = Reply::read(stream);
        assert_eq!(reply.status, expected, "{}", reply.text());
    };
    ask(&mut billing, 200);
    ask(&mut shop, 200);
    world.revoke("shop");
    ask(&mut shop, 401);
    ask(&mut billing, 200);
    world.clock.advance(100 * NS_PER_YEAR);
    ask(&mut billing, 401);
}

#[test]
fn a_name_is_bound_once_and_for_ever() {
    let world = World::new();
    for (principal, name, expected) in [
        ("a", BILLING, 201),
        ("b", BILLING, 409),
        ("b", "dns.example", 201),
        ("c", "DNS.example", 409),
        ("c", "*.example", 400),
        ("c", "", 400),
        ("c", "two words", 400),
    ] {
        assert_eq!(world.bind(principal, name), expected, "{principal} {name}");
    }
    world.revoke("a");
    assert_eq!(world.bind("c", BILLING), 409, "who holds a stolen certificate stays nobody");
}
