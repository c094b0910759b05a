//! The sections themselves. The doc comment of a key is its text in `rialto config example`.

use super::{
    ByteSize, DatabasePlace, ListenAddress, Networks, Permissions, Secret, TimeSpan,
    pace::Pace,
    section::{Key, Section, section},
    setting::{Mebibytes, choice},
};
use homeserver::Rates;
use ruma::{OwnedServerName, server_name};
use std::path::PathBuf;
use url::Url;

section! {
    /// The whole configuration.
    Config {
        /// Where everything that has to survive lives: keys, media, the SQLite databases, the admin socket.
        /// Relative to this file. Nobody else may read it.
        data_dir: PathBuf = PathBuf::from("rialto-data"), Plain "\"rialto-data\"";
        /// The homeserver: the built-in one, or where yours is.
        homeserver: Homeserver = Homeserver::default(), Section "";
        /// How an external homeserver reaches Rialto (mode = "external" only).
        appservice: Appservice = Appservice::default(), Section "";
        /// Where rows are stored.
        database: Database = Database::default(), Section "";
        /// What all networks share.
        bridge: Bridge = Bridge::default(), Section "";
        /// Who may read the figures at /metrics.
        metrics: Metrics = Metrics::default(), Section "";
        /// What is logged.
        log: Log = Log::default(), Section "";
        /// Who may do what with the bridges: block, relay (be carried by somebody else's login), user (log in), admin.
        /// The most specific line wins: a user, then a server, then "*".
        permissions: Permissions = Permissions::default(), Section "";
        /// The networks. The name behind `networks.` is permanent: ghosts and rooms are named after it.
        networks: Networks = Networks::default(), Section "";
    }
}

section! {
    /// The homeserver.
    Homeserver {
        /// "embedded" runs the built-in homeserver, "external" works with Synapse and others.
        mode: Mode = Mode::Embedded, Plain "\"embedded\"";
        /// The part behind the colon of all ids. Fixed once used.
        server_name: OwnedServerName = server_name!("localhost").to_owned(), Plain "\"localhost\"";
        /// Where the embedded homeserver listens.
        listen: ListenAddress = ListenAddress::from_static("127.0.0.1:8008"), Plain "\"127.0.0.1:8008\"";
        /// Who may make an account: "closed" (only `rialto user create`), "token" (see `rialto registration token create`), "open".
        registration: SignUp = SignUp::Closed, Plain "\"closed\"";
        /// Registration files of foreign application services, loaded at start.
        appservices: Vec<PathBuf> = Vec::new(), Plain "[]";
        /// Lets programs make accounts through POST /_synapse/admin/v1/register, as Synapse has it.
        shared_secret: Option<Secret> = None, Secret "\"a long random text\"";
        /// TLS without a reverse proxy in front.
        tls: Option<Tls> = None, Optional "{ certificate = \"fullchain.pem\", key = \"privkey.pem\" }";
        /// How long an access token lives where the client can have it renewed: "90s", "5m", "12h". Others do not end.
        access_token_lifetime: TimeSpan = TimeSpan::minutes(5), Plain "\"5m\"";
        /// The largest file people may upload to the embedded homeserver: a number of bytes, or "50M", "2G".
        max_upload_size: ByteSize = ByteSize::mebibytes(100), Plain "\"100M\"";
        /// Whether people see of each other who is online. Ghosts never have a presence.
        presence: bool = false, Plain "false";
        /// How often people may do something; who does more is told when to go on (429). `enabled = false` lets everybody do as much as
        /// they can. Each rate can be set as { per_second = 5, burst = 50 }: messages, joins, invites, rooms, profiles, signals (receipts,
        /// typing, account data), uploads, searches, reports of each person; logins of an account or address, registrations of an address.
        /// Application services are left alone whose registration says `rate_limited: false`.
        rate_limits: RateLimits = RateLimits::default(), Plain "{ enabled = true }";
        /// Requests to application services and other servers. Accept invalid certificates only from peers of your own.
        outgoing: Outgoing = Outgoing::default(), Plain "{ accept_invalid_certificates = false }";
        /// Where the external homeserver is (mode = "external" only).
        url: Option<Url> = None, Optional "\"https://matrix.example.org\"";
    }
}

choice! {
    /// Whose homeserver it is.
    Mode {
        /// The built-in one.
        Embedded = "embedded",
        /// Synapse and others.
        External = "external",
    }
}

choice! {
    /// Who may make an account.
    SignUp {
        /// Nobody; the operator does.
        Closed = "closed",
        /// Who has a sign-up token.
        Token = "token",
        /// Everybody.
        Open = "open",
    }
}

section! {
    /// The files of TLS.
    Tls {
        /// The certificate and those it was signed with, in PEM.
        certificate: PathBuf = PathBuf::new(), Required "\"fullchain.pem\"";
        /// Its private key, in PEM.
        key: PathBuf = PathBuf::new(), Required "\"privkey.pem\"";
    }
}

