//! Saved queries that most installations want, made already.

/// One that needs no more than the address of its webhook.
#[derive(Debug)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// What it finds; empty for everything.
    pub query: &'static str,
    /// When it fires, as [`When::parse`](super::When::parse) reads it.
    pub when: &'static str,
    /// The log that it belongs to, where it is not any.
    pub log: Option<&'static str>,
    /// What it tells, in a few words.
    pub tells: &'static str,
}

/// All of them.
pub const BUILT_IN: [BuiltIn; 5] = [
    BuiltIn {
        name: "verification",
        query: "",
        when: "unverified in 24h",
        log: None,
        tells: "the log, read through again, is not what it was",
    },
    BuiltIn {
        name: "silence",
        query: "",
        when: "none in 1h",
        log: None,
        tells: "nothing came for an hour; with stream:NAME, nothing of that stream",
    },
    BuiltIn {
        name: "lag",
        query: "",
        when: "lag over 10000",
        log: None,
        tells: "a search does not find the newest entries",
    },
    BuiltIn {
        name: "disk",
        query: "",
        when: "disk under 5G",
        log: None,
        tells: "the data's disk is nearly full",
    },
    BuiltIn {
        name: "outside-hours",
        query: "action:graven.grant OR action:graven.token OR action:graven.factor OR action:graven.policy OR action:graven.key \
            OR action:graven.reveal OR action:graven.erasure OR action:graven.hold OR action:graven.export",
        when: "outside 07:00-19:00 mon-fri",
        log: Some("system"),
        tells: "something privileged was done at night or on a weekend",
    },
];
