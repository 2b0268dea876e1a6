//! Every key of the language: its name, what it is for, and what may stand there. The one table that both the
//! checker and the JSON Schema read.

/// A map with fixed keys.
#[derive(Debug)]
pub(crate) struct Place {
    /// Its name among the definitions of the schema.
    pub(crate) name: &'static str,
    /// What such a map is, as messages call it: `a stage`.
    pub(crate) what: &'static str,
    pub(crate) keys: &'static [&'static [Key]],
}

#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) shape: Shape,
    /// What to write where it is missing and must not be.
    pub(crate) required: Option<&'static str>,
}

/// What may stand at a key.
#[derive(Debug)]
pub(crate) enum Shape {
    Text,
    /// A text, number or truth value that is taken as text.
    Scalar,
    Expression,
    /// Anything: what JSON can hold, with templates in its texts.
    Any,
    Duration,
    Rate,
    /// With `%`.
    Share,
    /// With `%`, per time: `2%/min`.
    LeavingRate,
    /// A whole number, at least this.
    Whole(u64),
    /// A number that is not negative.
    Number,
    Flag,
    Word(&'static [&'static str]),
    In(&'static Place),
    List(&'static Shape),
    /// A list of [`STEP`]s.
    Steps,
    /// A map whose keys the author names.
    Names(&'static Shape),
    Either(&'static [Shape]),
}

const fn key(name: &'static str, about: &'static str, shape: Shape) -> Key {
    Key { name, about, shape, required: None }
}

const fn required(name: &'static str, about: &'static str, shape: Shape, example: &'static str) -> Key {
    Key { name, about, shape, required: Some(example) }
}

impl Place {
    pub(crate) fn all(&self) -> impl Iterator<Item = &'static Key> + Clone {
        self.keys.iter().flat_map(|group| group.iter())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.all().any(|key| key.name == name)
    }
}

/// Keys of any test.
static OF_TEST: &[Key] = &[
    key("name", "What the test is called in reports; the file's name without it.", Shape::Text),
    key("description", "What the test asks, in a sentence.", Shape::Text),
    key(
        "target",
        "What is tested: `bundled`, or a URL. `--target` wins.",
        Shape::Either(&[Shape::Text, Shape::In(&TARGET)]),
    ),
    key(
        "monitor",
        "What is watched once a second while the load runs; the bundled service always is.",
        Shape::In(&MONITOR),
    ),
    INCLUDE,
];

/// Keys of a test with one load, and of each scenario of a test with several.
static OF_SCENARIO: &[Key] = &[
    key("http", "Defaults of every request.", Shape::In(&HTTP)),
    VARS,
    DATA,
    required(
        "load",
        "How many users come, or how many arrive per second, and for how long.",
        Shape::In(&LOAD),
        "write `load: { users: 10, duration: 1m }`, or `stages:` for a course over time",
    ),
    key("setup", "Steps taken once, before the load; every user sees what they capture.", Shape::Steps),
    key("on_start", "Steps each user takes once, before its first iteration.", Shape::Steps),
    required(
        "flow",
        "What a user does, again and again.",
        Shape::Steps,
        "write `flow:` and under it a step, like `- get: /api`",
    ),
    key("teardown", "Steps taken once at the very end, also after a failure.", Shape::Steps),
    key("verify", "Steps taken once after the load has drained: is the data still right?", Shape::Steps),
    key("outcomes", "Which answers are expected, for all requests.", Shape::In(&OUTCOMES)),
    key("thresholds", "What must hold for the test to pass.", THRESHOLDS),
];

/// A test with one load.
pub(crate) static TEST: Place = Place { name: "test", what: "a test", keys: &[OF_TEST, OF_SCENARIO] };

/// A test with several loads.
pub(crate) static SUITE: Place = Place {
    name: "suite",
    what: "a test with `scenarios`",
    keys: &[
        OF_TEST,
        &[
            key("http", "Defaults of every request; a scenario's own win.", Shape::In(&HTTP)),
            key(
                "vars",
                "Names with values, evaluated once for each scenario, before its own.",
                Shape::Names(&Shape::Any),
            ),
            DATA,
            key("outcomes", "Which answers are expected, for all requests.", Shape::In(&OUTCOMES)),
            key("thresholds", "What must hold for the test to pass.", THRESHOLDS),
            key(
                "gap",
                "Scenarios come one after another, with this much time between them.",
                Shape::Duration,
            ),
            required(
                "scenarios",
                "Several loads: a name, and what a test with one load would have.",
                Shape::Names(&Shape::In(&SCENARIO)),
                "write `scenarios:` and under it a name with `load` and `flow`",
            ),
        ],
    ],
};

pub(crate) static SCENARIO: Place = Place {
    name: "scenario",
    what: "a scenario",
    keys: &[
        OF_SCENARIO,
        &[
            key("start", "When its load begins: with the first one, without it.", Shape::In(&START)),
            key(
                "measure",
                "`false`: its samples count only where a filter names it. For a warm-up.",
                Shape::Flag,
            ),
        ],
    ],
};

pub(crate) static START: Place = Place {
    name: "start",
    what: "a start",
    keys: &[&[
        key("at", "So long after the beginning of the load.", Shape::Duration),
        key("after", "When the scenario of this name is done.", Shape::Text),
        key("delay", "With `after`: so much later.", Shape::Duration),
    ]],
};

/// What a file holds that others include for more than its steps.
pub(crate) static INCLUDED: Place =
    Place { name: "included", what: "an included file", keys: &[&[INCLUDE, VARS, DATA]] };

const INCLUDE: Key = key(
    "include",
    "Files whose `vars` and `data` count as if they stood here. Relative to the folder of this file.",
    Shape::Either(&[Shape::Text, Shape::List(&Shape::Text)]),
);
const VARS: Key =
    key("vars", "Names with values, evaluated once before anything else.", Shape::Names(&Shape::Any));
const DATA: Key = key("data", "Rows that users take: a name, and where its rows are.", FEEDERS);
const FEEDERS: Shape = Shape::Names(&Shape::In(&FEEDER));

const THRESHOLDS: Shape =
    Shape::Names(&Shape::Either(&[Shape::Text, Shape::In(&THRESHOLD), Shape::List(&ONE_THRESHOLD)]));
const ONE_THRESHOLD: Shape = Shape::Either(&[Shape::Text, Shape::In(&THRESHOLD)]);
const TEXTS: Shape = Shape::Names(&Shape::Scalar);
/// Several values of one name are a list.
const PAIRS: Shape = Shape::Names(&Shape::Either(&[Shape::Scalar, Shape::List(&Shape::Scalar)]));
const ONE_PART: Shape = Shape::Either(&[Shape::Scalar, Shape::In(&PART)]);
const PARTS: Shape = Shape::Names(&Shape::Either(&[Shape::Scalar, Shape::In(&PART), Shape::List(&ONE_PART)]));
const EXPRESSIONS: Shape = Shape::Names(&Shape::Expression);
const STATUS: Shape = Shape::Either(&[
    Shape::Whole(100),
    Shape::Text,
    Shape::List(&Shape::Either(&[Shape::Whole(100), Shape::Text])),
]);
const BUSINESS: Shape = Shape::Names(&STATUS);

pub(crate) static TARGET: Place = Place {
    name: "target",
    what: "a target",
    keys: &[&[
        key("bundled", "The service that comes with the program.", Shape::Word(&["ticketing"])),
        key("url", "The base URL of the service.", Shape::Text),
        key("unix", "A socket of this machine over which `url` is reached.", Shape::Text),
        key("image", "An image of this machine's Docker engine, started in a container.", Shape::Text),
        key("port", "The port that a container of `image` listens on; 8080 without it.", Shape::Whole(1)),
        key("env", "Variables of the environment of a container of `image`.", Shape::Names(&Shape::Scalar)),
        key(
            "specs",
            "Sizes of the container, each with a name, for `--spec`.",
            Shape::Names(&Shape::In(&SPEC)),
        ),
        key("ready", "A path that answers 2xx once the service can be tested.", Shape::Text),
        key("ready_timeout", "How long to wait for it; 10s without it.", Shape::Duration),
    ]],
};

pub(crate) static SPEC: Place = Place {
    name: "spec",
    what: "a spec",
    keys: &[&[
        required("cpus", "Cores it may use, like `0.5`.", Shape::Number, "write `cpus: 1`"),
        required("memory", "Memory it may use, like `512MiB`.", Shape::Text, "write `memory: 1GiB`"),
        key("price", "What it costs per hour, in any currency.", Shape::Number),
    ]],
};

pub(crate) static MONITOR: Place = Place {
    name: "monitor",
    what: "`monitor`",
    keys: &[&[
        key(
            "container",
            "A container of this machine's Docker engine, by its name or id, or a list of them.",
            Shape::Either(&[Shape::Text, Shape::List(&Shape::Text)]),
        ),
        key(
            "process",
            "A process of this machine, or a list of them.",
            Shape::Either(&[Shape::In(&PROCESS), Shape::List(&Shape::In(&PROCESS))]),
        ),
        key(
            "prometheus",
            "An endpoint that tells metrics in the text format of Prometheus, or a list of them.",
            Shape::Either(&[Shape::In(&PROMETHEUS), Shape::List(&Shape::In(&PROMETHEUS))]),
        ),
    ]],
};

const NUMBER_OF_ITS_OWN: Shape = Shape::Either(&[Shape::Whole(1), Shape::Text]);

pub(crate) static PROCESS: Place = Place {
    name: "process",
    what: "a process",
    keys: &[&[
        key("pid", "Its number.", NUMBER_OF_ITS_OWN),
        key("port", "The TCP port it listens on.", NUMBER_OF_ITS_OWN),
        key("name", "What reports and thresholds call it; `pid …` or `port …` without it.", Shape::Text),
    ]],
};

pub(crate) static PROMETHEUS: Place = Place {
    name: "prometheus",
    what: "`prometheus`",
    keys: &[&[
        required(
            "url",
            "Where it answers: a path of the target, or a whole URL.",
            Shape::Text,
            "write `url: /metrics` for a path of the target, or a whole URL",
        ),
        required(
            "series",
            "What is taken of it: metrics by their names, or with labels and a name of their own.",
            Shape::List(&Shape::Either(&[Shape::Text, Shape::In(&SERIES)])),
            "write `series: [process_open_fds]`, or `series: [{ name: …, metric: … }]`",
        ),
        key("name", "What reports call it; `prometheus` without it.", Shape::Text),
    ]],
};

pub(crate) static SERIES: Place = Place {
    name: "series",
    what: "a series",
    keys: &[&[
        required(
            "metric",
            "The metric, and labels its series must have: `http_requests_total{route=\"/pay\"}`. Several are added up.",
            Shape::Text,
            "write `metric: process_open_fds`",
        ),
        key("name", "What reports and thresholds call it; the metric's name without it.", Shape::Text),
        key(
            "as",
            "`value`: as it is. `rate`: its growth per second, which is what names ending in `_total` get without it.",
            Shape::Word(&["value", "rate"]),
        ),
    ]],
};

pub(crate) static HTTP: Place = Place {
    name: "http",
    what: "`http`",
    keys: &[&[
        key("timeout", "How long a request may take; 30s without it.", Shape::Duration),
        key("headers", "Headers of every request; a step's own win.", TEXTS),
        key(
            "connections",
            "Whether users keep their connections (`per-user`), connect anew for each iteration (`fresh`), or share a pool (`shared`).",
            Shape::Word(&["per-user", "fresh", "shared"]),
        ),
        key(
            "base_url",
            "What stands before the paths of steps: a URL, or a path of the target.",
            Shape::Text,
        ),
        key("auth", "How requests say who sends them; a step's own wins.", AUTHENTICATION),
        key("cookies", "Whether each user keeps the cookies it is given; `true` without it.", Shape::Flag),
        key(
            "follow_redirects",
            "How many redirects a request follows: `true` for 10, or a number; none without it.",
            FOLLOW,
        ),
        key(
            "compression",
            "Which encodings of answers are asked for: `true` for all of them, or a list; none without it.",
            Shape::Either(&[Shape::Flag, Shape::List(&Shape::Word(&ENCODINGS))]),
        ),
        key(
            "version",
            "The version of HTTP: `1.1` (the default), `2`, or `auto`: what a server prefers over TLS.",
            Shape::Word(&VERSIONS),
        ),
        key("proxy", "A proxy for all requests, like `http://user:password@host:3128`.", Shape::Text),
        key("tls", "What servers are trusted, and what they are shown.", Shape::In(&TLS)),
    ]],
};

/// The encodings of bodies that are read.
pub(crate) const ENCODINGS: [&str; 4] = ["gzip", "br", "zstd", "deflate"];
pub(crate) const VERSIONS: [&str; 3] = ["1.1", "2", "auto"];
const FOLLOW: Shape = Shape::Either(&[Shape::Flag, Shape::Whole(0)]);
const AUTHENTICATION: Shape = Shape::Either(&[Shape::Word(&["none"]), Shape::In(&AUTH)]);

pub(crate) static TLS: Place = Place {
    name: "tls",
    what: "`tls`",
    keys: &[&[
        key("ca", "A PEM file with authorities to trust besides those of the system.", Shape::Text),
        key("client_cert", "A PEM file with a certificate to show to servers that ask.", Shape::Text),
        key("client_key", "A PEM file with its key; that of `client_cert` without it.", Shape::Text),
        key("insecure", "Trust every server, whatever its certificate.", Shape::Flag),
        key("server_name", "The name that the target's certificate must be for.", Shape::Text),
    ]],
};

pub(crate) static AUTH: Place = Place {
    name: "auth",
    what: "`auth`",
    keys: &[&[
        key("basic", "A user and a password.", Shape::In(&BASIC)),
        key("bearer", "A token.", Shape::Text),
    ]],
};

pub(crate) static BASIC: Place = Place {
    name: "basic",
    what: "`basic`",
    keys: &[&[
        required("user", "The user.", Shape::Scalar, "write `basic: { user: …, password: … }`"),
        required("password", "The password.", Shape::Scalar, "write `basic: { user: …, password: … }`"),
    ]],
};

pub(crate) static FILE_BODY: Place = Place {
    name: "file_body",
    what: "a body from a file",
    keys: &[&[required(
        "file",
        "The file to send, beside the scenario.",
        Shape::Text,
        "write `file: body.xml`",
    )]],
};

pub(crate) static PART: Place = Place {
    name: "part",
    what: "a part of `multipart`",
    keys: &[&[
        key("file", "The file to send, beside the scenario.", Shape::Text),
        key("value", "A text.", Shape::Scalar),
        key("json", "A JSON value.", Shape::Any),
        key(
            "file_name",
            "What the server is told that the file is called; its own name without it.",
            Shape::Scalar,
        ),
        key("content_type", "What the part is, like `image/png`.", Shape::Scalar),
    ]],
};

pub(crate) static FEEDER: Place = Place {
    name: "feeder",
    what: "a feeder",
    keys: &[&[
        key(
            "csv",
            "A CSV file; its first line names the values. Relative to the folder of this file.",
            Shape::Text,
        ),
        key("json", "A JSON file with a list of rows. Relative to the folder of this file.", Shape::Text),
        key("lines", "A text file, each line a row. Relative to the folder of this file.", Shape::Text),
        key("rows", "The rows themselves.", Shape::List(&Shape::Any)),
        key("delimiter", "What stands between the values of a CSV file; `,` without it.", Shape::Text),
        key(
            "pick",
            "Which row an iteration takes: `sequential` (the next, whoever asks; this without the key), \
             `unique` (the same, and each only once), `random`, or `per-user` (user 1 has row 1, for as long as it lives).",
            Shape::Word(&["sequential", "unique", "random", "per-user"]),
        ),
        key(
            "when_done",
            "What comes after the last row: `recycle` (the first again), or `stop` (whoever asks for one goes).",
            Shape::Word(&["recycle", "stop"]),
        ),
        key(
            "secret",
            "Columns that no report shows; without it those named like a password, secret or token.",
            Shape::List(&Shape::Text),
        ),
    ]],
};

pub(crate) static LOAD: Place = Place {
    name: "load",
    what: "a load",
    keys: &[&[
        key(
            "kind",
            "Which kind of question the test asks.",
            Shape::Word(&["smoke", "load", "spike", "stress", "endurance", "peak", "breakpoint"]),
        ),
        key(
            "model",
            "`closed`: a number of users. `open`: arrivals per second. Follows from the numbers without it.",
            Shape::Word(&["closed", "open"]),
        ),
        key(
            "stages",
            "The course of the load: each stage leads linearly to its target.",
            Shape::List(&Shape::In(&STAGE)),
        ),
        key(
            "from",
            "Where the first stage begins; 0 without it.",
            Shape::Either(&[Shape::Whole(0), Shape::Rate]),
        ),
        key("users", "A constant number of users.", Shape::Whole(1)),
        key("rate", "A constant number of arrivals, like `50/s`.", Shape::Rate),
        key("duration", "How long `users` or `rate` last.", Shape::Duration),
        key("iterations", "How many iterations all `users` do together.", Shape::Whole(1)),
        key("iterations_per_user", "How many iterations each of the `users` does.", Shape::Whole(1)),
        key(
            "pace",
            "Closed model: each user starts its flow this often; a late start counts from its due time.",
            Shape::Duration,
        ),
        key(
            "arrivals",
            "Open model: `uniform` spacing, or `poisson` as independent people come.",
            Shape::Word(&["uniform", "poisson"]),
        ),
        key("max_users", "How many users of the open model may be busy at once.", Shape::Whole(1)),
        key(
            "when_full",
            "What an arrival does at `max_users`: `drop` (it is counted) or `wait` (it keeps its due time).",
            Shape::Word(&["drop", "wait"]),
        ),
        key(
            "throttle",
            "A cap on requests, like `200/s`: one that has to wait for it is due later.",
            Shape::Rate,
        ),
        key("graceful_stop", "How long running iterations may take to end; 30s without it.", Shape::Duration),
        key("max_duration", "The load is over by then, graceful stop included.", Shape::Duration),
    ]],
};

pub(crate) static STAGE: Place = Place {
    name: "stage",
    what: "a stage",
    keys: &[&[
        required(
            "duration",
            "How long the stage takes, like `30s`.",
            Shape::Duration,
            "write how long it takes, like `duration: 30s`",
        ),
        required(
            "target",
            "Where it leads: a number of users, or arrivals like `50/s`.",
            Shape::Either(&[Shape::Whole(0), Shape::Rate]),
            "write where it leads, like `target: 50` for users or `target: 50/s` for arrivals",
        ),
        key("name", "A name to filter thresholds by.", Shape::Text),
    ]],
};

pub(crate) static OUTCOMES: Place = Place {
    name: "outcomes",
    what: "`outcomes`",
    keys: &[&[
        key("status", "Which statuses are a success: `200`, `2xx`, `200..299`, or a list.", STATUS),
        key("business", "Refusals that are right to give: a name, and a status or an expression.", BUSINESS),
    ]],
};

pub(crate) static EXPECT: Place = Place {
    name: "expect",
    what: "`expect`",
    keys: &[&[
        key(
            "status",
            "Which statuses are a success: `200`, `2xx`, `200..299`, or a list. 2xx and 3xx without it.",
            STATUS,
        ),
        key("business", "Refusals that are right to give: a name, and a status or an expression.", BUSINESS),
        key("checks", "What must be true of the answer: a name and an expression.", EXPRESSIONS),
        key("latency", "An answer that takes longer is a failure.", Shape::Duration),
    ]],
};

pub(crate) static THRESHOLD: Place = Place {
    name: "threshold",
    what: "a threshold",
    keys: &[&[
        required("that", "What must hold, like `p95 < 500ms`.", Shape::Text, "write `that: p95 < 500ms`"),
        key("abort", "End the run as soon as it does not hold.", Shape::Flag),
        key("after", "How much of the load must have passed before `abort` looks at it.", Shape::Duration),
        key("over", "Judge a sliding window of this length.", Shape::Duration),
    ]],
};

pub(crate) static THINK: Place = Place {
    name: "think",
    what: "a think time",
    keys: &[&[
        required("mean", "The mean think time.", Shape::Duration, "write `mean: 2s`"),
        key("distribution", "How it is drawn.", Shape::Word(&["exponential"])),
    ]],
};

pub(crate) static CHOICE: Place = Place {
    name: "choice",
    what: "a choice",
    keys: &[&[
        required(
            "weight",
            "How often it is taken: a number beside those of the others, or a share like `30%`.",
            Shape::Either(&[Shape::Number, Shape::Share]),
            "write how often it is taken, like `weight: 3` or `weight: 30%`",
        ),
        required("do", "The steps it takes.", Shape::Steps, "write its steps under `do:`"),
    ]],
};

/// The methods of HTTP, each an action.
pub(crate) const VERBS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];
/// Samples for metrics of the user's own: actions, or modifiers of a request.
pub(crate) const TALLIES: [&str; 3] = ["count", "observe", "share"];

/// What a step can do besides a request; `count`, `observe` and `share` also go with one.
static ACTIONS: &[Key] = &[
    key(
        "think",
        "A pause: `1s`, `1s..3s`, or `{ mean: 2s, distribution: exponential }`.",
        Shape::Either(&[Shape::Text, Shape::In(&THINK)]),
    ),
    key("group", "Steps under a name, timed as a whole; with `do`.", Shape::Text),
    key("repeat", "How many times to do `do`.", Shape::Either(&[Shape::Whole(0), Shape::Text])),
    key("while", "Do `do` as long as this expression holds.", Shape::Expression),
    key(
        "for_each",
        "Do `do` once for each item of this list; the item is called `item`, or as `as` says.",
        Shape::Either(&[Shape::Text, Shape::List(&Shape::Any)]),
    ),
    key("if", "Do `then` where this expression holds, else `else`.", Shape::Expression),
    key("choose", "One of several ways, by their weights.", Shape::List(&Shape::In(&CHOICE))),
    key("poll", "Steps to take again and again until `until` holds, timed as a whole.", Shape::Steps),
    key(
        "wait_for_turn",
        "A poll of a waiting queue: at the interval the server asks for, with users who leave.",
        Shape::Steps,
    ),
    key("set", "Names with values.", Shape::Names(&Shape::Any)),
    key(
        "collect",
        "Values to append to lists; what `setup` collects, every user sees.",
        Shape::Names(&Shape::Any),
    ),
    key("check", "What must be true, outside of an answer: a name and an expression.", EXPRESSIONS),
    key("count", "Numbers to add to counters of your own: a name and an expression.", EXPRESSIONS),
    key("observe", "Values for distributions of your own: a name and an expression.", EXPRESSIONS),
    key("share", "Conditions whose share of true is a metric: a name and an expression.", EXPRESSIONS),
    key("log", "A text for standard error; of many, some are shown.", Shape::Text),
    key("stop", "What ends here.", Shape::Word(&["iteration", "user", "run"])),
];

static REQUEST_ACTIONS: &[Key] = &[
    key("get", "Send a GET request to this path.", Shape::Text),
    key("post", "Send a POST request to this path.", Shape::Text),
    key("put", "Send a PUT request to this path.", Shape::Text),
    key("patch", "Send a PATCH request to this path.", Shape::Text),
    key("delete", "Send a DELETE request to this path.", Shape::Text),
    key("head", "Send a HEAD request to this path.", Shape::Text),
    key("options", "Send an OPTIONS request to this path.", Shape::Text),
];

/// Keys that any step may have.
pub(crate) static COMMON: &[Key] = &[
    key("name", "What the step is called in reports and thresholds.", Shape::Text),
    key("when", "The step is taken only if this expression holds.", Shape::Expression),
    key("chance", "The step is taken with this probability, like `20%`.", Shape::Share),
    key("optional", "Leave the step out of every metric that does not name it.", Shape::Flag),
];

/// Keys of a request only.
pub(crate) static OF_REQUEST: &[Key] = &[
    key("headers", "Headers of this request.", TEXTS),
    key("query", "Parameters after the `?` of the path; a list sends several of one name.", PAIRS),
    key("json", "A JSON body.", Shape::Any),
    key("form", "A form as body; a list sends several values of one name.", PAIRS),
    key("multipart", "A form with files as body: a name, and a text or `{ file: … }`.", PARTS),
    key("body", "A text as body, or `{ file: … }`.", Shape::Either(&[Shape::Text, Shape::In(&FILE_BODY)])),
    key("base_url", "What stands before this path: a URL, or a path of the target.", Shape::Text),
    key("auth", "How this request says who sends it; `none` for not at all.", AUTHENTICATION),
    key("timeout", "How long this request may take.", Shape::Duration),
    key("follow_redirects", "How many redirects this request follows: `true` for 10, or a number.", FOLLOW),
    key("expect", "What the answer should be.", Shape::In(&EXPECT)),
    key("capture", "What to keep of the answer: a name and an expression.", EXPRESSIONS),
    key(
        "on_failure",
        "Whether the iteration ends after a failure, or a poll that gave up.",
        Shape::Word(&["end", "continue"]),
    ),
    key(
        "on_business",
        "Whether the iteration ends after a business outcome.",
        Shape::Word(&["continue", "stop"]),
    ),
    key("thresholds", "What must hold for this step.", THRESHOLDS),
];

/// What stands in the place of a step, and alone: it is gone when steps are read.
static IN_PLACE: &[Key] = &[key(
    "include",
    "A file with a list of steps, which are taken here. Relative to the folder of this file.",
    Shape::Text,
)];

/// Keys of steps that hold others.
static OF_BLOCK: &[Key] = &[
    key("do", "The steps of a group or a loop.", Shape::Steps),
    key("then", "The steps of `if` where it holds.", Shape::Steps),
    key("else", "The steps of `if` where it does not hold.", Shape::Steps),
    key("as", "What the item of `for_each` is called; `item` without it.", Shape::Text),
    key("until", "What a poll waits for; looked at after each probe.", Shape::Expression),
    key(
        "every",
        "The time between two probes, `1s` without it; a `${ … }` may give milliseconds or a text.",
        Shape::Either(&[Shape::Duration, Shape::Text]),
    ),
    key(
        "at_most",
        "How many rounds of `while` at most, or how long a poll may take before it gives up.",
        Shape::Either(&[Shape::Whole(1), Shape::Duration]),
    ),
    key("position", "The place in the queue that an answer tells.", Shape::Expression),
    key("abandon", "How many of those who wait leave, like `2%/min`.", Shape::LeavingRate),
];

/// Which actions each of these keys goes with.
pub(crate) const OWNERS: [(&str, &[&str]); 9] = [
    ("do", &["group", "repeat", "while", "for_each"]),
    ("then", &["if"]),
    ("else", &["if"]),
    ("as", &["for_each"]),
    ("until", &["poll", "wait_for_turn"]),
    ("every", &["poll", "wait_for_turn"]),
    ("at_most", &["while", "poll", "wait_for_turn"]),
    ("position", &["wait_for_turn"]),
    ("abandon", &["wait_for_turn"]),
];

pub(crate) static STEP: Place = Place {
    name: "step",
    what: "a step",
    keys: &[COMMON, REQUEST_ACTIONS, ACTIONS, OF_REQUEST, OF_BLOCK, IN_PLACE],
};

/// The actions of a step besides requests.
pub(crate) fn actions() -> impl Iterator<Item = &'static str> {
    ACTIONS.iter().map(|key| key.name)
}
