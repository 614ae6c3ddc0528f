//! Halden Ferries, a company that does not exist: its people, services, agents and things. Lists
//! are read by Zipf's law, so what stands first is met most.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Engineer,
    Platform,
    Finance,
    Hr,
    Support,
    Security,
    Analyst,
    Port,
    Manager,
}

/// A producer, and how it writes time.
pub(super) struct Stream {
    pub(super) name: &'static str,
    /// Fraction digits of a second: 0, 3, 6 or 9.
    pub(super) digits: usize,
}

pub(super) struct Person {
    /// What identifies them: a role-like handle.
    pub(super) handle: &'static str,
    pub(super) name: &'static str,
    pub(super) role: Role,
    /// Position of their office in [`super::calendar::ZONES`].
    pub(super) zone: usize,
}

/// A table of the database.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) primary_key: &'static str,
    /// The service that writes to it.
    pub(super) owner: &'static str,
    pub(super) columns: [Column; 3],
}

pub(super) struct Column {
    pub(super) name: &'static str,
    /// What it may hold; a number up to `max` where this is empty.
    pub(super) values: &'static [&'static str],
    pub(super) max: u64,
}

/// An AI agent and the tools that it reaches for.
pub(super) struct Bot {
    pub(super) name: &'static str,
    pub(super) tools: [&'static str; 4],
}

const fn person(handle: &'static str, name: &'static str, role: Role, zone: usize) -> Person {
    Person { handle, name, role, zone }
}

pub(super) static PEOPLE: [Person; 54] = [
    // Halden.
    person("mira.k", "Mira K.", Role::Finance, 0),
    person("oyvind.h", "Øyvind H.", Role::Platform, 0),
    person("sanna.b", "Sanna B.", Role::Engineer, 0),
    person("tarek.n", "Tarek N.", Role::Engineer, 0),
    person("ase.l", "Åse L.", Role::Hr, 0),
    person("jonas.v", "Jonas V.", Role::Port, 0),
    person("lukasz.w", "Łukasz W.", Role::Engineer, 0),
    person("eldbjorg.s", "Eldbjørg S.", Role::Finance, 0),
    person("nadia.r", "Nadia R.", Role::Security, 0),
    person("kaspar.t", "Kaspar T.", Role::Platform, 0),
    person("birgit.o", "Birgit O.", Role::Port, 0),
    person("hadi.m", "Hadi M.", Role::Analyst, 0),
    person("runa.f", "Rúna F.", Role::Manager, 0),
    person("timo.p", "Timo P.", Role::Support, 0),
    person("zofia.g", "Żofia G.", Role::Engineer, 0),
    person("anders.q", "Anders Q.", Role::Port, 0),
    person("liv.d", "Liv D.", Role::Hr, 0),
    person("emre.y", "Emre Y.", Role::Security, 0),
    person("solveig.a", "Sólveig A.", Role::Finance, 0),
    person("viktor.e", "Viktor E.", Role::Manager, 0),
    // Lisbon.
    person("joao.p", "João P.", Role::Engineer, 1),
    person("ines.c", "Inês C.", Role::Analyst, 1),
    person("tomas.r", "Tomás R.", Role::Platform, 1),
    person("beatriz.m", "Beatriz M.", Role::Finance, 1),
    person("rui.f", "Rui F.", Role::Engineer, 1),
    person("graca.l", "Graça L.", Role::Port, 1),
    person("davi.s", "Davi S.", Role::Support, 1),
    person("leonor.v", "Leonor V.", Role::Manager, 1),
    person("chidi.o", "Chidi O.", Role::Engineer, 1),
    person("yara.n", "Yara N.", Role::Security, 1),
    // Cebu: the service desk, in shifts.
    person("maricel.d", "Maricel D.", Role::Support, 2),
    person("jun.t", "Jun T.", Role::Support, 2),
    person("liza.b", "Liza B.", Role::Support, 2),
    person("paolo.r", "Paolo R.", Role::Support, 2),
    person("aileen.s", "Aileen S.", Role::Support, 2),
    person("nino.v", "Niño V.", Role::Support, 2),
    person("grace.u", "Grace U.", Role::Manager, 2),
    person("ngoc.h", "Ngọc H.", Role::Analyst, 2),
    person("kenji.a", "健二 A.", Role::Engineer, 2),
    person("rosa.m", "Rosa M.", Role::Finance, 2),
    person("tala.c", "Tala C.", Role::Support, 2),
    person("dante.g", "Dante G.", Role::Platform, 2),
    person("isko.l", "Isko L.", Role::Support, 2),
    person("amihan.p", "Amihan P.", Role::Hr, 2),
    // St. John's.
    person("keiran.d", "Keiran D.", Role::Platform, 3),
    person("moira.b", "Moira B.", Role::Port, 3),
    person("etienne.g", "Étienne G.", Role::Engineer, 3),
    person("saoirse.n", "Saoirse N.", Role::Security, 3),
    person("wren.h", "Wren H.", Role::Analyst, 3),
    person("callum.j", "Callum J.", Role::Port, 3),
    person("noor.z", "Noor Z.", Role::Finance, 3),
    person("odette.r", "Odette R.", Role::Manager, 3),
    person("finn.w", "Finn W.", Role::Support, 3),
    person("delia.k", "Delia K.", Role::Engineer, 3),
];

/// Who leaves in the first third of the month and is seen again: `chidi.o`.
pub(super) static LEAVER: &Person = &PEOPLE[28];
/// Who exports every customer: `ngoc.h`.
pub(super) static EXPORTER: &Person = &PEOPLE[37];
/// Who gives themselves rights and deletes backups: `keiran.d`.
pub(super) static CLIMBER: &Person = &PEOPLE[44];
/// Who believes a forged letter about an account number: `eldbjorg.s`.
pub(super) static DECEIVED: &Person = &PEOPLE[7];
/// For whom the looping agent works: `mira.k`.
pub(super) static LOOP_OWNER: &Person = &PEOPLE[0];
/// Who is on duty when something is found: `nadia.r`, `saoirse.n`.
pub(super) static GUARDS: [&Person; 2] = [&PEOPLE[8], &PEOPLE[47]];

pub(super) static IDENTITY: Stream = Stream { name: "identity", digits: 3 };
pub(super) static GATEWAY: Stream = Stream { name: "gateway", digits: 3 };
pub(super) static BOOKING: Stream = Stream { name: "booking-api", digits: 3 };
pub(super) static PAYMENTS: Stream = Stream { name: "payments", digits: 3 };
pub(super) static BILLING: Stream = Stream { name: "billing-api", digits: 3 };
pub(super) static POSTGRES: Stream = Stream { name: "postgres/main", digits: 6 };
pub(super) static KUBERNETES: Stream = Stream { name: "kubernetes/prod", digits: 6 };
pub(super) static OBJECTS: Stream = Stream { name: "objects", digits: 3 };
pub(super) static HR: Stream = Stream { name: "hr", digits: 0 };
pub(super) static DELIVERY: Stream = Stream { name: "delivery", digits: 3 };
pub(super) static FLAGS: Stream = Stream { name: "flags", digits: 3 };
pub(super) static AGENTS: Stream = Stream { name: "agents", digits: 9 };
pub(super) static DESK: Stream = Stream { name: "service-desk", digits: 3 };
pub(super) static PORTS: Stream = Stream { name: "port-operations", digits: 0 };
pub(super) static DETECTION: Stream = Stream { name: "detection", digits: 3 };
pub(super) static REPORTING: Stream = Stream { name: "reporting", digits: 3 };

pub(super) static SERVICES: [&str; 18] = [
    "booking-api",
    "web-gateway",
    "payments",
    "timetable",
    "identity",
    "billing-api",
    "notifier",
    "manifest",
    "pricing",
    "boarding",
    "loyalty",
    "vessel-tracker",
    "crew-roster",
    "document-store",
    "search",
    "translator",
    "weather-feed",
    "customs-bridge",
];

pub(super) static BOTS: [Bot; 6] = [
    Bot {
        name: "desk-assistant",
        tools: ["search_documents", "get_booking", "draft_reply", "issue_refund"],
    },
    Bot {
        name: "invoice-matcher",
        tools: ["match_payment", "list_invoices", "read_file", "query_database"],
    },
    Bot {
        name: "operations-copilot",
        tools: ["get_timetable", "search_documents", "query_database", "create_ticket"],
    },
    Bot {
        name: "report-writer",
        tools: ["query_database", "read_file", "translate", "draft_reply"],
    },
    Bot {
        name: "refund-reviewer",
        tools: ["get_booking", "search_documents", "create_ticket", "issue_refund"],
    },
    Bot {
        name: "schema-helper",
        tools: ["query_database", "read_file", "search_documents", "open_pull_request"],
    },
];

/// Tools that change something, and that not everyone's agent may use.
pub(super) static GUARDED_TOOLS: [&str; 3] = ["issue_refund", "open_pull_request", "create_ticket"];

pub(super) static MODELS: [&str; 3] = ["house-large-4", "house-small-4", "house-large-5-preview"];

const BOOKING_STATES: &[&str] = &["confirmed", "held", "cancelled", "boarded", "no-show"];
const CABINS: &[&str] = &["deck", "inside-2", "outside-2", "suite", "pet-friendly"];
const LOCALES: &[&str] = &["nb-NO", "pt-PT", "en-IE", "sv-SE", "fil-PH", "ja-JP"];
const TIERS: &[&str] = &["none", "silver", "gold ★", "captain ⚓"];
const INVOICE_STATES: &[&str] = &["open", "approved", "paid", "disputed"];
const BERTHS: &[&str] = &["Berth 1", "Berth 2", "Berth 4 — øst", "Berth 4 — vest", "Pier Å"];
const SAILING_STATES: &[&str] = &["scheduled", "boarding", "departed", "arrived", "cancelled"];
const SEASONS: &[&str] = &["low", "shoulder", "high", "christmas"];
const SHIFTS: &[&str] = &["day", "night", "stand-by"];
const SCOPES: &[&str] = &["global", "port:halden", "vessel:\"MV Tern\"", "C:\\scanner\\gate.ini"];

pub(super) static TABLES: [Table; 10] = [
    Table {
        name: "booking.bookings",
        primary_key: "booking_id",
        owner: "booking-api",
        columns: [
            column("status", BOOKING_STATES),
            number("passengers", 9),
            number("fare_cents", 90_000),
        ],
    },
    Table {
        name: "booking.passengers",
        primary_key: "passenger_id",
        owner: "booking-api",
        columns: [column("cabin", CABINS), column("meal", &MEALS), number("luggage_kg", 60)],
    },
    Table {
        name: "crm.customers",
        primary_key: "customer_id",
        owner: "web-gateway",
        columns: [column("locale", LOCALES), column("meal", &MEALS), number("visits", 400)],
    },
    Table {
        name: "billing.invoices",
        primary_key: "invoice_id",
        owner: "billing-api",
        columns: [column("status", INVOICE_STATES), number("due_days", 60), number("reminders", 4)],
    },
    Table {
        name: "timetable.sailings",
        primary_key: "sailing_id",
        owner: "timetable",
        columns: [
            column("status", SAILING_STATES),
            column("berth", BERTHS),
            number("delay_minutes", 240),
        ],
    },
    Table {
        name: "pricing.fares",
        primary_key: "fare_id",
        owner: "pricing",
        columns: [
            column("season", SEASONS),
            number("base_cents", 50_000),
            number("surcharge_cents", 4_000),
        ],
    },
    Table {
        name: "loyalty.points",
        primary_key: "account_id",
        owner: "loyalty",
        columns: [column("tier", TIERS), number("balance", 80_000), number("pending", 900)],
    },
    Table {
        name: "billing.suppliers",
        primary_key: "supplier_id",
        owner: "billing-api",
        columns: [number("terms_days", 90), number("rating", 5), column("remark", &REMARKS)],
    },
    Table {
        name: "crew.rosters",
        primary_key: "roster_id",
        owner: "crew-roster",
        columns: [column("shift", SHIFTS), column("vessel", &VESSELS), number("hours", 12)],
    },
    Table {
        name: "ops.settings",
        primary_key: "setting_id",
        owner: "boarding",
        columns: [column("scope", SCOPES), number("value", 1_000), number("revision", 5_000)],
    },
];

const fn column(name: &'static str, values: &'static [&'static str]) -> Column {
    Column { name, values, max: 0 }
}

const fn number(name: &'static str, max: u64) -> Column {
    Column { name, values: &[], max }
}

pub(super) static MEALS: [&str; 7] =
    ["standard", "vegetarian", "halal", "kosher", "vegan", "gluten-free 🌾", "økologisk"];

/// Free text as people leave it.
pub(super) static REMARKS: [&str; 12] = [
    "",
    "wheelchair at the gate",
    "\"quiet\" cabin, please",
    "Açúcar & Sal, Lda.",
    "フェリーは初めて",
    "see C:\\manifest\\out",
    "två cyklar, en hund",
    "late: road E6 closed",
    "n/a",
    "<b>VIP</b>",
    "Ψ-test ünïcode 🛳",
    "do not call before 10:00",
];

/// Where a service runs in the cluster.
pub(super) fn namespace(service: &str) -> &'static str {
    match service {
        "booking-api" | "web-gateway" | "boarding" | "loyalty" | "search" => "booking",
        "payments" | "billing-api" | "pricing" => "payments",
        "timetable" | "vessel-tracker" | "weather-feed" | "manifest" | "crew-roster" => "timetable",
        "translator" | "document-store" => "agents",
        _ => "platform",
    }
}

pub(super) static BUCKETS: [&str; 8] = [
    "booking-documents",
    "invoice-archive",
    "manifests",
    "analytics-landing",
    "backups-prod",
    "web-assets",
    "crew-files",
    "legal-hold",
];

pub(super) static NAMESPACES: [&str; 6] =
    ["booking", "payments", "platform", "timetable", "agents", "monitoring"];

pub(super) static SECRETS: [&str; 7] = [
    "payments-gateway-key",
    "postgres-booking",
    "session-signing-key",
    "smtp-relay",
    "customs-bridge-cert",
    "objects-writer",
    "webhook-hmac",
];

/// One slot each in [`super::world::World`].
pub(super) static FEATURES: [&str; 12] = [
    "checkout-v3",
    "seat-map",
    "dynamic-fares",
    "agent-refunds",
    "dark-mode",
    "loyalty-tiers",
    "boarding-nfc",
    "fuel-surcharge",
    "new-search",
    "voucher-codes",
    "late-check-in",
    "multi-currency",
];

pub(super) static SUPPLIERS: [&str; 14] = [
    "Skarv Bunkering AS",
    "Fjordlys Catering",
    "Estaleiro da Barra, Lda.",
    "Tern & Kittiwake Insurance",
    "Nordvind Linen",
    "Cebu Contact Partners",
    "Baltic Rope Works",
    "Molo Pilots",
    "Lanterna Signage",
    "Øst Elektro",
    "Grey Seal Security",
    "Pequod Paints",
    "Harbour Glass Co.",
    "Saltkråkan Print",
];

pub(super) static PORT_NAMES: [&str; 7] =
    ["Halden", "Skarvik", "Bronsund", "Tilholm", "Gråsel", "Ytre Molo", "Fyrnes"];

pub(super) static VESSELS: [&str; 6] =
    ["MV Solvind", "MV Tern", "MV Gråsel", "MV Nattergal", "MV Ytterøy", "HSC Stormsvale"];

pub(super) static GROUPS: [&str; 9] = [
    "engineering",
    "finance",
    "support-tier-1",
    "support-tier-2",
    "vpn-users",
    "payments-approvers",
    "production-readers",
    "production-admins",
    "auditors",
];

pub(super) static APPLICATIONS: [&str; 8] = [
    "workplace",
    "service-desk",
    "billing",
    "code",
    "reporting",
    "port-operations",
    "hr",
    "cluster-console",
];

pub(super) static DESK_BROWSERS: [&str; 5] = [
    "Mozilla/5.0 (x86_64; rv:145.0) DeskBrowser/145.0",
    "Mozilla/5.0 (aarch64) DeskBrowser/144.2 Workplace/7.1",
    "workplace-desktop/7.1.4 (x86_64)",
    "workplace-mobile/7.0.9 (aarch64; nb-NO)",
    "Mozilla/5.0 (x86_64; rv:128.0) DeskBrowser/128.6-esr",
];

pub(super) static PUBLIC_BROWSERS: [&str; 6] = [
    "halden-app/5.12.0 (phone; aarch64)",
    "Mozilla/5.0 (phone; aarch64) PocketBrowser/21.3 Mobile",
    "Mozilla/5.0 (x86_64; rv:145.0) HomeBrowser/145.0",
    "halden-app/5.11.2 (tablet; aarch64)",
    "Mozilla/5.0 (x86_64) HomeBrowser/139.0 Safe/3",
    "Mozilla/5.0 (tv; armv7l) CouchBrowser/4.0",
];

pub(super) static SHELLS: [&str; 4] =
    ["kubectl/v1.34.1 (linux/amd64)", "psql/18.1", "curl/8.16.0", "delivery-cli/2.9.0"];

pub(super) static TICKET_SENTENCES: [&str; 14] = [
    "The customer says that the confirmation mail never arrived.",
    "Kunden ønsker å endre avgangen til søndag kveld, men får \"ugyldig billett\".",
    "Checked the manifest: both passengers and the car are on it.",
    "O cliente pede reembolso porque a travessia foi cancelada por mau tempo.",
    "Refund promised within five working days.\nNo further action from our side.",
    "Tried twice with another card, declined both times (code 51).",
    "The dog travels in the kennel deck; form P-12 is missing.",
    "Called back at 14:20, no answer, left a message.",
    "Kliyente: \"Salamat po!\" 🙏",
    "乗船券の名前を修正しました。",
    "Escalated to tier 2, since the loyalty account shows a negative balance.",
    "Path of the attached scan:\tC:\\scans\\2231.pdf",
    "العميل يطلب فاتورة باسم الشركة.",
    "Closing as a duplicate of the earlier ticket.",
];

pub(super) static STATEMENTS: [&str; 6] = [
    "SELECT * FROM crm.customers WHERE email = $1",
    "SELECT status, count(*) FROM booking.bookings WHERE departs_at >= $1 GROUP BY 1",
    "UPDATE timetable.sailings SET delay_minutes = $1 WHERE sailing_id = $2",
    "SELECT b.booking_id, p.cabin\n  FROM booking.bookings b\n  \
     JOIN booking.passengers p USING (booking_id)\n WHERE b.sailing_id = $1",
    "EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM billing.invoices WHERE status = 'open'",
    "SELECT pg_size_pretty(pg_total_relation_size('booking.bookings'))",
];