section! {
    /// How fast clients may be.
    RateLimits {
        /// Whether there are limits.
        enabled: bool = true, Plain "true";
        /// Messages, state, redactions, kicks and bans.
        messages: Pace = Pace::from(Rates::default().messages), Plain "{ per_second = 5, burst = 50 }";
        /// Joining and knocking.
        joins: Pace = Pace::from(Rates::default().joins), Plain "{ per_second = 5, burst = 50 }";
        /// Invitations.
        invites: Pace = Pace::from(Rates::default().invites), Plain "{ per_second = 5, burst = 50 }";
        /// Making and replacing rooms.
        rooms: Pace = Pace::from(Rates::default().rooms), Plain "{ per_second = 5, burst = 50 }";
        /// Changes of the own profile.
        profiles: Pace = Pace::from(Rates::default().profiles), Plain "{ per_second = 5, burst = 50 }";
        /// Receipts, typing, and what clients keep for themselves.
        signals: Pace = Pace::from(Rates::default().signals), Plain "{ per_second = 5, burst = 50 }";
        /// Files.
        uploads: Pace = Pace::from(Rates::default().uploads), Plain "{ per_second = 5, burst = 50 }";
        /// Searches, and walks through directories and spaces.
        searches: Pace = Pace::from(Rates::default().searches), Plain "{ per_second = 5, burst = 50 }";
        /// Complaints.
        reports: Pace = Pace::from(Rates::default().reports), Plain "{ per_second = 5, burst = 50 }";
        /// Logins: into one account, and attempts from one address.
        logins: Pace = Pace::from(Rates::default().logins), Plain "{ per_second = 5, burst = 50 }";
        /// New accounts from one address.
        registrations: Pace = Pace::from(Rates::default().registrations), Plain "{ per_second = 5, burst = 50 }";
    }
}

section! {
    /// Requests to other servers.
    Outgoing {
        /// Whether any certificate is believed.
        accept_invalid_certificates: bool = false, Plain "false";
    }
}

section! {
    /// How an external homeserver reaches Rialto.
    Appservice {
        /// Where Rialto listens for the homeserver.
        listen: ListenAddress = ListenAddress::from_static("127.0.0.1:29300"), Plain "\"127.0.0.1:29300\"";
        /// What the homeserver is told: how it reaches the address above.
        address: Url = Url::parse("http://127.0.0.1:29300").expect("a constant address"), Plain "\"http://127.0.0.1:29300\"";
    }
}

section! {
    /// Where rows are stored.
    Database {
        /// "sqlite" (homeserver.db and bridges.db in data_dir) or "postgres://USER:PASSWORD@HOST/DATABASE" (two schemas).
        url: DatabasePlace = DatabasePlace::Sqlite, Secret "\"sqlite\"";
    }
}

section! {
    /// What all networks share.
    Bridge {
        /// The user name of the bot people talk to.
        bot: String = "rialtobot".to_owned(), Plain "\"rialtobot\"";
        /// Where the internet reaches this server: webhooks, log-in pages and media links use it.
        public_url: Option<Url> = None, Optional "\"https://matrix.example.org\"";
        /// Lets programs log people in and out through /_matrix/provision. People themselves use their own access token.
        provisioning_secret: Option<Secret> = None, Secret "\"a long random text\"";
        /// The largest file that crosses, in MiB. A larger one becomes a link, or words.
        largest_file_mib: Mebibytes = Mebibytes(100), Plain "100";
        /// How much disk files may take in `data_dir` while they cross, in MiB. Those that find no room wait.
        spool_mib: Mebibytes = Mebibytes(1024), Plain "1024";
    }
}

section! {
    /// Who may read the figures at /metrics.
    Metrics {
        /// What a program on another machine shows as `Authorization: Bearer TOKEN`. Without it, only programs on this machine may read.
        token: Option<Secret> = None, Secret "\"a long random text\"";
    }
}

section! {
    /// What is logged.
    Log {
        /// "error", "warn", "info", "debug" or "trace". RUST_LOG in the environment wins.
        level: LogLevel = LogLevel::Info, Plain "\"info\"";
    }
}

choice! {
    /// How much is logged.
    LogLevel {
        /// Only what somebody must act on.
        Error = "error",
        /// What is not as it should be, too.
        Warn = "warn",
        /// The life of the house.
        Info = "info",
        /// One line per message and more.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

/// Every section with its keys: the order of the example, and where a misplaced key may belong.
pub(crate) const EVERY_KEY: &[(&str, &[Key])] = &[
    ("", Config::KEYS),
    ("homeserver", Homeserver::KEYS),
    ("appservice", Appservice::KEYS),
    ("database", Database::KEYS),
    ("bridge", Bridge::KEYS),
    ("log", Log::KEYS),
    ("metrics", Metrics::KEYS),
];
