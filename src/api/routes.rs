//! Every route as data, for the reference. A test asks each of them, and finds each route of the routers here.

/// One route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// `GET`.
    pub method: &'static str,
    /// As the router has it, with `{name}` for what differs.
    pub path: &'static str,
    /// Parameters of the query, and what they may be.
    pub parameters: &'static [(&'static str, &'static str)],
    /// What is sent with 200.
    pub sends: &'static str,
    /// Other answers that this route has, beside those that all have.
    pub others: &'static [(u16, &'static str)],
    /// Whether the token has to be shown where there is one.
    pub token: bool,
}

/// The answer before the first cycle.
const NOTHING_SEEN: (u16, &str) = (503, "no cycle has made a plan yet");

const UNKNOWN: (u16, &str) = (404, "no Destination has this name");

/// All of them.
pub const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        path: "/livez",
        parameters: &[],
        sends: "whether the loop goes round: `status`, `cycleAgeSeconds`, `ageMaxSeconds`",
        others: &[(503, "the loop hangs; not when MediaLive cannot be reached")],
        token: false,
    },
    Route {
        method: "GET",
        path: "/readyz",
        parameters: &[],
        sends: "whether what is shown can be relied on: `status`",
        others: &[(
            503,
            "the channels were not seen yet, or the source is not trusted",
        )],
        token: false,
    },
    Route {
        method: "GET",
        path: "/metrics",
        parameters: &[],
        sends: "the [metrics](metrics.md), in the text format of Prometheus",
        others: &[],
        token: true,
    },
    Route {
        method: "GET",
        path: "/api/v1/destinations",
        parameters: &[
            ("pool", "name of a pool"),
            (
                "phase",
                "`Ready`, `Pending`, `Starting`, `Streaming`, `Stopping` or `Error`",
            ),
            ("wanted", "`Streaming` or `Ready`"),
        ],
        sends: "the destinations of `slotwise status --output json`",
        others: &[(400, "a parameter that is not known"), NOTHING_SEEN],
        token: true,
    },
    Route {
        method: "GET",
        path: "/api/v1/destinations/{name}",
        parameters: &[],
        sends: "one of them",
        others: &[UNKNOWN, NOTHING_SEEN],
        token: true,
    },
    Route {
        method: "GET",
        path: "/api/v1/destinations/{name}/explain",
        parameters: &[],
        sends: "`slotwise explain --output json`",
        others: &[
            UNKNOWN,
            (
                409,
                "the Destination has mistakes, so it is not planned; its `detail` says which",
            ),
            NOTHING_SEEN,
        ],
        token: true,
    },
    Route {
        method: "GET",
        path: "/api/v1/channels",
        parameters: &[],
        sends: "the channels of `slotwise status --output json`",
        others: &[NOTHING_SEEN],
        token: true,
    },
    Route {
        method: "GET",
        path: "/api/v1/status",
        parameters: &[
            ("output", "`json`, or `text` as a terminal shows it"),
            ("width", "columns of a text, such as `100`"),
            ("color", "`true` or `false`: whether a text has colours"),
        ],
        sends: "what `slotwise status --output json` prints",
        others: &[(400, "a parameter that is not understood"), NOTHING_SEEN],
        token: true,
    },
    Route {
        method: "GET",
        path: "/api/v1/plan",
        parameters: &[],
        sends: "`slotwise plan --output json`",
        others: &[NOTHING_SEEN],
        token: true,
    },
];

/// Answers that every route may give.
pub const EVERYWHERE: &[(u16, &str)] = &[
    (
        401,
        "there is a token, and the request does not show it: `Authorization: Bearer TOKEN`",
    ),
    (
        403,
        "there is no token, and the request is not addressed to this machine",
    ),
    (404, "nothing is at this path"),
    (405, "another method than GET"),
    (413, "a body of more than 16 KiB"),
    (500, "a defect of slotwise; its log says more"),
];
