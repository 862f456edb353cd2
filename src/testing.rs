//! What tests, benchmarks and examples use of the inside.
//!
//! Beside [`crate::main`] nothing else is public: what neither the program nor they need is dead code, and the compiler says so.
pub use crate::error_chain;

/// Of [`crate::api`].
pub mod api {
    pub use crate::api::{Access, Api, Server, Token};

    /// Of [`crate::api::routes`].
    pub mod routes {
        pub use crate::api::routes::ROUTES;
    }
}

/// Of [`crate::aws`].
pub mod aws {
    pub use crate::aws::Connect;
}

/// Of [`crate::cli`].
pub mod cli {
    pub use crate::cli::command;

    /// Of [`crate::cli::reference`].
    pub mod reference {
        pub use crate::cli::reference::{commands, pages};

        /// Of [`crate::cli::reference::reasons`].
        pub mod reasons {
            pub use crate::cli::reference::reasons::{
                feed_waitings, output_reasons, output_waitings, reasons, waitings,
            };
        }
    }
}

/// Of [`crate::controller`].
pub mod controller {
    pub use crate::controller::{
        Clock, Controller, Ended, Event, LeaseNews, Listener, MaxVanish, Pulse, Settings, StepOutcome, Until,
        View,
    };

    /// Of [`crate::controller::lease`].
    pub mod lease {
        pub use crate::controller::lease::{
            Answer, Ask, Candidate, How, Lease, LeaseTableError, LeaseTableErrorKind, LockPlace, Role, Row,
            Table,
        };

        /// Of [`crate::controller::lease::table`].
        pub mod table {
            pub use crate::controller::lease::table::VACANT;
        }
    }
}

/// Of [`crate::emulator`].
pub mod emulator {
    pub use crate::emulator::{
        Call, Effect, Emulator, Fault, FaultKind, Fleet, InventedChannel, InventedPool, InventedRouter,
        InventedSlot, Operation, Options, Quotas, StateError, Switches, World, in_memory,
    };

    /// Of [`crate::emulator::channel`].
    pub mod channel {
        pub use crate::emulator::channel::State;
    }

    /// Of [`crate::emulator::mediaconnect`].
    pub mod mediaconnect {
        pub use crate::emulator::mediaconnect::{Operation, ResourceKind};
    }

    /// Of [`crate::emulator::request`].
    pub mod request {
        pub use crate::emulator::request::{Now, Request};
    }

    /// Of [`crate::emulator::world`].
    pub mod world {
        pub use crate::emulator::world::{Channel, Document};
    }
}

/// Of [`crate::execute`].
pub mod execute {
    pub use crate::execute::{ChannelOutcome, Executor, Grounds, StepError, StepPermit};
}

/// Of [`crate::manifest`].
pub mod manifest {
    pub use crate::manifest::{Location, Problem, Rejected, Severity};

    /// Of [`crate::manifest::decode`].
    pub mod decode {
        pub use crate::manifest::decode::{Decoded, Object, RawObject, decode, decode_item};
    }

    /// Of [`crate::manifest::document`].
    pub mod document {
        pub use crate::manifest::document::Item;
    }

    /// Of [`crate::manifest::node`].
    pub mod node {
        pub use crate::manifest::node::Node;
    }

    /// Of [`crate::manifest::reference`].
    pub mod reference {
        pub use crate::manifest::reference::{KeyLookup, KeyReference};
    }

    /// Of [`crate::manifest::schema`].
    pub mod schema {
        pub use crate::manifest::schema::{combined, schemas, to_text};
    }

    /// Of [`crate::manifest::table`].
    pub mod table {
        pub use crate::manifest::table::{Item, ItemId, Layout, TablePlace, validate_table};
    }

    /// Of [`crate::manifest::validate`].
    pub mod validate {
        pub use crate::manifest::validate::validate_destination;
    }

    /// Of [`crate::manifest::yaml`].
    pub mod yaml {
        pub use crate::manifest::yaml::{documents, to_text};
    }
}

/// Of [`crate::mediaconnect`].
pub mod mediaconnect {
    pub use crate::mediaconnect::Settings;
}

/// Of [`crate::medialive`].
pub mod medialive {
    pub use crate::medialive::{MediaLive, OWNER_TAG, Settings};
}

/// Of [`crate::metrics`].
pub mod metrics {
    pub use crate::metrics::Metrics;
}

/// Of [`crate::model`].
pub mod model {
    pub use crate::model::{
        Cause, ChannelClass, ChannelId, ChannelObservation, ChannelPool, ChannelState, Desired, Destination,
        DestinationName, Disruption, Endpoint, GroupName, Identity, Idle, InputState, Interrupt, Mark,
        NoSlot, Observed, ObservedChannel, ObservedGroup, OutputGroup, OutputRecord, OutputState, OwnerId,
        Pause, Pin, Placement, Pool, PoolChannel, PoolName, Recorded, Recording, RouteState, RouterArn,
        RouterInput, RouterOutput, RouterPool, RouterSettings, Secret, SlotId, SlotSelector, SlotTag, Stream,
        StreamKey, Target, TargetDigest, Tier, Trouble, Trust, WantedState, Window,
    };

    /// Of [`crate::model::tag`].
    pub mod tag {
        pub use crate::model::tag::{SLOT_TAG_PREFIX, TAKEOVER_TAG, slot_tag_key};
    }
}

/// Of [`crate::observe`].
pub mod observe {
    pub use crate::observe::{AccountView, Observer};
}

/// Of [`crate::plan`].
pub mod plan {
    pub use crate::plan::{
        Action, Adoption, ChannelPlan, Content, DestinationPlan, Interruptions, NoTakeover, Optimality, Plan,
        Reason, Seen, SlotPlan, SlotRecord, SlotWrite, Step, Violation, Waiting, check, explain, plan,
    };
}

/// Of [`crate::record`].
pub mod record {
    pub use crate::record::{Case, CaseOutcome, Recording, Replay, StandIns, document};
}

/// Of [`crate::recorder`].
pub mod recorder {
    pub use crate::recorder::{Limits, Recorder};
}

/// Of [`crate::render`].
pub mod render {
    pub use crate::render::Style;

    /// Of [`crate::render::explain_json`].
    pub mod explain_json {
        pub use crate::render::explain_json::explain_json;
    }

    /// Of [`crate::render::plan`].
    pub mod plan {
        pub use crate::render::plan::plan;
    }

    /// Of [`crate::render::plan_json`].
    pub mod plan_json {
        pub use crate::render::plan_json::plan_json;
    }

    /// Of [`crate::render::plan_markdown`].
    pub mod plan_markdown {
        pub use crate::render::plan_markdown::plan_markdown;
    }

    /// Of [`crate::render::problems`].
    pub mod problems {
        pub use crate::render::problems::{problems, problems_json};
    }

    /// Of [`crate::render::progress`].
    pub mod progress {
        pub use crate::render::progress::{Reporter, Stamp};
    }

    /// Of [`crate::render::replay`].
    pub mod replay {
        pub use crate::render::replay::{differences, replay};
    }

    /// Of [`crate::render::status`].
    pub mod status {
        pub use crate::render::status::{status, status_json};
    }
}

/// Of [`crate::secrets`].
pub mod secrets {
    pub use crate::secrets::Keys;
}

/// Of [`crate::status`].
pub mod status {
    pub use crate::status::{ConditionStatus, DestinationStatus, Phase, Status, status};
}

/// Of [`crate::store`].
pub mod store {
    pub use crate::store::{LoadError, LoadOptions, Loaded, Source, Sources, Tables, changes};

    /// Of [`crate::store::assemble`].
    pub mod assemble {
        pub use crate::store::assemble::{Assembled, Good, assemble};
    }

    /// Of [`crate::store::dynamodb`].
    pub mod dynamodb {
        pub use crate::store::dynamodb::Access;
    }
}

/// Of [`crate::wiring`].
pub mod wiring {
    pub use crate::wiring::{
        Clients, assemble, client_through, emulated_client, emulated_mediaconnect, invent,
    };
}

/// Of [`crate::write_lease`].
pub mod write_lease {
    pub use crate::write_lease::{Holding, WriteLease};
}
